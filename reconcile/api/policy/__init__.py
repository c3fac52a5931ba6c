"""Kinds of the API group policy, one module a version. Generated: do not edit."""
