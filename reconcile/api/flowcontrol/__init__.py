"""Kinds of the API group flowcontrol, one module a version. Generated: do not edit."""
