"""Kinds of the API group authentication, one module a version. Generated: do not edit."""
