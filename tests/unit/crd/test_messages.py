"""Every message of the generator, word for word: each names the model, the field and a way out."""

# ruff: noqa: E501

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any, Literal

import pytest
from pydantic import AliasChoices, BaseModel, Field, WithJsonSchema

from reconcile import ConfigurationError, CustomResource, Model
from reconcile.crd import (
    AtMostOneOf,
    ExactlyOneOf,
    ListType,
    MapType,
    PrinterColumn,
    Recursive,
    Rule,
    Scale,
    WebhookConversion,
    conversion,
    custom_resource_definition,
    generate,
)


def of_field(annotation: Any, default: Any = ..., **field: Any) -> Callable[[], Any]:
    """Generates a kind whose `spec.x` has the type."""

    def generate_it() -> Any:
        namespace = {"__annotations__": {"x": annotation}, "x": Field(default, **field)}
        spec: Any = type(Model)("Spec", (Model,), {"__module__": __name__, **namespace})
        thing: Any = type(CustomResource)(
            "Thing",
            (CustomResource,),
            {"__module__": __name__, "__annotations__": {"spec": spec}},
            group="example.com",
            version="v1",
        )
        return custom_resource_definition(thing)

    return generate_it


def of_class(**keywords: Any) -> Callable[[], Any]:
    """Generates a kind with these class keywords."""

    def generate_it() -> Any:
        thing: Any = type(CustomResource)(
            "Thing",
            (CustomResource,),
            {"__module__": __name__, "__annotations__": {"spec": Sized}},
            **{"group": "example.com", "version": "v1", **keywords},
        )
        return custom_resource_definition(thing)

    return generate_it


class Sized(Model):
    size: int = 1
    parts: list[str] = Field(default_factory=list)


class Tree(Model):
    children: list[Tree] = Field(default_factory=list)


class Ports(Model):
    name: str | None = None
    where: Sized = Sized()


class One(Model):
    kind: Literal["one"]
    value: int


class Zero(Model):
    kind: Literal[0]


class Two(Model):
    kind: Literal["two"]
    value: str


def kind(name: str, **keywords: Any) -> Any:
    return type(CustomResource)(
        name,
        (CustomResource,),
        {"__module__": "operator", "__qualname__": name, "__annotations__": {"spec": Sized}},
        **{"group": "example.com", "version": "v1", **keywords},
    )


def two_conversions() -> None:
    one, other = kind("One", version="v1", kind="Thing"), kind("Other", version="v2", kind="Thing")

    @conversion(one, other)
    def first(old: Any) -> Any: ...

    @conversion(one, other)
    def second(old: Any) -> Any: ...


CANNOT = "cannot be part of a CustomResourceDefinition; "
X = "model Thing, field spec.x: "
MESSAGES: dict[str, tuple[Callable[[], Any], str]] = {
    "recursive model": (
        of_field(Tree),
        "model Thing, field spec.x.children[]: the model Tree contains itself "
        + CANNOT
        + "a structural schema "
        "has no references: limit the depth with Annotated[…, Recursive(levels=1)] or with a model for each "
        "level, or type the field Any",
    ),
    "union of types": (
        of_field(int | list[str]),
        X
        + "a union of different types "
        + CANNOT
        + "use one type, int | str, or a model with an optional field "
        "for each variant",
    ),
    "union with a clash": (
        of_field(Annotated[One | Two, Field(discriminator="kind")]),
        X + "a union whose variants give the field 'value' different types " + CANNOT + "rename it in one of "
        "them, or type it Any in all",
    ),
    "tuple": (
        of_field(tuple[int, str]),
        X + "a tuple of fixed length " + CANNOT + "use a list, or a model with named fields",
    ),
    "keys that are no text": (
        of_field(dict[int, str]),
        X + "a dict whose keys are not plain strings " + CANNOT + "use dict[str, …], and a Rule for the keys",
    ),
    "Literal of types": (
        of_field(Literal["a", True]),
        X
        + "a Literal of bool, str "
        + CANNOT
        + "use values of one type, strings or integers; None is said by "
        "Optional",
    ),
    "always None": (of_field(None), X + "a field that is always None " + CANNOT + "leave it out"),
    "set of objects": (
        of_field(set[Any]),
        X + "a set of objects " + CANNOT + "use a list with __list_keys__ on its model",
    ),
    "list without a type": (
        of_field(Annotated[list[str], Field(json_schema_extra={"items": {}})]),
        X + "a list without a type of its items " + CANNOT + "write list[…] with the type",
    ),
    "callable": (
        of_field(Callable[[], None]),
        X + "a type without a JSON form (callable) " + CANNOT + "use a type that has one, or "
        "Annotated[…, Schemaless()] to keep whatever is there",
    ),
    "lookahead": (
        of_field(Annotated[str, Field(json_schema_extra={"pattern": "(?=a)"})]),
        X + "the pattern '(?=a)' uses lookahead " + CANNOT + "the server's RE2 has none: write a Rule",
    ),
    "keyword": (
        of_field(Annotated[str, Field(json_schema_extra={"propertyNames": {}})]),
        X + "the keyword 'propertyNames' " + CANNOT + "leave it out and write a Rule",
    ),
    "unique items": (
        of_field(Annotated[list[str], Field(json_schema_extra={"uniqueItems": True})]),
        X + "the keyword 'uniqueItems' " + CANNOT + 'use set[…] or ListType("set")',
    ),
    "type in a branch": (
        of_field(Annotated[str, Field(json_schema_extra={"anyOf": [{"type": "string"}]})]),
        X + "'type' inside 'anyOf' " + CANNOT + "say it outside: a branch may only narrow what is allowed",
    ),
    "wrong default": (
        of_field(Literal["a", "b"], "c"),
        X + "the default 'c' (not among a, b) " + CANNOT + "give one that the type allows",
    ),
    "two names": (
        of_field(str, validation_alias="a", serialization_alias="b"),
        "model Thing, field spec.x: a field that is read as 'a' and written as 'b' "
        + CANNOT
        + "give it one name "
        "by alias=",
    ),
    "several names": (
        of_field(str, validation_alias=AliasChoices("a", "b")),
        "model Thing, field spec.x: a field read under AliasChoices " + CANNOT + "give it one name by alias=",
    ),
    "list key of no field": (
        of_field(Annotated[list[Sized], ListType("map", keys=("name",))]),
        X
        + "the list key 'name' that is not a field of every item "
        + CANNOT
        + "make the field required, or give "
        "it a default",
    ),
    "list key that is no scalar": (
        of_field(Annotated[list[Ports], ListType("map", keys=("where",))]),
        X + "the list key 'where' of no scalar type " + CANNOT + "use a text or a number as key",
    ),
    "list map without keys": (
        of_field(Annotated[list[Sized], ListType("map")]),
        X + "a list of type map without keys " + CANNOT + 'write ListType("map", keys=("name",))',
    ),
    "group of no field": (
        of_field(ExactlyOneOf("size", "weight")(type(Model)("Part", (Model,), {"__module__": __name__}))),
        X + "ExactlyOneOf of 'size', which is no field " + CANNOT + "name some of its fields: there are none",
    ),
    "group of a field that is always set": (
        of_field(Annotated[Sized, AtMostOneOf("size", "parts")]),
        X + "AtMostOneOf of 'size', which is always set " + CANNOT + "make it optional: `| None = None`",
    ),
    "field without a type": (
        of_field(Annotated[str, WithJsonSchema({"description": "?"})]),
        X + "a field without a type " + CANNOT + "give it one, or Any to keep whatever is there",
    ),
    "named fields and any": (
        of_field(
            Annotated[dict[str, int], Field(json_schema_extra={"properties": {"a": {"type": "string"}}})]
        ),
        X
        + "an object with both named fields and fields of any name "
        + CANNOT
        + "put the latter into a dict in a "
        "field of its own",
    ),
    "reference to nowhere": (
        of_field(
            Annotated[str, WithJsonSchema({"type": "array", "items": {"$ref": "https://example.com/x"}})]
        ),
        "model Thing, field spec.x[]: the reference https://example.com/x "
        + CANNOT
        + "use the model itself as type",
    ),
    "pattern that is none": (
        of_field(Annotated[str, Field(json_schema_extra={"pattern": "("})]),
        X
        + "the pattern '(' is none of RE2: missing closing ): `(` "
        + CANNOT
        + "write one that the server takes",
    ),
    "union of scalars with rules": (
        of_field(Annotated[str, Rule("self != 'a'")] | int),
        X + "a union whose variants have rules " + CANNOT + "put one Rule on the whole field",
    ),
    "union of models with rules": (
        of_field(Rule("true")(type(Model)("Ruled", (Model,), {"__module__": __name__})) | Sized),
        X
        + "a union of models that have rules "
        + CANNOT
        + "tell them apart by a tag: Field(discriminator=…)",
    ),
    "union of merges": (
        of_field(Annotated[Sized, MapType("atomic")] | Ports),
        X
        + "a union whose variants differ in x-kubernetes-map-type "
        + CANNOT
        + "say the same in all of them",
    ),
    "tag of two types": (
        of_field(Annotated[Zero | Two, Field(discriminator="kind")]),
        X + "a union whose tag 'kind' has different types " + CANNOT + "use strings for the tag",
    ),
    "too many selectable fields": (
        of_class(selectable_fields=[".spec.size"] * 9),
        "class Thing: selectable_fields= has 9 paths; the server takes 8 at most",
    ),
    "marker on a value": (
        lambda: Rule("true")("x"),  # type: ignore[type-var]
        "Rule decorates a class, not 'x'; on a field it stands in Annotated[…]",
    ),
    "group of one": (
        lambda: ExactlyOneOf("a"),
        "ExactlyOneOf takes the names of two fields or more",
    ),
    "unknown class keyword": (
        of_class(shortnames=["t"]),
        "class Thing: unknown keyword shortnames=; there are annotations, categories, conversion, deprecated, "
        "group, kind, labels, namespaced, plural, printer_columns, scale, selectable_fields, served, short_names, "
        "singular, skip, status, storage, version",
    ),
    "group without a dot": (
        of_class(group="example"),
        "class Thing: group='example' is no DNS name with a dot, such as 'example.com'",
    ),
    "odd version": (of_class(version="1.0"), "class Thing: version='1.0' is no name such as 'v1alpha1'"),
    "plural in capitals": (
        of_class(plural="Things"),
        "class Thing: plural='Things' is no name: lower-case letters, digits and '-'",
    ),
    "short names in one text": (
        of_class(short_names="th"),
        "class Thing: short_names= takes a list of names, got 'th'",
    ),
    "scale of another type": (
        of_class(scale=".spec.size"),
        "class Thing: scale= takes a Scale(…), got '.spec.size'",
    ),
    "scale with a strange path": (
        of_class(scale=Scale(spec_replicas=".status.size")),
        "class Thing: scale=: the path '.status.size' is none below .spec without brackets, which is what the "
        "server takes",
    ),
    "column of another type": (
        of_class(printer_columns=["Size"]),
        "class Thing: printer_columns= takes PrinterColumn(…), got 'Size'",
    ),
    "selectable field that is none": (
        of_class(selectable_fields=[".spec.sizes"]),
        "class Thing: selectable_fields=: '.spec.sizes' is no field; name a scalar field of the model by a path "
        "such as .spec.size",
    ),
    "selectable field that is no scalar": (
        of_class(selectable_fields=[".spec.parts"]),
        "class Thing: selectable_fields=: '.spec.parts' is no text, whole number or boolean; name a scalar field "
        "of the model by a path such as .spec.size",
    ),
    "conversion of another type": (
        of_class(conversion="Webhook"),
        "class Thing: conversion= takes a WebhookConversion(…), got 'Webhook'",
    ),
    "conversion to nowhere": (
        of_class(conversion=WebhookConversion()),
        "WebhookConversion takes either service= or url=",
    ),
    "conversion without a namespace": (
        of_class(conversion=WebhookConversion(service="webhook")),
        "WebhookConversion(service='webhook'): write it as namespace/name",
    ),
    "two models for one kind": (
        lambda: generate([kind("One", kind="Thing"), kind("Other", kind="Thing")]),
        "two models for one kind: operator.One and operator.Other are both example.com/v1 Thing; give one of them "
        "another version= or kind=",
    ),
    "two storage versions": (
        lambda: generate(
            [kind("One", kind="Thing", storage=True), kind("Two", version="v2", kind="Thing", storage=True)]
        ),
        "two storage versions of Thing: operator.Two and operator.One; say storage=True in one of them",
    ),
    "no storage version": (
        lambda: generate([kind("One", kind="Thing"), kind("Two", version="v2", kind="Thing")]),
        "operator.Two, operator.One are versions of Thing, and none is stored; say storage=True in one of them",
    ),
    "no served version": (
        lambda: generate([kind("One", served=False)]),
        "operator.One: no version of One is served; leave served=False out of one",
    ),
    "plural that clashes": (
        lambda: generate([kind("One", plural="things"), kind("Two", plural="things")]),
        "operator.One and operator.Two are two kinds of example.com with one name, 'things'; give one of them "
        "another plural=, singular= or short_names=",
    ),
    "short name that clashes": (
        lambda: generate([kind("One", short_names=["t"]), kind("Two", short_names=["t"])]),
        "operator.One and operator.Two are two kinds of example.com with one name, 't'; give one of them another "
        "plural=, singular= or short_names=",
    ),
    "versions in two scopes": (
        lambda: generate(
            [
                kind("One", kind="Thing", storage=True),
                kind("Two", version="v2", kind="Thing", namespaced=False),
            ]
        ),
        "operator.Two and operator.One are versions of Thing and differ in namespaced=; say the same in both",
    ),
    "versions with two words": (
        lambda: generate(
            [
                kind("One", kind="Thing", storage=True, short_names=["a"]),
                kind("Two", version="v2", kind="Thing", short_names=["b"]),
            ]
        ),
        "operator.Two and operator.One are versions of Thing and differ in short_names=; say it in one of them",
    ),
    "two conversions": (
        two_conversions,
        "two conversions from One to Other: first and second; keep one",
    ),
    "conversion between kinds": (
        lambda: conversion(kind("One"), kind("Two")),
        "conversion(One, Two): example.com/v1 One and example.com/v1 Two are not two versions of one kind",
    ),
    "no kind": (lambda: generate([Model]), f"{Model!r} is not a subclass of CustomResource"),  # type: ignore[list-item]
    "base of kinds": (
        lambda: generate([CustomResource]),
        "class CustomResource: the keywords group= and version= are missing",
    ),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_says_what_where_and_what_to_do(name: str) -> None:
    make, text = MESSAGES[name]
    with pytest.raises(ConfigurationError) as caught:
        make()
    assert str(caught.value) == text


def test_a_status_that_must_be_there_could_never_be_created() -> None:
    class Thing(CustomResource, group="example.com", version="v1"):
        status: Sized

    with pytest.raises(ConfigurationError) as caught:
        custom_resource_definition(Thing)
    assert str(caught.value) == (
        "model Thing, field status: it is required, and the server drops what a create says of it; make it "
        "optional (`status: … | None = None`)"
    )


def test_a_model_may_be_cut_where_it_contains_itself() -> None:
    found = of_field(Annotated[Tree, Recursive(levels=1)])()
    field = found["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["x"]
    below = field["properties"]["children"]["items"]
    assert below["properties"]["children"]["items"] == {
        "type": "object",
        "x-kubernetes-preserve-unknown-fields": True,
    }


def test_what_works_otherwise_on_the_server_is_a_note() -> None:
    from pydantic import SecretStr

    class Told(Model):
        password: SecretStr | None = None
        price: Decimal = Decimal(1)

    class Thing(
        CustomResource,
        group="example.com",
        version="v1",
        printer_columns=[PrinterColumn("Size", ".spec.sise")],
        scale=Scale(spec_replicas=".spec.sise"),
    ):
        spec: Told

    (generated,) = generate([Thing])
    assert [str(note) for note in generated.notes] == [
        "model Thing, field spec.password: a SecretStr is written as asterisks; give the field a PlainSerializer, "
        "or name a Secret in place of the value",
        "model Thing, field spec.sise: the scale subresource names it; it is no field",
        "model Thing, field status.replicas: the scale subresource names it; it is no field",
        "model Thing, field spec.sise: the column 'Size' shows it; it is no field",
    ]


def test_a_plain_model_is_no_kind() -> None:
    class Thing(BaseModel):
        pass

    with pytest.raises(ConfigurationError, match="is not a subclass of CustomResource"):
        generate([Thing])  # type: ignore[list-item]
