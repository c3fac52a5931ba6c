"""Kinds of the API group discovery, one module a version. Generated: do not edit."""
