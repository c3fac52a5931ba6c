"""What OpenAPI says of custom kinds is what a real server says of them, in both versions of it."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from helpers.differential import differences
from helpers.serving import embedded_in_thread

from reconcile.testing.control_plane import ControlPlane
from reconcile.testing.control_plane.build import ensure_binaries

GROUP = "openapi.example.com"
SCHEMAS = {
    "Plain": """
      type: object
      description: A plain kind.
      required: [spec]
      properties:
        spec:
          type: object
          required: [size, maybe]
          properties:
            size: {type: integer, format: int32, minimum: 1, maximum: 9, default: 3}
            maybe: {type: string, nullable: true}
            port: {x-kubernetes-int-or-string: true}
            limited: {x-kubernetes-int-or-string: true, pattern: '^1',
                      anyOf: [{type: integer}, {type: string}]}
            words: {type: array, items: {type: string, enum: [a, b]}, x-kubernetes-list-type: set}
            free: {type: object, x-kubernetes-preserve-unknown-fields: true, properties: {a: {type: string}}}
            anything: {x-kubernetes-preserve-unknown-fields: true}
            lists: {type: array, items: {type: object, properties: {n: {type: number}}, required: [n]},
                    x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [n]}
            labels: {type: object, additionalProperties: {type: string, maxLength: 5}}
            nullables: {type: object, additionalProperties: {type: object, nullable: true}}
            inner: {type: object, x-kubernetes-embedded-resource: true,
                    x-kubernetes-preserve-unknown-fields: true}
            other: {type: object, x-kubernetes-embedded-resource: true, properties: {spec: {type: object}}}
            either: {type: object, properties: {a: {type: string}, b: {type: string}},
                     oneOf: [{required: [a]}, {required: [b]}]}
          x-kubernetes-validations: [{rule: self.size > 0, message: positive}]
    """,
    "Free": "{type: object, x-kubernetes-preserve-unknown-fields: true, description: Free.}",
    "Bare": "{type: object}",
}


def definitions() -> list[dict[str, Any]]:
    return [
        {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": f"{kind.lower()}s.{GROUP}"},
            "spec": {
                "group": GROUP,
                "scope": "Namespaced" if kind == "Plain" else "Cluster",
                "names": {"plural": f"{kind.lower()}s", "singular": kind.lower(), "kind": kind},
                "versions": [
                    {
                        "name": "v1",
                        "served": True,
                        "storage": True,
                        "schema": {"openAPIV3Schema": yaml.safe_load(schema)},
                        "selectableFields": [{"jsonPath": ".spec.size"}] if kind == "Plain" else [],
                    }
                ],
            },
        }
        for kind, schema in SCHEMAS.items()
    ]


def kubectl(kubeconfig: Path, *arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
    command = [str(ensure_binaries().path("kubectl")), f"--kubeconfig={kubeconfig}", *arguments]
    return subprocess.run(command, input=text, capture_output=True, text=True, timeout=300, check=False)


def published(kubeconfig: Path) -> dict[str, Any]:
    """The schemas of the kinds and of their lists, from both documents, once all are there."""
    manifest = json.dumps({"apiVersion": "v1", "kind": "List", "items": definitions()})
    created = kubectl(kubeconfig, "create", "--filename=-", text=manifest)
    assert created.returncode == 0, created.stderr
    names = [f"com.example.openapi.v1.{kind}{end}" for kind in SCHEMAS for end in ("", "List")]
    found: dict[str, Any] = {}
    try:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and len(found) < 2 * len(names):
            time.sleep(0.5)
            for version, path in (("v2", "/openapi/v2"), ("v3", f"/openapi/v3/apis/{GROUP}/v1")):
                asked = kubectl(kubeconfig, "get", "--raw", path)
                document = json.loads(asked.stdout) if asked.returncode == 0 else {}
                schemas = document.get("definitions") or document.get("components", {}).get("schemas") or {}
                found.update({f"{version} {name}": schemas[name] for name in names if name in schemas})
    finally:
        kubectl(kubeconfig, "delete", "--wait=false", "--filename=-", text=manifest)
    assert len(found) == 2 * len(names)
    return found


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with embedded_in_thread(tmp_path_factory.mktemp("openapi")) as kubeconfig:
        yield kubeconfig


def test_schemas_are_published_as_a_real_server_publishes_them(
    embedded: Path, real_plane: ControlPlane
) -> None:
    ours, theirs = published(embedded), published(real_plane.kubeconfig)
    assert [line for name in theirs for line in differences(theirs[name], ours[name], f"{name}: ")] == []
