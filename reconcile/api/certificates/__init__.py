"""Kinds of the API group certificates, one module a version. Generated: do not edit."""
