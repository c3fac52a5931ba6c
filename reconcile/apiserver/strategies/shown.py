"""Values as messages show them: Go's structs, whose fields have the names and the order of the source.

Kubernetes' internal types have no JSON tags, so that a struct in a message has every field under its Go name;
types of apimachinery have their tags there as well.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from reconcile.apiserver.schemas.catalog import FieldType, TypeExpression, catalog

_INITIALS = (
    "api",
    "cel",
    "uid",
    "url",
    "ip",
    "fs",
    "os",
    "nfs",
    "rbd",
    "iqn",
    "wwids",
    "csi",
    "iscsi",
    "fc",
    "tls",
    "id",
)
_METADATA = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
_ALWAYS_SHOWN = {"OwnerReference": ("apiVersion", "kind", "name", "uid")}
"""Fields of apimachinery's types that are shown when they are empty, too."""
_WORD = re.compile(r"[a-z]+")
_NAMES = {
    "seLinuxOptions": "SELinuxOptions",
    "seLinuxChangePolicy": "SELinuxChangePolicy",
    "azureDisk": "AzureDisk",
    "cephfs": "CephFS",
    "gcePersistentDisk": "GCEPersistentDisk",
    "awsElasticBlockStore": "AWSElasticBlockStore",
    "storageos": "StorageOS",
    "endpoints": "EndpointsName",
    "podIPs": "PodIPs",
}


_ATTRIBUTE_VALUES = {
    key: f"{key[:1].upper()}{key[1:]}Value"
    if not key.endswith("s")
    else f"{key[:1].upper()}{key[1:-1]}Values"
    for key in ("int", "bool", "string", "version", "ints", "bools", "strings", "versions")
}
_OF_STRUCTS = {"io.k8s.api.resource.v1.DeviceAttribute": _ATTRIBUTE_VALUES}
"""Go names of some structs' fields."""


_AFTER = {"io.k8s.api.core.v1.PersistentVolumeSpec": {"quobyte": "rbd", "flexVolume": "iscsi"}}
"""Fields that the internal struct has elsewhere: after which one."""


def _in_order(name: str, fields: Mapping[str, FieldType]) -> list[str]:
    order = list(fields)
    for field, before in _AFTER.get(name, {}).items():
        order.remove(field)
        order.insert(order.index(before) + 1, field)
    return order


def _go_name(field: str) -> str:
    if field in _NAMES:
        return _NAMES[field]
    found = _WORD.match(field)
    word = found[0] if found else ""
    if word in _INITIALS:
        return word.upper() + field[len(word) :]
    return field[:1].upper() + field[1:]


def shown(name: str, value: Any) -> Any:
    """A value of an internal struct, named as in OpenAPI without `io.k8s.api.`: `core.v1.Taint`."""
    return _shown(TypeExpression("struct", f"io.k8s.api.{name}"), value)


def _shown(type: TypeExpression, value: Any) -> Any:
    if type.shape == "pointer":
        return None if value is None or type.element is None else _shown(type.element, value)
    if type.shape == "list" and type.element is not None:
        return None if value is None else [_shown(type.element, each) for each in value]
    if type.shape == "map" and type.element is not None:
        return None if value is None else {key: _shown(type.element, value[key]) for key in sorted(value)}
    if type.shape == "struct":
        fields = catalog().struct(type.name).fields
        value = value or {}
        if ".api." not in type.name:
            # A type of apimachinery: its tags hold.
            always = _ALWAYS_SHOWN.get(type.name.rpartition(".")[2], ())
            return {
                key: _shown(fields[key].type, value.get(key))
                for key in fields
                if value.get(key) or key in always
            }
        found: dict[str, Any] = {}
        named = _OF_STRUCTS.get(type.name, {})
        for key in _in_order(type.name, fields):
            field = fields[key]
            if field.type.name == _METADATA:
                # Every internal struct that has metadata embeds it.
                found |= _shown(field.type, value.get(key))
            else:
                found[named.get(key) or _go_name(key)] = _shown(field.type, value.get(key))
        return found
    if value is not None:
        return value
    if type.shape == "special":
        return {"Quantity": "0", "IntOrString": 0}.get(type.name)
    basic = type.name.partition(":")[0]
    return "" if basic == "string" else False if basic == "bool" else 0


def shown_list(name: str, values: list[Any] | None) -> Any:
    """A list of such structs."""
    return None if values is None else [shown(name, each) for each in values]
