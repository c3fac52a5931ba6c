"""Kinds of the API group apiextensions, one module a version. Generated: do not edit."""
