"""Writes what a kube-apiserver says of its API into a folder, for the generators beside this script.

    python tools/dump_openapi.py FOLDER

Starts the control plane of `tools/controlplane` and keeps, as JSON:

    v2.json                        /openapi/v2
    v3/<path with / as __>.json    every document of /openapi/v3
    discovery/{api,apis}.aggregated.json
    version.json
"""

from __future__ import annotations

import json
import ssl
import sys
import urllib.request
from pathlib import Path
from typing import Any

from reconcile.testing.control_plane import ControlPlane

_AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


def dump(folder: Path) -> None:
    with ControlPlane() as plane:
        context = ssl.create_default_context(cafile=str(plane.ca_certificate))
        context.load_cert_chain(plane.admin_certificate, plane.admin_key)

        def fetch(path: str, accept: str = "application/json") -> Any:
            request = urllib.request.Request(plane.url + path, headers={"Accept": accept})
            with urllib.request.urlopen(request, context=context, timeout=60) as answer:
                return json.load(answer)

        def keep(name: str, document: Any) -> None:
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(json.dumps(document, sort_keys=True), encoding="utf-8")

        keep("version.json", fetch("/version"))
        keep("v2.json", fetch("/openapi/v2"))
        for path, entry in fetch("/openapi/v3")["paths"].items():
            keep(f"v3/{path.replace('/', '__')}.json", fetch(entry["serverRelativeURL"]))
        for root in ("api", "apis"):
            keep(f"discovery/{root}.aggregated.json", fetch(f"/{root}", _AGGREGATED))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python tools/dump_openapi.py FOLDER")
    dump(Path(sys.argv[1]))
