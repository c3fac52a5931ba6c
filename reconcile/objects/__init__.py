"""What an object is: identity, metadata, selectors, quantities, owners, conditions, codecs, patches.

    identity    how objects and kinds are named
    kinds       what a kind argument may be
    meta        typed parts shared by every object
    metadata    an object's metadata from its bytes
    custom      custom kinds as Pydantic models
    codecs      bytes to objects and back
    origin      writing back without losing unknown fields
    paths       values at declared paths, from bytes
    access      facts about an object in any form
    selectors   label and field selectors
    quantities  amounts of resources
    times       times and durations as the API writes them
    owners      owner references
    conditions  conditions of a status
    sameness    whether two states say the same to the server
    finalizers  finalizers
    patches     JSON, merge and strategic patches

The names below are loaded when they are first used, so that importing this package costs nothing:
Pydantic is imported only with `Model` and `CustomResource`, or a codec of such a kind.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from reconcile.objects.access import (
        deleting,
        gvk_of,
        key_of,
        metadata_of,
        resource_version_of,
        uid_of,
    )
    from reconcile.objects.codecs import (
        Codec,
        codec_for,
        codec_of,
        encode,
        raw_of,
    )
    from reconcile.objects.conditions import (
        condition,
        find_condition,
        has_status,
        is_false,
        is_true,
        remove_condition,
        set_condition,
    )
    from reconcile.objects.custom import (
        CustomResource,
        Model,
    )
    from reconcile.objects.finalizers import (
        add_finalizer,
        finalizers_of,
        has_finalizer,
        remove_finalizer,
    )
    from reconcile.objects.identity import (
        GroupKind,
        GroupVersionKind,
        ObjectKey,
        ResourceType,
    )
    from reconcile.objects.kinds import (
        Kind,
        MetadataOnly,
        resource_type_of,
    )
    from reconcile.objects.meta import (
        Condition,
        IntOrString,
        KubernetesObject,
        LabelSelector,
        LabelSelectorRequirement,
        ListMeta,
        ManagedFieldsEntry,
        ObjectMeta,
        OwnerReference,
        Quantity,
        Struct,
    )
    from reconcile.objects.metadata import (
        ObjectMetadata,
        OwnerRef,
        decode_metadata,
    )
    from reconcile.objects.origin import (
        replay,
    )
    from reconcile.objects.owners import (
        AlreadyOwnedError,
        check_ownable,
        controller_of,
        is_controlled_by,
        owner_reference,
        owner_references_of,
        remove_owner_reference,
        set_controller_reference,
        set_owner_reference,
    )
    from reconcile.objects.partial import (
        Part,
        PartialObject,
    )
    from reconcile.objects.patches import (
        NO_SCHEMA,
        PatchError,
        PatchField,
        PatchSchema,
        apply_json_patch,
        apply_merge_patch,
        apply_strategic_patch,
        create_merge_patch,
        create_strategic_patch,
    )
    from reconcile.objects.paths import (
        PathReader,
    )
    from reconcile.objects.quantities import (
        Amount,
        InvalidQuantityError,
        canonical,
    )
    from reconcile.objects.sameness import same
    from reconcile.objects.selectors import (
        FieldSelector,
        FieldSelectorLike,
        InvalidSelectorError,
        LabelSelectorLike,
        Selector,
        field_selector,
        label_selector,
    )
    from reconcile.objects.times import (
        format_duration,
        format_micro_time,
        format_time,
        parse_duration,
        parse_time,
    )

_HOMES: Final = {
    "AlreadyOwnedError": "owners",
    "Amount": "quantities",
    "Codec": "codecs",
    "Condition": "meta",
    "CustomResource": "custom",
    "FieldSelector": "selectors",
    "FieldSelectorLike": "selectors",
    "GroupKind": "identity",
    "GroupVersionKind": "identity",
    "IntOrString": "meta",
    "InvalidQuantityError": "quantities",
    "InvalidSelectorError": "selectors",
    "Kind": "kinds",
    "KubernetesObject": "meta",
    "LabelSelector": "meta",
    "LabelSelectorLike": "selectors",
    "LabelSelectorRequirement": "meta",
    "ListMeta": "meta",
    "ManagedFieldsEntry": "meta",
    "MetadataOnly": "kinds",
    "Model": "custom",
    "NO_SCHEMA": "patches",
    "ObjectKey": "identity",
    "ObjectMeta": "meta",
    "ObjectMetadata": "metadata",
    "OwnerRef": "metadata",
    "OwnerReference": "meta",
    "Part": "partial",
    "PartialObject": "partial",
    "PatchError": "patches",
    "PatchField": "patches",
    "PatchSchema": "patches",
    "PathReader": "paths",
    "Quantity": "meta",
    "ResourceType": "identity",
    "Selector": "selectors",
    "Struct": "meta",
    "add_finalizer": "finalizers",
    "apply_json_patch": "patches",
    "apply_merge_patch": "patches",
    "apply_strategic_patch": "patches",
    "canonical": "quantities",
    "check_ownable": "owners",
    "codec_for": "codecs",
    "codec_of": "codecs",
    "condition": "conditions",
    "controller_of": "owners",
    "create_merge_patch": "patches",
    "create_strategic_patch": "patches",
    "decode_metadata": "metadata",
    "deleting": "access",
    "encode": "codecs",
    "field_selector": "selectors",
    "finalizers_of": "finalizers",
    "find_condition": "conditions",
    "format_duration": "times",
    "format_micro_time": "times",
    "format_time": "times",
    "gvk_of": "access",
    "has_finalizer": "finalizers",
    "has_status": "conditions",
    "is_controlled_by": "owners",
    "is_false": "conditions",
    "is_true": "conditions",
    "key_of": "access",
    "label_selector": "selectors",
    "metadata_of": "access",
    "owner_reference": "owners",
    "owner_references_of": "owners",
    "parse_duration": "times",
    "parse_time": "times",
    "raw_of": "codecs",
    "remove_condition": "conditions",
    "remove_finalizer": "finalizers",
    "remove_owner_reference": "owners",
    "replay": "origin",
    "resource_type_of": "kinds",
    "resource_version_of": "access",
    "same": "sameness",
    "set_condition": "conditions",
    "set_controller_reference": "owners",
    "set_owner_reference": "owners",
    "uid_of": "access",
}

__all__ = [
    "NO_SCHEMA",
    "AlreadyOwnedError",
    "Amount",
    "Codec",
    "Condition",
    "CustomResource",
    "FieldSelector",
    "FieldSelectorLike",
    "GroupKind",
    "GroupVersionKind",
    "IntOrString",
    "InvalidQuantityError",
    "InvalidSelectorError",
    "Kind",
    "KubernetesObject",
    "LabelSelector",
    "LabelSelectorLike",
    "LabelSelectorRequirement",
    "ListMeta",
    "ManagedFieldsEntry",
    "MetadataOnly",
    "Model",
    "ObjectKey",
    "ObjectMeta",
    "ObjectMetadata",
    "OwnerRef",
    "OwnerReference",
    "Part",
    "PartialObject",
    "PatchError",
    "PatchField",
    "PatchSchema",
    "PathReader",
    "Quantity",
    "ResourceType",
    "Selector",
    "Struct",
    "add_finalizer",
    "apply_json_patch",
    "apply_merge_patch",
    "apply_strategic_patch",
    "canonical",
    "check_ownable",
    "codec_for",
    "codec_of",
    "condition",
    "controller_of",
    "create_merge_patch",
    "create_strategic_patch",
    "decode_metadata",
    "deleting",
    "encode",
    "field_selector",
    "finalizers_of",
    "find_condition",
    "format_duration",
    "format_micro_time",
    "format_time",
    "gvk_of",
    "has_finalizer",
    "has_status",
    "is_controlled_by",
    "is_false",
    "is_true",
    "key_of",
    "label_selector",
    "metadata_of",
    "owner_reference",
    "owner_references_of",
    "parse_duration",
    "parse_time",
    "raw_of",
    "remove_condition",
    "remove_finalizer",
    "remove_owner_reference",
    "replay",
    "resource_type_of",
    "resource_version_of",
    "same",
    "set_condition",
    "set_controller_reference",
    "set_owner_reference",
    "uid_of",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
