"""What a plugin raises."""

from __future__ import annotations


class PluginError(Exception):
    """A plugin cannot say yes or no: the pod is tried again after its backoff, whatever happens meanwhile."""
