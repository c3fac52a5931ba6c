"""Content type and patch body → the patched object."""

from reconcile.apiserver.patching.patcher import Patcher

__all__ = ["Patcher"]
