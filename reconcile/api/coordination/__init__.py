"""Kinds of the API group coordination, one module a version. Generated: do not edit."""
