"""What both servers are asked about the versions of custom resources, and the webhook between them."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable
from typing import Any

from helpers.admission_judge import AdmissionJudge
from helpers.admission_webhook_cases import dry
from helpers.differential import Ask, apply, delete, get, merge, post

Body = dict[str, Any]
_GROUP = "judge.example.com"
_DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"

LINES = tuple(
    f"conversion: {name}"
    for name in ("reads", "writes", "subresources", "answers", "metadata", "addresses", "ownership")
)
ONE_FORM = {("conversion: subresources", False): "a conversion that fails is `answers`"}


def line(name: str) -> str:
    return f"conversion: {name}"


def converting(change: Callable[[Body], object] | None = None, **more: Any) -> Callable[[Body], Body]:
    """`size` in v1 is `sizes` in v2; then `change` may do what it should not."""

    def answer(review: Body) -> Body:
        wanted = review["request"]["desiredAPIVersion"]
        made: list[Body] = []
        for given in review["request"]["objects"]:
            obj = copy.deepcopy(given)
            obj["apiVersion"] = wanted
            spec = obj.get("spec") or {}
            if wanted.endswith("v2") and "size" in spec:
                spec["sizes"] = [spec.pop("size")]
            elif wanted.endswith("v1") and "sizes" in spec:
                spec["size"] = spec.pop("sizes")[0]
            if change is not None:
                change(obj)
            made.append(obj)
        result = {"uid": review["request"]["uid"], "result": {"status": "Success"}, "convertedObjects": made}
        return {"kind": "ConversionReview", "apiVersion": review["apiVersion"], "response": result | more}

    return answer


def _version(name: str, properties: Body, *, storage: bool) -> Body:
    status = {"type": "object", "properties": {"n": {"type": "integer"}}}
    schema = {
        "type": "object",
        "properties": {"spec": {"type": "object", "properties": properties}, "status": status},
    }
    return {
        "name": name,
        "served": True,
        "storage": storage,
        "schema": {"openAPIV3Schema": schema},
        "subresources": {"status": {}},
    }


def _definition(kind: str, config: Body, *, owned: bool) -> Body:
    text = {"type": "string", "default": "one"}
    plain = {"type": "string"}
    numbers = {"type": "array", "items": {"type": "integer"}}
    plural = f"{kind.lower()}s"
    asked: Body = {"conversionReviewVersions": ["v1"], "clientConfig": config}
    how: Body = {"strategy": "Webhook", "webhook": asked} if config else {"strategy": "None"}
    first: Body = {"size": {"type": "integer"}, "d": text}
    second: Body = {"sizes": numbers, "e": text}
    if owned:
        first["d"], second["d"], second["e"] = plain, plain, plain
    if not config:
        del second["sizes"]
        second["size"] = first["size"]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{_GROUP}"},
        "spec": {
            "group": _GROUP,
            "names": {"kind": kind, "plural": plural},
            "scope": "Namespaced",
            "versions": [
                _version("v1", first, storage=True),
                _version("v2", second, storage=False),
            ],
            "conversion": how,
        },
    }


async def _define(judge: AdmissionJudge, kind: str, config: Body, *, owned: bool = False) -> tuple[str, str]:
    """Paths of the kind's collections in both versions, once both servers convert."""
    judge.compare_calls = False
    definition = _definition(kind, config, owned=owned)
    one, two = (
        f"/apis/{_GROUP}/{version}/namespaces/{judge.namespace}/{kind.lower()}s" for version in ("v1", "v2")
    )
    await judge.until_served(_DEFINITIONS, definition, two)
    return one, two


def _object(kind: str, version: str, name: str, spec: Body) -> Body:
    return {"apiVersion": f"{_GROUP}/{version}", "kind": kind, "metadata": {"name": name}, "spec": spec}


async def conversion(judge: AdmissionJudge) -> None:
    judge.hooks.behaviours["/convert"] = converting()
    config = {"url": judge.hooks.url("/convert"), "caBundle": judge.hooks.ca_bundle}
    one, two = await _define(judge, "Cog", config)
    await asyncio.sleep(0)
    first = _object("Cog", "v1", "a", {"size": 1})
    first["metadata"]["labels"] = {"x": "y"}
    for question, met in (
        (post(one, first), "writes"),
        (get(f"{one}/a"), "reads"),
        (get(f"{two}/a"), "reads"),
        (get(two), "reads"),
        (post(two, _object("Cog", "v2", "b", {"sizes": [2]})), "writes"),
        (get(f"{one}/b"), "reads"),
        (merge(f"{two}/b", {"spec": {"sizes": [5]}}), "writes"),
        (merge(f"{two}/b/status", {"status": {"n": 5}}), "subresources"),
        (get(f"{one}/b"), "reads"),
        (get(one), "reads"),
        (apply(f"{two}/c", _object("Cog", "v2", "c", {"sizes": [7]})), "writes"),
        (get(f"{two}/c"), "reads"),
        (delete(f"{two}/c"), "writes"),
    ):
        await judge.ask(question.good(line(met)))

    def fields(**given: Any) -> Callable[[Body], object]:
        return lambda obj: obj.update(given)

    def meta(**given: Any) -> Callable[[Body], object]:
        return lambda obj: obj["metadata"].update(given)

    def saying(**result: Any) -> Callable[[Body], Body]:
        return converting(result=result, convertedObjects=[])

    new = dry(post(two, _object("Cog", "v2", "z", {"sizes": [2]})))
    for answer, met, good in (
        (saying(status="Failure", message="cannot"), "answers", False),
        (saying(), "answers", False),
        (lambda review: (500, "text/plain", b"boom"), "answers", False),
        (lambda review: (404, "text/plain", b""), "answers", False),
        (lambda review: {"kind": "ConversionReview", "apiVersion": review["apiVersion"]}, "answers", False),
        (converting(uid="x"), "answers", False),
        (converting(convertedObjects=[]), "answers", False),
        (converting(fields(apiVersion=f"{_GROUP}/v3")), "answers", False),
        (converting(fields(kind="Other")), "answers", False),
        (converting(meta(name="other")), "metadata", False),
        (converting(meta(namespace="other")), "metadata", False),
        (converting(meta(uid="zzz")), "metadata", False),
        (converting(meta(labels={"a": "not valid!"})), "metadata", False),
        (converting(meta(labels={"a": 1})), "metadata", False),
        (converting(meta(labels={"a": "b"}, annotations={"c": "d"}, finalizers=["x/y"])), "metadata", True),
        (converting(lambda obj: obj["spec"].update(unknown="x")), "answers", True),
    ):
        judge.hooks.behaviours["/convert"] = answer
        reading, writing = get(f"{two}/a"), new
        if good:
            await judge.ask(reading.good(line(met)))
            await judge.ask(writing.good(line(met)))
        else:
            await judge.ask(reading.bad(line(met), line("reads")))
            await judge.ask(writing.bad(line(met), line("writes")))
    judge.hooks.behaviours["/convert"] = converting()
    await judge.ask(delete(f"{_DEFINITIONS}/cogs.{_GROUP}"))


async def conversion_addresses(judge: AdmissionJudge) -> None:
    judge.hooks.behaviours["/convert"] = converting()
    services = f"/api/v1/namespaces/{judge.namespace}/services"
    spec = {"type": "ExternalName", "externalName": "localhost"}
    judge.compare_calls = False
    await judge.ask(post(services, {"metadata": {"name": "hook"}, "spec": spec}))
    service = {"namespace": judge.namespace, "name": "hook", "path": "/convert", "port": judge.hooks.port}
    bundle = {"caBundle": judge.hooks.ca_bundle}
    for kind, config, good in (
        ("Nut", {"service": service, **bundle}, True),
        ("Bolt", {"url": "https://127.0.0.1:1/x", **bundle}, False),
    ):
        _, two = await _define(judge, kind, config)
        question = dry(post(two, _object(kind, "v2", "a", {"sizes": [1]})))
        await judge.ask(question.good(line("addresses")) if good else question.bad(line("addresses")))
        await judge.ask(delete(f"{_DEFINITIONS}/{kind.lower()}s.{_GROUP}"))
    await judge.ask(delete(f"{services}/hook"))


async def conversion_ownership(judge: AdmissionJudge) -> None:
    """A field of one version is two of the other, or none: whose it is is asked in each manager's own."""
    judge.hooks.behaviours["/convert"] = converting()
    config = {"url": judge.hooks.url("/convert"), "caBundle": judge.hooks.ca_bundle}
    await _owned_in_two_versions(
        judge, "Axle", await _define(judge, "Axle", config, owned=True), "sizes", [3], [4]
    )
    await _owned_in_two_versions(judge, "Hub", await _define(judge, "Hub", {}, owned=True), "size", 3, 4)


async def _defaults_in_the_way(judge: AdmissionJudge, kind: str, paths: tuple[str, str]) -> None:
    """A default that the other version does not know stays when the owner's version is looked at."""
    one, two = paths
    met = line("ownership")
    first, second = _object(kind, "v1", "a", {"size": 1}), _object(kind, "v2", "a", {"sizes": [3]})
    for question, good in (
        (apply(f"{one}/a", first, "x"), True),
        (apply(f"{two}/a", second, "y", force="true"), True),
        (get(f"{one}/a"), True),
        (merge(f"{one}/a", {"spec": {"size": 9}}, fieldManager="z"), True),
        (get(f"{two}/a"), True),
        (apply(f"{two}/a", second, "y"), False),
        (apply(f"{one}/b", _object(kind, "v1", "b", {"size": 1, "d": "x"}), "x"), True),
        (apply(f"{two}/b", _object(kind, "v2", "b", {"e": "x"}), "x"), False),
        (get(f"{two}/b"), True),
        (delete(f"{_DEFINITIONS}/{kind.lower()}s.{_GROUP}"), True),
    ):
        await judge.ask(question.good(met) if good else question.bad(met))


async def _owned_in_two_versions(
    judge: AdmissionJudge, kind: str, paths: tuple[str, str], other: str, three: Any, four: Any
) -> None:
    one, two = paths
    met = line("ownership")

    def applied(version: int, name: str, manager: str, force: bool = False, **spec: Any) -> Ask:
        path = f"{paths[version - 1]}/{name}"
        body = _object(kind, f"v{version}", name, spec)
        return apply(path, body, manager, **({"force": "true"} if force else {}))

    def told(version: int, manager: str, n: int) -> Ask:
        body = {**_object(kind, f"v{version}", "c", {}), "status": {"n": n}}
        return apply(f"{paths[version - 1]}/c/status", body, manager)

    for question, good in (
        # An apply in the other version changes what somebody owns in this one.
        (applied(1, "a", "x", size=1), True),
        (applied(2, "a", "y", **{other: three}), False),
        (applied(2, "a", "y", force=True, **{other: three}), True),
        (get(f"{one}/a"), True),
        (get(f"{two}/a"), True),
        # So does an update, which takes it.
        (merge(f"{one}/a", {"spec": {"size": 9}}, fieldManager="z"), True),
        (get(f"{two}/a"), True),
        (applied(2, "a", "y", **{other: four}), False),
        # What an applier no longer says goes, in whatever version it said it.
        (applied(1, "b", "x", size=1, d="x"), True),
        (applied(1, "b", "w", size=1), True),
        (applied(2, "b", "x", d="x"), True),
        (get(f"{one}/b"), True),
        (get(f"{two}/b"), True),
        (applied(2, "b", "w", **{other: three}), True),
        (get(f"{one}/b"), True),
        (applied(2, "b", "w"), True),
        (applied(2, "b", "x"), False),
        (get(f"{one}/b"), True),
        (get(f"{two}/b"), True),
        # What a version does not know is gone when it is read there.
        (applied(2, "d", "x", e="x", **{other: three}), True),
        (applied(1, "d", "y", d="x"), True),
        (merge(f"{one}/d", {"spec": {"d": "y"}}, fieldManager="z"), True),
        (get(f"{two}/d"), True),
        (applied(1, "d", "y", d="x"), False),
        # An object that is owned in both.
        (post(two, _object(kind, "v2", "c", {other: three, "d": "y"}), fieldManager="u"), True),
        (merge(f"{one}/c", {"metadata": {"labels": {"a": "b"}}}, fieldManager="v"), True),
        (applied(1, "c", "x", size=8), False),
        (applied(1, "c", "x", size=3), True),
        (merge(f"{two}/c/status", {"status": {"n": 1}}, fieldManager="s"), True),
        (told(1, "x", 2), False),
        (get(f"{one}/c"), True),
        (delete(f"{_DEFINITIONS}/{kind.lower()}s.{_GROUP}"), True),
    ):
        await judge.ask(question.good(met) if good else question.bad(met))


CASES = {each.__name__: each for each in (conversion, conversion_addresses, conversion_ownership)}
