"""Kinds of the API group meta, one module a version. Generated: do not edit."""
