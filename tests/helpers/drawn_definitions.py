"""The custom kinds of drawn sequences: one that is namespaced, one of the cluster in several versions."""

from __future__ import annotations

from typing import Any

Body = dict[str, Any]

WIDGETS: Body = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "widgets.drawn.example.com"},
    "spec": {
        "group": "drawn.example.com",
        "scope": "Namespaced",
        "names": {"plural": "widgets", "kind": "Widget"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "subresources": {
                    "status": {},
                    "scale": {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"},
                },
                "selectableFields": [{"jsonPath": ".spec.color"}],
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "spec": {
                                "type": "object",
                                "properties": {
                                    "replicas": {"type": "integer", "minimum": 0, "default": 1},
                                    "color": {"type": "string", "enum": ["red", "blue"]},
                                    "parts": {
                                        "type": "array",
                                        "x-kubernetes-list-type": "map",
                                        "x-kubernetes-list-map-keys": ["name"],
                                        "items": {
                                            "type": "object",
                                            "required": ["name"],
                                            "properties": {
                                                "name": {"type": "string"},
                                                "size": {"type": "integer", "maximum": 9},
                                            },
                                        },
                                    },
                                    "tags": {
                                        "type": "array",
                                        "x-kubernetes-list-type": "set",
                                        "items": {"type": "string"},
                                    },
                                    "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                                },
                            },
                            "status": {
                                "type": "object",
                                "properties": {"replicas": {"type": "integer"}, "phase": {"type": "string"}},
                            },
                        },
                    }
                },
            }
        ],
    },
}


def _realm(name: str, *, storage: bool, **spec: Body) -> Body:
    return {
        "name": name,
        "served": True,
        "storage": storage,
        "subresources": {"status": {}},
        "schema": {
            "openAPIV3Schema": {
                "type": "object",
                "properties": {
                    "spec": {"type": "object", "properties": spec},
                    "status": {
                        "type": "object",
                        "properties": {
                            "seen": {"type": "integer"},
                            "conditions": {
                                "type": "array",
                                "x-kubernetes-list-type": "map",
                                "x-kubernetes-list-map-keys": ["type"],
                                "items": {
                                    "type": "object",
                                    "required": ["type", "status"],
                                    "properties": {
                                        "type": {"type": "string", "minLength": 2},
                                        "status": {"type": "string"},
                                    },
                                },
                            },
                        },
                    },
                },
            }
        },
    }


_FIXED: Body = {
    "type": "string",
    "x-kubernetes-validations": [{"rule": "self == oldSelf", "message": "may not change"}],
}

REALMS: Body = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "realms.drawn.example.com"},
    "spec": {
        "group": "drawn.example.com",
        "scope": "Cluster",
        "names": {"plural": "realms", "kind": "Realm", "shortNames": ["rl"], "categories": ["drawn"]},
        "versions": [
            {
                **_realm(
                    "v1",
                    storage=True,
                    size={"type": "integer", "minimum": 1},
                    mode={"type": "string", "enum": ["open", "closed"], "default": "open"},
                    home=_FIXED,
                    flags={"type": "object", "additionalProperties": {"type": "boolean"}},
                    rooms={
                        "type": "array",
                        "maxItems": 3,
                        "x-kubernetes-list-type": "atomic",
                        "items": {"type": "string", "maxLength": 3},
                    },
                ),
                "additionalPrinterColumns": [
                    {"name": "Size", "type": "integer", "jsonPath": ".spec.size"},
                    {"name": "Mode", "type": "string", "jsonPath": ".spec.mode", "priority": 1},
                ],
            },
            {
                **_realm(
                    "v2",
                    storage=False,
                    size={"type": "integer", "maximum": 5, "default": 2},
                    mode={"type": "string"},
                    extra={"type": "string", "default": "e", "nullable": True},
                    flags={
                        "type": "object",
                        "x-kubernetes-map-type": "atomic",
                        "additionalProperties": {"type": "boolean"},
                    },
                ),
                "selectableFields": [{"jsonPath": ".spec.mode"}],
                "deprecated": True,
                "deprecationWarning": "v2 is older than it looks",
            },
        ],
    },
}

DEFINITIONS = (WIDGETS, REALMS)
