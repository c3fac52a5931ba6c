"""Kinds of the API group apps, one module a version. Generated: do not edit."""
