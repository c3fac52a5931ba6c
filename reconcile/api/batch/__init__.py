"""Kinds of the API group batch, one module a version. Generated: do not edit."""
