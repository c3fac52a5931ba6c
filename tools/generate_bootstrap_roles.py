"""Writes the roles and bindings of a new cluster, as a real kube-apiserver makes them, for the embedded one.

    python tools/generate_bootstrap_roles.py            writes reconcile/apiserver/access/bootstrap.json.gz
    python tools/generate_bootstrap_roles.py --check    fails when the file is not what a real server says

A control plane without controllers is started: aggregated roles have no rules yet then.
"""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path
from typing import Any

from reconcile.testing.control_plane import ControlPlane

TARGET = Path(__file__).parents[1] / "reconcile/apiserver/access/bootstrap.json.gz"
KINDS = ("clusterroles", "clusterrolebindings", "roles", "rolebindings")
OF_THE_SERVER = ("creationTimestamp", "managedFields", "resourceVersion", "uid")


def asked() -> dict[str, list[dict[str, Any]]]:
    """What a real server has, in the order in which it made it."""
    with ControlPlane() as plane:
        return {kind: [_cleaned(obj) for obj in _in_order(plane, kind)] for kind in KINDS}


def _in_order(plane: ControlPlane, kind: str) -> list[dict[str, Any]]:
    text = plane.kubectl("get", kind, "--all-namespaces", "--output=json", "--show-managed-fields")
    items: list[dict[str, Any]] = json.loads(text)["items"]
    return sorted(items, key=lambda item: int(item["metadata"]["resourceVersion"]))


def _cleaned(obj: dict[str, Any]) -> dict[str, Any]:
    metadata = {key: value for key, value in obj["metadata"].items() if key not in OF_THE_SERVER}
    rest = {key: value for key, value in obj.items() if key not in ("apiVersion", "kind", "metadata")}
    return {"metadata": metadata, **rest}


def main() -> int:
    raw = json.dumps(asked(), separators=(",", ":"), sort_keys=True).encode()
    if "--check" in sys.argv[1:]:
        same = gzip.decompress(TARGET.read_bytes()) == raw
        print("as a real server has it" if same else f"{TARGET.name} differs: run this tool")
        return 0 if same else 1
    TARGET.write_bytes(gzip.compress(raw, 9, mtime=0))
    print(f"{TARGET.name}: {len(raw)} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
