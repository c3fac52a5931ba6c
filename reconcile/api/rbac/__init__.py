"""Kinds of the API group rbac, one module a version. Generated: do not edit."""
