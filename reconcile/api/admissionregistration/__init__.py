"""Kinds of the API group admissionregistration, one module a version. Generated: do not edit."""
