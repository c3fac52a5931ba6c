"""Writes the embedded server's list of built-in resources from the discovery of a real kube-apiserver.

kubectl proxy & python tools/generate_discovery.py http://127.0.0.1:8001
"""

from __future__ import annotations

import json
import sys
import urllib.request
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parent.parent / "reconcile" / "apiserver" / "discovery" / "builtin.json"


def main(server: str) -> None:
    def read(path: str) -> Any:
        with urllib.request.urlopen(server + path) as answer:
            return json.load(answer)

    groups: list[dict[str, Any]] = [
        {"name": "", "versions": [{"version": "v1", "resources": read("/api/v1")["resources"]}]}
    ]
    for group in read("/apis")["groups"]:
        versions = [
            {
                "version": version["version"],
                "resources": read(f"/apis/{version['groupVersion']}")["resources"],
            }
            for version in group["versions"]
        ]
        groups.append({"name": group["name"], "versions": versions})
    version = read("/version")
    lines = ",\n".join(json.dumps(group, separators=(",", ":")) for group in groups)
    TARGET.write_text(f'{{"version":{json.dumps(version)},\n"groups":[\n{lines}\n]}}\n')


if __name__ == "__main__":
    main(sys.argv[1])
