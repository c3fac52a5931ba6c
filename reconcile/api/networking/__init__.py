"""Kinds of the API group networking, one module a version. Generated: do not edit."""
