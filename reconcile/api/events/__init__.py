"""Kinds of the API group events, one module a version. Generated: do not edit."""
