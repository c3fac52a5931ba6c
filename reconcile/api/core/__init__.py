"""Kinds of the API group core, one module a version. Generated: do not edit."""
