"""Kinds of the API group authorization, one module a version. Generated: do not edit."""
