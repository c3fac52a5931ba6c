"""Kinds whose fields are of one of several types."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from reconcile import CustomResource, Model
from reconcile.crd import Rule

from .case import GROUP, Case


class Git(Model):
    """From a repository."""

    type: Literal["git"]
    url: Annotated[str, Field(min_length=1)]
    branch: str
    depth: int = 1


@Rule("self.url.startsWith('http')", message="url must be a link", field_path=".url")
class Download(Model):
    type: Literal["http", "https"]
    url: Annotated[str, Field(min_length=1, max_length=200)]
    checksum: str | None = None


class Inline(Model):
    type: Literal["inline"] = "inline"
    text: str


class TaggedSpec(Model):
    source: Annotated[Git | Download | Inline, Field(discriminator="type")]
    more: list[Annotated[Git | Inline, Field(discriminator="type")]] = Field(default_factory=list)


class Tagged(CustomResource, group=GROUP, version="v1"):
    spec: TaggedSpec


class ByName(Model):
    name: str


class ByLabel(Model):
    label: str
    value: str | None = None


class UntaggedSpec(Model):
    target: ByName | ByLabel
    same: ByName | None = None


class Untagged(CustomResource, group=GROUP, version="v1"):
    spec: UntaggedSpec


def _which(value: Any) -> str:
    found = value.model_dump(by_alias=True) if isinstance(value, Model) else value
    return "by-name" if isinstance(found, dict) and "name" in found else "by-label"


class FunctionSpec(Model):
    target: Annotated[
        Annotated[ByName, Tag("by-name")] | Annotated[ByLabel, Tag("by-label")], Discriminator(_which)
    ]


class ByFunction(CustomResource, group=GROUP, version="v1"):
    spec: FunctionSpec


class ScalarUnionSpec(Model):
    port: Annotated[int, Field(ge=1, le=65535)] | Annotated[str, Field(max_length=15, pattern="^[a-z]+$")]
    workers: int | Literal["auto"] = "auto"
    number: int | float = 1
    name: Literal["a"] | Literal["b", "c"] = "a"
    code: Annotated[str, Field(pattern="^x")] | Annotated[str, Field(min_length=9)] = "xyz"
    mixed: Literal[0, "all"] = 0


class ScalarUnion(CustomResource, group=GROUP, version="v1"):
    spec: ScalarUnionSpec


CASES = (
    Case(
        Tagged,
        {"spec.source": "discriminated union", "spec.more": "list of a discriminated union"},
        refused=(
            ({"source": {"type": "git", "url": "u"}}, "spec.source.branch"),
            ({"source": {"type": "inline"}}, "spec.source.text"),
            ({"source": {"type": "ftp", "url": "u"}}, "spec.source.type"),
            ({"source": {"url": "u"}}, "spec.source.type"),
            ({"source": {"type": "https", "url": "u"}}, "spec.source.url"),
            (
                {"source": {"type": "inline", "text": "t"}, "more": [{"type": "git", "url": "u"}]},
                "spec.more[0].branch",
            ),
        ),
    ),
    Case(
        Untagged,
        {"spec.target": "union of models", "spec.same": "Optional model"},
        refused=(({"target": {}}, "spec.target.name"),),
    ),
    Case(ByFunction, {"spec.target": "callable discriminator"}),
    Case(
        ScalarUnion,
        {
            "spec.port": "bounded int | str",
            "spec.workers": "int | Literal",
            "spec.number": "int | float",
            "spec.name": "union of Literals",
            "spec.code": "str in two forms",
            "spec.mixed": "Literal of two types",
        },
        refused=(
            ({"port": 0}, "spec.port"),
            ({"port": "A"}, "spec.port"),
            ({"port": 1, "workers": "some"}, "spec.workers"),
            ({"port": 1, "code": "abc"}, "spec.code"),
        ),
    ),
)
