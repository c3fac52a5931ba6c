"""Kinds of the API group node, one module a version. Generated: do not edit."""
