"""Generates the columns of kubectl's tables from what a real kube-apiserver answers.

    python tools/generate_table_columns.py --server URL --certificate CRT --key KEY

Asks for a Table of every listable built-in resource and writes their column definitions, by group version
and resource, to reconcile/apiserver/tables/columns.json.gz.
"""

from __future__ import annotations

import argparse
import gzip
import json
import ssl
import urllib.request
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parent.parent / "reconcile" / "apiserver"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--server", required=True)
    parser.add_argument("--certificate", required=True)
    parser.add_argument("--key", required=True)
    options = parser.parse_args()
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.load_cert_chain(options.certificate, options.key)
    kinds = json.loads(gzip.decompress((PACKAGE / "schemas" / "kinds.json.gz").read_bytes()))
    found: dict[str, list[dict[str, Any]]] = {}
    for resource in kinds["resources"]:
        if "list" not in resource["verbs"]:
            continue
        version = f"{resource['group']}/{resource['version']}" if resource["group"] else resource["version"]
        path = f"/apis/{version}" if resource["group"] else f"/api/{version}"
        request = urllib.request.Request(
            f"{options.server}{path}/{resource['resource']}?limit=1",
            headers={"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"},
        )
        with urllib.request.urlopen(request, context=context) as answer:
            table = json.load(answer)
        found[f"{version}/{resource['resource']}"] = table["columnDefinitions"]
    data = json.dumps(found, separators=(",", ":"), sort_keys=True).encode()
    (PACKAGE / "tables" / "columns.json.gz").write_bytes(gzip.compress(data, 9, mtime=0))


if __name__ == "__main__":
    main()
