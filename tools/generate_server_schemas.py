"""Generates the embedded server's data on the built-in kinds from what a real kube-apiserver says.

    go run ./gotypes > gotypes.json         (in tools/controlplane)
    python tools/generate_server_schemas.py --openapi DUMPS --go-types gotypes.json

`DUMPS` is a directory with `v2.json` (/openapi/v2), `v3/<path, / as __>.json` (each /openapi/v3 document)
and `discovery/{api,apis}.aggregated.json`. Output, byte-stable, in reconcile/apiserver/schemas/:

    kinds.json.gz    resources as discovery names them; each struct's fields: how Go encodes them, list and
                     map topology, patch strategy, defaults
    openapi.json.xz  the OpenAPI documents themselves, to be published as they are
"""

from __future__ import annotations

import argparse
import gzip
import json
import lzma
from pathlib import Path
from typing import Any

OUTPUT = Path(__file__).parent.parent / "reconcile" / "apiserver" / "schemas"


def openapi_name(go_name: str) -> str:
    """`k8s.io/api/apps/v1.Deployment` as OpenAPI names it: `io.k8s.api.apps.v1.Deployment`."""
    package, _, name = go_name.rpartition(".")
    host, _, path = package.partition("/")
    return ".".join([*reversed(host.split(".")), *path.split("/"), name])


def topology(schema: dict[str, Any]) -> dict[str, Any]:
    extra: dict[str, Any] = {}
    for key, short in (
        ("x-kubernetes-list-type", "listType"),
        ("x-kubernetes-list-map-keys", "keys"),
        ("x-kubernetes-map-type", "mapType"),
        ("x-kubernetes-patch-strategy", "patchStrategy"),
        ("x-kubernetes-patch-merge-key", "mergeKey"),
    ):
        if key in schema:
            extra[short] = schema[key]
    default = schema.get("default")
    if default not in (None, {}, "", 0, False):
        extra["default"] = default
    return extra


def structs(go_types: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for go_name, struct in sorted(go_types["structs"].items()):
        name = openapi_name(go_name)
        schema = schemas.get(name, {})
        properties = schema.get("properties", {})
        fields: dict[str, Any] = {}
        for field in struct["fields"]:
            expression = field["type"]
            marker = expression.find("@")
            if marker >= 0:
                expression = expression[: marker + 1] + openapi_name(expression[marker + 1 :])
            flags = int(field.get("omitEmpty", False)) + 2 * int(field.get("omitZero", False))
            extra = topology(properties.get(field["name"], {}))
            if field.get("embedded"):
                extra["embedded"] = field["embedded"]
            fields[field["name"]] = [expression, flags, extra] if extra else [expression, flags]
        one: dict[str, Any] = {"go": struct["go"], "fields": fields}
        if "x-kubernetes-map-type" in schema:
            one["mapType"] = schema["x-kubernetes-map-type"]
        result[name] = one
    return result


def reachable(roots: set[str], types: dict[str, Any]) -> dict[str, Any]:
    found: set[str] = set()
    waiting = sorted(roots)
    while waiting:
        name = waiting.pop()
        if name in found or name not in types:
            continue
        found.add(name)
        for field in types[name]["fields"].values():
            _, at, target = field[0].partition("@")
            if at:
                waiting.append(target)
    return {name: types[name] for name in sorted(found)}


def resources(dumps: Path) -> list[dict[str, Any]]:
    result: list[dict[str, Any]] = []
    for file in ("api", "apis"):
        document = json.loads((dumps / "discovery" / f"{file}.aggregated.json").read_text())
        for group in document["items"]:
            name = group.get("metadata", {}).get("name", "")
            for version in group["versions"]:
                place = {"group": name, "version": version["version"]}
                result += [{**place, **resource} for resource in version.get("resources", ())]
    return result


def hashes(dumps: Path) -> dict[str, str]:
    """`storageVersionHash` by `group/version/resource`, from the unaggregated discovery."""
    found: dict[str, str] = {}
    for file in sorted((dumps / "discovery" / "resources").glob("*.json")):
        document = json.loads(file.read_text())
        if document.get("kind") != "APIResourceList":
            continue
        for resource in document["resources"]:
            if "storageVersionHash" in resource:
                found[f"{document['groupVersion']}/{resource['name']}"] = resource["storageVersionHash"]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--openapi", type=Path, required=True)
    parser.add_argument("--go-types", type=Path, required=True)
    parser.add_argument("--output", type=Path, default=OUTPUT)
    options = parser.parse_args()

    v3: dict[str, Any] = {}
    schemas: dict[str, Any] = {}
    for file in sorted((options.openapi / "v3").glob("*.json")):
        if file.name == "index.json":
            continue
        path = file.stem.replace("__", "/")
        v3[path] = json.loads(file.read_text())
        schemas.update(v3[path].get("components", {}).get("schemas", {}))
    go_types = json.loads(options.go_types.read_text())
    types = structs(go_types, schemas)

    served = resources(options.openapi)
    version_hashes = hashes(options.openapi)
    kinds: dict[str, str] = {}
    for key, go_name in sorted(go_types["kinds"].items()):
        name = openapi_name(go_name)
        if not key.split("/")[-1].endswith("List") and name in types and "internal" not in key:
            kinds[key] = name
    used = {
        key: name
        for key, name in kinds.items()
        if name in schemas or key.split("/")[-1] in ("Scale", "Eviction", "Binding", "TokenRequest")
    }
    for resource in served:
        prefix = f"{resource['group']}/" if resource["group"] else ""
        found = version_hashes.get(f"{prefix}{resource['version']}/{resource['resource']}")
        if found:
            resource["storageVersionHash"] = found
    document = {
        "resources": served,
        "kinds": used,
        "structs": reachable(set(used.values()), types),
    }
    data = json.dumps(document, separators=(",", ":"), sort_keys=False).encode()
    (options.output / "kinds.json.gz").write_bytes(gzip.compress(data, 9, mtime=0))
    openapi = {"v2": json.loads((options.openapi / "v2.json").read_text()), "v3": v3}
    packed = json.dumps(openapi, separators=(",", ":")).encode()
    (options.output / "openapi.json.xz").write_bytes(lzma.compress(packed, preset=9))


if __name__ == "__main__":
    main()
