"""Objects of the catalogue's kinds: drawn from the models, and broken in one place."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from helpers.crd_models import Case
from hypothesis import HealthCheck, Phase, given, settings
from pydantic import ValidationError

from reconcile.crd import structural_schema
from reconcile.objects import codec_for
from reconcile.testing.model_strategies import objects_of

Path = tuple[str | int, ...]

WRONG: tuple[Any, ...] = (
    "",
    "UPPER",
    "a much longer text than most fields take, if they say anything about it at all",
    "2026-13-45",
    "!",
    "-",
    0,
    -1,
    3,
    70000,
    2**40,
    1.5,
    -0.25,
    True,
    [],
    [1],
    ["a", "a"],
    [{"name": 1}],
    {},
    {"a": "b"},
    {"A": 1},
    {"name": ["x"]},
)
"""What is put in a field's place: some of it fits somewhere, most of it does not."""


@dataclass
class Verdicts:
    """What Python and the server say of one object.

    Attributes:
        wire: the object.
        python, server: paths of the fields that are wrong; None where nothing is.
        said: the words of both, for a failure.
    """

    wire: dict[str, Any]
    python: frozenset[str] | None
    server: frozenset[str] | None
    said: str = ""

    @property
    def agree(self) -> bool:
        if self.python is None or self.server is None:
            return self.python is None and self.server is None
        return any(_same_place(python, server) for python in self.python for server in self.server)


def _same_place(python: str, server: str) -> bool:
    """A struct does not name the key of a dict; of a union, the server may blame the whole."""
    if "[...]" in python:
        return server.startswith(python.partition("[...]")[0])
    return python == server or (server.endswith(UNION) and python.startswith(server.removesuffix(UNION)))


UNION = " (as a union)"


@dataclass
class Kind:
    """A case of the catalogue, ready to be asked."""

    case: Case
    schema: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.schema = structural_schema(self.case.model)

    def drawn(self, count: int) -> list[dict[str, Any]]:
        """So many objects in wire form, the same ones in every run."""
        found: list[dict[str, Any]] = []
        for complete, share in ((True, count - count // 2), (False, count)):
            found += self._drawn(share - len(found) if not complete else share, complete=complete)
        return found

    def _drawn(self, count: int, *, complete: bool) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        tried: list[int] = []
        codec: Any = codec_for(self.case.model)

        @settings(
            max_examples=6 * count + 20,
            derandomize=True,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(objects_of(self.case.model, complete=complete))
        def collect(obj: Any) -> None:
            if len(found) == count:
                return
            wire = self._with_samples(codec.to_plain(obj), Random(len(found) + 7 * len(tried)))
            tried.append(1)
            if self.judged_by_python(wire)[0] is None:
                found.append(wire)

        collect()
        return found

    def _with_samples(self, wire: dict[str, Any], random: Random) -> dict[str, Any]:
        for name, values in self.case.samples.items():
            value = random.choice(values)
            if value is None:
                wire["spec"].pop(name, None)
            else:
                wire["spec"][name] = value
        return wire

    def broken(self, wire: Mapping[str, Any], random: Random) -> Iterator[dict[str, Any]]:
        """The object with one value replaced or one field gone, again and again, each time elsewhere."""
        # What a create says of the status is dropped.
        kept_out = ("apiVersion", "kind", "metadata", "status")
        places = [place for place in _places(wire) if place[0] not in kept_out]
        while places:
            place = random.choice(places)
            changed = copy.deepcopy(dict(wire))
            holder: Any = changed
            for step in place[:-1]:
                holder = holder[step]
            if random.random() < 0.2 and isinstance(holder, dict):
                del holder[place[-1]]
            else:
                holder[place[-1]] = copy.deepcopy(random.choice(WRONG))
            if changed != wire:
                yield changed

    def without_defaults(self, wire: Mapping[str, Any]) -> dict[str, Any]:
        """The object without the fields of its spec that have a default, as someone would write it."""
        fields = self.schema["properties"].get("spec", {}).get("properties", {})
        least = copy.deepcopy(dict(wire))
        for name, field_schema in fields.items():
            if "default" in field_schema:
                least.get("spec", {}).pop(name, None)
        return least

    def of_spec(self, spec: Mapping[str, Any]) -> dict[str, Any]:
        """An object with a spec written by hand."""
        resource = self.case.model.__resource_type__
        metadata = {"name": "drawn", **({"namespace": "default"} if resource.namespaced else {})}
        return {
            "apiVersion": resource.api_version,
            "kind": resource.kind,
            "metadata": metadata,
            "spec": dict(spec),
        }

    def judged_by_python(
        self, wire: Mapping[str, Any], old: Mapping[str, Any] | None = None
    ) -> tuple[frozenset[str] | None, str]:
        """The paths of what the model, then its rules in CEL, do not take."""
        try:
            obj = self.case.model.model_validate_json(json.dumps(wire))
        except ValidationError as error:
            problems = error.errors(include_url=False)
            return frozenset(self._path(each) for each in problems), str(error)
        before = None if old is None else self.case.model.model_validate_json(json.dumps(old))
        violations = obj.validate_cel(before)
        if violations:
            return frozenset(each.field for each in violations), str(violations)
        return None, ""

    def known(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
        """Why the two may differ about what was broken; empty where they may not."""
        place = next(_changed(before, after), "")
        anywhere = re.sub(r"\[\d+\]", "[]", place)
        for path, reason in self.case.known.items():
            if anywhere == path or anywhere.startswith((f"{path}.", f"{path}[")):
                return reason
        field, value = field_at(self.schema, anywhere), value_at(after, place)
        if field.get("format") and field.get("type") == "string" and isinstance(value, list):
            return "a server takes a list for a text with a format"
        if field.get("format") == "byte" and value == "":
            return "a server takes no empty text for base64"
        if field.get("type") == "integer" and "enum" in field and isinstance(value, bool):
            return "True is 1 in Python"
        return ""

    def _path(self, problem: Any) -> str:
        """Pydantic's place in the server's spelling: names of variants and checks are no fields."""
        loc, message = problem["loc"], problem["msg"]
        schema: Mapping[str, Any] = self.schema
        path = ""
        for step in loc:
            if isinstance(step, int):
                path += f"[{step}]"
                schema = schema.get("items") or {}
                continue
            if step == "[key]":
                # The server blames the map, Pydantic the key in it.
                path = path.rpartition(".")[0]
                break
            below = schema.get("properties", {}).get(step)
            other = schema.get("additionalProperties")
            if below is None and isinstance(other, Mapping):
                below = other
            if below is None:
                continue
            path += f".{step}"
            schema = below
        # A struct names the place in it, and a missing field, in its words.
        inside = re.search(r" - at `\$(.*?)`", message)
        missing = re.search(r"missing required field `(.*?)`", message)
        # A union whose tag is wrong is blamed itself; the tag is the last of the names that it may have.
        names = re.findall(r"'(.*?)'", _context(problem).get("discriminator", ""))
        if names and isinstance(problem["input"], dict):
            path += f".{names[-1]}"
        path += (inside[1] if inside else "") + (f".{missing[1]}" if missing else "")
        return path.lstrip(".")

    def features_in(self, wire: Mapping[str, Any]) -> Iterator[str]:
        """The features whose field the object has."""
        for path, feature in self.case.features.items():
            value: Any = wire
            for step in filter(None, path.split(".")):
                value = value.get(step) if isinstance(value, Mapping) else None
            if value is not None:
                yield feature


def server_paths(causes: Any, message: str) -> frozenset[str]:
    """The fields that a refusal names; where it gives none as such, those in its words."""
    found = {cause.field for cause in causes} - {"", "<nil>"}
    for cause in causes:
        if cause.field in ("", "<nil>"):
            union = UNION if "must validate" in cause.message else ""
            found |= {f"{path}{union}" for path in _IN_WORDS.findall(cause.message)}
    return frozenset(found or _IN_WORDS.findall(message))


def _context(problem: Any) -> Mapping[str, Any]:
    """What Pydantic tells beside the words."""
    return problem.get("ctx") or {}


_IN_WORDS = re.compile(r"\b(?:spec|data|kept)\b[\w.\[\]-]*")


def _changed(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """Where two objects differ."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in {**before, **after}:
            yield from _changed(before.get(name), after.get(name), f"{path}.{name}" if path else name)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from _changed(one, other, f"{path}[{index}]")
    elif before != after or type(before) is not type(after):
        yield path


def field_at(schema: Mapping[str, Any], path: str) -> Mapping[str, Any]:
    """The schema at a path with `[]` for items; empty where there is none."""
    for step in re.findall(r"\[\]|[^.\[]+", path):
        other = schema.get("additionalProperties")
        schema = (
            schema.get("items", {})
            if step == "[]"
            else schema.get("properties", {}).get(step) or (other if isinstance(other, Mapping) else {})
        )
    return schema


def value_at(value: Any, path: str) -> Any:
    for step in re.findall(r"\[\d+\]|[^.\[]+", path):
        if step[0] == "[":
            value = value[int(step[1:-1])] if isinstance(value, list) else None
        else:
            value = value.get(step) if isinstance(value, dict) else None
    return value


def _places(value: Any, above: Path = ()) -> Iterator[Path]:
    steps: Any = ()
    if isinstance(value, dict):
        steps = value
    elif isinstance(value, list):
        steps = range(len(value))
    for step in steps:
        place = (*above, step)
        yield place
        yield from _places(value[step], place)
