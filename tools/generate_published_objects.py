"""Writes what a kube-apiserver publishes of itself as objects, as a real one does, for the embedded one.

python tools/generate_published_objects.py            writes reconcile/apiserver/published.json.gz
python tools/generate_published_objects.py --check    fails when the file is not what a real server says
"""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path
from typing import Any

from reconcile.testing.control_plane import ControlPlane

TARGET = Path(__file__).parents[1] / "reconcile/apiserver/published.json.gz"
KINDS = (
    "apiservices.apiregistration.k8s.io",
    "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io",
    "flowschemas.flowcontrol.apiserver.k8s.io",
)
OF_THE_SERVER = ("creationTimestamp", "managedFields", "resourceVersion", "uid", "generation")


def asked() -> dict[str, list[dict[str, Any]]]:
    """What a real server has, by resource."""
    with ControlPlane() as plane:
        return {kind: [_cleaned(item) for item in _items(plane, kind)] for kind in KINDS}


def _items(plane: ControlPlane, kind: str) -> list[dict[str, Any]]:
    return json.loads(plane.kubectl("get", kind, "--output=json"))["items"]


def _cleaned(obj: dict[str, Any]) -> dict[str, Any]:
    metadata = {key: value for key, value in obj["metadata"].items() if key not in OF_THE_SERVER}
    for condition in (obj.get("status") or {}).get("conditions") or ():
        condition.pop("lastTransitionTime", None)
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
