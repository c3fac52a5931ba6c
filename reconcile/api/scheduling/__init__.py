"""Kinds of the API group scheduling, one module a version. Generated: do not edit."""
