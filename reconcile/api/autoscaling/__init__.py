"""Kinds of the API group autoscaling, one module a version. Generated: do not edit."""
