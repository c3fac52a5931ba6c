"""JSON, merge and strategic patches, on plain JSON values."""

from reconcile.objects.patches.errors import PatchError
from reconcile.objects.patches.json_patch import apply_json_patch
from reconcile.objects.patches.json_patch_diff import create_json_patch
from reconcile.objects.patches.merge_patch import apply_merge_patch, create_merge_patch
from reconcile.objects.patches.strategic import NO_SCHEMA, PatchField, PatchSchema, apply_strategic_patch
from reconcile.objects.patches.strategic_diff import create_strategic_patch

__all__ = [
    "NO_SCHEMA",
    "PatchError",
    "PatchField",
    "PatchSchema",
    "apply_json_patch",
    "apply_merge_patch",
    "apply_strategic_patch",
    "create_json_patch",
    "create_merge_patch",
    "create_strategic_patch",
]
