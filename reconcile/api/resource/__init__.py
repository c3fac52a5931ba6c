"""Kinds of the API group resource, one module a version. Generated: do not edit."""
