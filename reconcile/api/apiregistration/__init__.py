"""Kinds of the API group apiregistration, one module a version. Generated: do not edit."""
