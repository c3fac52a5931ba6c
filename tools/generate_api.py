"""Generates `reconcile/api/` from the OpenAPI of a kube-apiserver.

    python tools/dump_openapi.py /tmp/openapi
    python tools/generate_api.py /tmp/openapi [TARGET]

One module for each group version, so that importing one costs that one and what it refers to. The rules:

- Attributes are snake_case; the wire name is given where camelCase of the attribute is not it.
- Lists and maps are never None: absent is empty. Optional scalars and optional structs are None.
- What Go holds by value (the schema says `default: {}`) is a struct that is always there, as long as
  that struct can be made without arguments.
- Required scalars are required arguments, except in a status, where they start as zero: a server never
  needs them from a client, and an old object may lack them.
- Required times are optional all the same: a server writes null for one that is not set.
- What carries ListMeta (Status) is no object but a plain struct with apiVersion and kind.
- Enumerations stay strings: a newer server may send a value that is not in today's list.
"""

from __future__ import annotations

import json
import keyword
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_HAND_WRITTEN = {
    "Condition",
    "LabelSelector",
    "LabelSelectorRequirement",
    "ListMeta",
    "ManagedFieldsEntry",
    "ObjectMeta",
    "OwnerReference",
}
_GENERATED_META = {
    "DeleteOptions",
    "FieldSelectorRequirement",
    "Preconditions",
    "Status",
    "StatusCause",
    "StatusDetails",
}
_ALIASES = {
    "io.k8s.apimachinery.pkg.apis.meta.v1.Time": "str",
    "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime": "str",
    "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1": "dict[str, Any]",
    "io.k8s.apimachinery.pkg.apis.meta.v1.Patch": "dict[str, Any]",
    "io.k8s.apimachinery.pkg.runtime.RawExtension": "Any",
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": "IntOrString",
    "io.k8s.apimachinery.pkg.api.resource.Quantity": "Quantity",
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON": "Any",
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrArray": (
        "JSONSchemaProps | list[JSONSchemaProps]"
    ),
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrBool": (
        "JSONSchemaProps | bool"
    ),
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrStringArray": (
        "JSONSchemaProps | list[str]"
    ),
}
_META = "io.k8s.apimachinery.pkg.apis.meta.v1."
_TIMES = (_META + "Time", _META + "MicroTime")
_MODULES = (
    (re.compile(r"io\.k8s\.api\.([a-z]+)\.(v[0-9a-z]+)\.(\w+)"), None),
    (re.compile(r"io\.k8s\.apiextensions-apiserver\.pkg\.apis\.(apiextensions)\.(v1)\.(\w+)"), None),
    (re.compile(r"io\.k8s\.kube-aggregator\.pkg\.apis\.(apiregistration)\.(v1)\.(\w+)"), None),
    (re.compile(r"io\.k8s\.apimachinery\.pkg\.apis\.(meta)\.(v1)\.(\w+)"), _GENERATED_META),
)
# An attribute of such a name would stand in the way of the annotations that follow it.
_ANNOTATION_NAMES = {"bool", "bytes", "dict", "float", "int", "list", "str"}
_IMMUTABLE_ZERO = {"int": "0", "float": "0.0", "str": '""', "bool": "False"}


@dataclass(frozen=True)
class Property:
    attribute: str
    wire: str
    annotation: str
    default: str | None
    list_keys: tuple[str, ...] = ()


@dataclass
class Module:
    group: str
    version: str
    schemas: dict[str, dict[str, Any]] = field(default_factory=dict)
    imports: set[tuple[str, str]] = field(default_factory=set)
    objects: set[str] = field(default_factory=set)
    needs_any: bool = False

    @property
    def path(self) -> tuple[str, str]:
        return self.group, self.version


class Generator:
    def __init__(self, source: Path) -> None:
        self.version = json.loads((source / "version.json").read_text())["gitVersion"]
        self.schemas: dict[str, dict[str, Any]] = {}
        for document in sorted((source / "v3").glob("*.json")):
            found = json.loads(document.read_text())
            self.schemas.update(found.get("components", {}).get("schemas", {}))
        self.resources = self._resources(source)
        self.modules: dict[tuple[str, str], Module] = {}
        for name in sorted(self.schemas):
            if place := self._place(name):
                group, version, short = place
                module = self.modules.setdefault((group, version), Module(group, version))
                if not self._is_list(name):
                    module.schemas[short] = self.schemas[name]
        self._bare: dict[str, bool] = {}

    @staticmethod
    def _resources(source: Path) -> dict[tuple[str, str, str], tuple[str, bool]]:
        """Group, version and kind → plural and scope, from discovery; subresources do not count."""
        found: dict[tuple[str, str, str], tuple[str, bool]] = {}
        for root in ("api", "apis"):
            listing = json.loads((source / "discovery" / f"{root}.aggregated.json").read_text())
            for group in listing["items"]:
                name = group["metadata"].get("name", "")
                for version in group["versions"]:
                    for resource in version["resources"]:
                        key = (name, version["version"], resource["responseKind"]["kind"])
                        found[key] = (resource["resource"], resource["scope"] == "Namespaced")
        return found

    @staticmethod
    def _place(name: str) -> tuple[str, str, str] | None:
        if name in _ALIASES:
            return None
        for pattern, only in _MODULES:
            if match := pattern.fullmatch(name):
                group, version, short = match.groups()
                return (group, version, short) if only is None or short in only else None
        return None

    def _is_list(self, name: str) -> bool:
        properties = self.schemas[name].get("properties", {})
        return name.endswith("List") and "items" in properties and "apiVersion" in properties

    def write(self, target: Path) -> None:
        rendered = {place: self._module(module) for place, module in sorted(self.modules.items())}
        for (group, version), text in rendered.items():
            folder = target / group
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{version}.py").write_text(text, encoding="utf-8")
        for group in sorted({group for group, _ in rendered}):
            (target / group / "__init__.py").write_text(
                f'"""Kinds of the API group {group}, one module a version. Generated: do not edit."""\n',
                encoding="utf-8",
            )
        (target / "__init__.py").write_text(
            f'"""Typed built-in kinds of Kubernetes {self.version}, one module a group and version.\n\n'
            "Generated by tools/generate_api.py: do not edit.\n"
            '"""\n',
            encoding="utf-8",
        )

    def _module(self, module: Module) -> str:
        classes = [self._class(module, name) for name in self._ordered(module)]
        exported = sorted(module.schemas)
        from_meta: list[str] = sorted(module.objects)
        if module.path == ("meta", "v1"):
            from_meta = sorted({*from_meta, *_HAND_WRITTEN})
            exported = sorted({*exported, *_HAND_WRITTEN})
        lines = [
            f'"""{module.group}/{module.version} of Kubernetes {self.version}.',
            "",
            "Generated by tools/generate_api.py: do not edit.",
            '"""',
            "",
            "from __future__ import annotations",
            "",
            "from collections.abc import Mapping",
            f"from typing import {'Any, ' if module.needs_any else ''}ClassVar",
            "",
            "from msgspec import field as _field",
            "",
        ]
        lines += [
            f"from reconcile.api.{group} import {version} as {group}_{version}"
            for group, version in sorted(module.imports)
        ]
        if any("ResourceType(" in text for text in classes):
            lines.append("from reconcile.objects.identity import ResourceType")
        lines.append(f"from reconcile.objects.meta import {', '.join(from_meta)}")
        lines += ["", "__all__ = ["]
        lines += [f'    "{name}",' for name in exported]
        lines += ["]", ""]
        return "\n".join(lines) + "\n" + "\n\n".join(classes)

    def _ordered(self, module: Module) -> list[str]:
        """Names with what they build by default before them, otherwise by alphabet."""
        done: list[str] = []
        seen: set[str] = set()

        def visit(name: str) -> None:
            if name in seen:
                return
            seen.add(name)
            for value in module.schemas[name].get("properties", {}).values():
                target = self._reference(value)
                place = self._place(target) if target else None
                if place and place[:2] == module.path and place[2] in module.schemas:
                    visit(place[2])
            done.append(name)

        for name in sorted(module.schemas):
            visit(name)
        return done

    def _class(self, module: Module, name: str) -> str:
        schema = module.schemas[name]
        gvk = schema.get("x-kubernetes-group-version-kind", [])
        metadata = self._reference(schema.get("properties", {}).get("metadata", {}))
        is_object = metadata == _META + "ObjectMeta" and len(gvk) == 1
        base = "KubernetesObject" if is_object else "Struct"
        module.objects.add(base)
        lines = [
            f"class {name}({base}, kw_only=True):",
            f'    """{module.group}/{module.version} {name}."""',
            "",
        ]
        if is_object:
            lines += [f"    __resource_type__ = {self._resource_type(gvk[0])}", ""]
        properties = [
            self._property(module, name, schema, wire, value)
            for wire, value in sorted(schema.get("properties", {}).items())
            if not (is_object and wire in ("apiVersion", "kind"))
        ]
        if keys := {p.wire: p.list_keys for p in properties if p.list_keys}:
            lines.append("    __list_keys__: ClassVar[Mapping[str, tuple[str, ...]]] = {")
            lines += [f'        "{wire}": {_tuple(names)},' for wire, names in keys.items()]
            lines += ["    }", ""]
        for p in properties:
            lines.append(f"    {p.attribute}: {p.annotation}{_default(p)}")
        while lines[-1] == "":
            lines.pop()
        return "\n".join(lines) + "\n"

    def _resource_type(self, gvk: dict[str, str]) -> str:
        key = (gvk["group"], gvk["version"], gvk["kind"])
        plural, namespaced = self.resources.get(key, (gvk["kind"].lower() + "s", True))
        scope = "" if namespaced else ", namespaced=False"
        return f'ResourceType("{key[0]}", "{key[1]}", "{key[2]}", "{plural}"{scope})'

    def _property(
        self, module: Module, owner: str, schema: dict[str, Any], wire: str, value: dict[str, Any]
    ) -> Property:
        attribute = _snake(wire)
        required = wire in schema.get("required", []) and self._reference(value) not in _TIMES
        annotation = self._annotation(module, value)
        keys = tuple(value.get("x-kubernetes-list-map-keys", ()))
        if not keys and (merge_key := value.get("x-kubernetes-patch-merge-key")):
            keys = (merge_key,)
        if annotation.startswith("list["):
            return Property(attribute, wire, annotation, "[]", keys)
        if annotation.startswith("dict[") and not annotation.endswith("None"):
            return Property(attribute, wire, annotation, "{}")
        target = self._reference(value)
        if target and self._is_struct(target):
            by_value = required or value.get("default") == {}
            if by_value and self._is_bare(target):
                return Property(attribute, wire, annotation, f"_field(default_factory={annotation})")
            if required and not by_value:
                return Property(attribute, wire, annotation, None)
            if required:
                return Property(attribute, wire, annotation, None)
            return Property(attribute, wire, f"{annotation} | None", "None")
        if annotation == "Any":
            return Property(attribute, wire, annotation, "None")
        if required:
            zero = _IMMUTABLE_ZERO.get(annotation) if owner.endswith("Status") else None
            return Property(attribute, wire, annotation, zero)
        return Property(attribute, wire, f"{annotation} | None", "None")

    def _is_struct(self, name: str) -> bool:
        return name not in _ALIASES and "properties" in self.schemas[name]

    def _is_bare(self, name: str) -> bool:
        """Whether the struct can be made without arguments."""
        if name in self._bare:
            return self._bare[name]
        self._bare[name] = False
        short = name.rpartition(".")[2]
        if name.startswith(_META) and short in _HAND_WRITTEN:
            self._bare[name] = short not in {"Condition", "LabelSelectorRequirement", "OwnerReference"}
            return self._bare[name]
        schema = self.schemas[name]
        result = True
        for wire in schema.get("required", []):
            value = schema["properties"][wire]
            target = self._reference(value)
            if value.get("type") in ("array", "object") or target in _TIMES:
                continue
            if target and self._is_struct(target):
                result = result and self._is_bare(target)
            elif target and _ALIASES.get(target) in ("Any", "dict[str, Any]"):
                continue
            elif not short.endswith("Status"):
                result = False
        self._bare[name] = result
        return result

    @staticmethod
    def _reference(value: dict[str, Any]) -> str | None:
        reference = value.get("$ref") or next(
            (part["$ref"] for part in value.get("allOf", []) if "$ref" in part), None
        )
        return reference.removeprefix("#/components/schemas/") if reference else None

    def _annotation(self, module: Module, value: dict[str, Any]) -> str:
        if target := self._reference(value):
            return self._type_name(module, target)
        kind = value.get("type")
        if kind == "array":
            return f"list[{self._annotation(module, value['items'])}]"
        if kind == "object":
            if "additionalProperties" in value:
                return f"dict[str, {self._annotation(module, value['additionalProperties'])}]"
            module.needs_any = True
            return "dict[str, Any]"
        if kind == "string":
            return "bytes" if value.get("format") == "byte" else "str"
        simple = {"integer": "int", "number": "float", "boolean": "bool"}.get(kind or "")
        if simple is None:
            module.needs_any = True
        return simple or "Any"

    def _type_name(self, module: Module, target: str) -> str:
        if alias := _ALIASES.get(target):
            if "Any" in alias:
                module.needs_any = True
            if alias in ("IntOrString", "Quantity"):
                module.objects.add(alias)
            return alias
        short = target.rpartition(".")[2]
        if target.startswith(_META) and short in _HAND_WRITTEN:
            module.objects.add(short)
            return short
        place = self._place(target)
        if place is None:
            raise SystemExit(f"no rule says where {target} belongs")
        group, version, name = place
        if (group, version) == module.path:
            return name
        module.imports.add((group, version))
        return f"{group}_{version}.{name}"


def _tuple(names: tuple[str, ...]) -> str:
    inner = ", ".join(f'"{name}"' for name in names)
    return f"({inner},)" if len(names) == 1 else f"({inner})"


def _snake(wire: str) -> str:
    text = wire.replace("$", "").replace("-", "_")
    text = re.sub(r"(?<=[a-z0-9])([A-Z]+)s(?=[A-Z]|$)", lambda m: "_" + m[1].lower() + "s", text)
    text = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", text)
    text = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", text).lower()
    return f"{text}_" if keyword.iskeyword(text) or text in _ANNOTATION_NAMES else text


def _camel(attribute: str) -> str:
    """What msgspec's `rename="camel"` makes of an attribute."""
    head, *rest = attribute.split("_")
    return head + "".join(part.title() for part in rest)


def _default(p: Property) -> str:
    renamed = _camel(p.attribute) != p.wire
    if not renamed:
        return "" if p.default is None else f" = {p.default}"
    name = f'name="{p.wire}"'
    if p.default is None:
        return f" = _field({name})"
    if p.default.startswith("_field("):
        return f" = {p.default[:-1]}, {name})"
    factory = {"[]": "default_factory=list", "{}": "default_factory=dict"}.get(p.default)
    return f" = _field({factory or f'default={p.default}'}, {name})"


def main() -> None:
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: python tools/generate_api.py OPENAPI_FOLDER [TARGET]")
    default = Path(__file__).resolve().parents[1] / "reconcile" / "api"
    target = Path(sys.argv[2]) if len(sys.argv) == 3 else default
    Generator(Path(sys.argv[1])).write(target)


if __name__ == "__main__":
    main()
