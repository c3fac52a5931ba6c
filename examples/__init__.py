"""Operators to read and to run, and manifests to run them on."""
