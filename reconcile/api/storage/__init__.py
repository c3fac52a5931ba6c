"""Kinds of the API group storage, one module a version. Generated: do not edit."""
