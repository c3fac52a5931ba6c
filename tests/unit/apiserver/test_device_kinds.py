"""Claims, templates, slices and classes of devices: what may be stored, and what becomes of it.

The rules are compared with the real server's one by one in tests/controlplane/test_differential_kinds.py.
"""

from __future__ import annotations

from typing import Any

from helpers.asking import MERGE, asking

GROUP = "/apis/resource.k8s.io/v1"
CLAIMS = f"{GROUP}/namespaces/default/resourceclaims"
CLASSES = f"{GROUP}/deviceclasses"
SLICES = f"{GROUP}/resourceslices"
DEVICE = {"driver": "a.b", "pool": "p", "device": "d"}


def claim(**request: Any) -> Any:
    wanted = {"name": "r", "exactly": {"deviceClassName": "c", **request}}
    return {"metadata": {"name": "one"}, "spec": {"devices": {"requests": [wanted]}}}


def device_class(expression: str) -> Any:
    return {"metadata": {"name": "c"}, "spec": {"selectors": [{"cel": {"expression": expression}}]}}


async def test_a_request_that_says_nothing_is_for_one_device() -> None:
    async with asking() as ask:
        made = await ask.made(claim(), CLAIMS)
        request = made["spec"]["devices"]["requests"][0]["exactly"]
        assert (request["allocationMode"], request["count"]) == ("ExactCount", 1)


async def test_selectors_have_to_compile_and_to_cost_little() -> None:
    here = "device.attributes['a']"
    costly = f"{here}.all(a, {here}.all(b, {here}.all(c, {here}.all(d, a + b == c + d))))"
    async with asking() as ask:
        for expression, said in (
            ("device.nothing", "undefined field 'nothing'"),
            ("device.driver", "must evaluate to bool or the unknown type, not string"),
            ("device.attributes['a'].b.all(x, x)", "cannot be range of a comprehension"),
            (costly, "too complex, exceeds cost limit"),
        ):
            answer = await ask("POST", CLASSES, device_class(expression))
            assert answer.status == 422
            assert said in answer.body["message"], expression
        await ask.made(device_class("device.attributes['a'].b"), CLASSES)


async def test_devices_in_use_are_for_labelled_namespaces() -> None:
    async with asking() as ask:
        refused = await ask("POST", CLAIMS, claim(adminAccess=True))
        assert refused.status == 422
        label = {"metadata": {"labels": {"resource.kubernetes.io/admin-access": "true"}}}
        assert (await ask("PATCH", "/api/v1/namespaces/default", label, MERGE)).status == 200
        await ask.made(claim(adminAccess=True), CLAIMS)


async def test_the_status_of_a_device_goes_with_its_allocation() -> None:
    status = f"{CLAIMS}/one/status"
    given = {"devices": {"results": [{"request": "r", **DEVICE}]}}
    async with asking() as ask:
        await ask.made(claim(), CLAIMS)
        for change in ({"allocation": given}, {"devices": [{**DEVICE, "data": {"a": 1}}]}):
            answer = await ask("PATCH", status, {"status": change}, MERGE)
            assert answer.status == 200, answer.body
        other = {"allocation": {"devices": {"results": [{"request": "r", **DEVICE, "device": "e"}]}}}
        assert (await ask("PATCH", status, {"status": other}, MERGE)).status == 422
        freed = await ask("PATCH", status, {"status": {"allocation": None}}, MERGE)
        assert not freed.body["status"].get("devices")


async def test_slices_are_found_by_their_node_and_driver() -> None:
    def slice_of(name: str, node: str) -> Any:
        pool = {"name": "p", "generation": 1, "resourceSliceCount": 1}
        taint = {"key": "k", "effect": "NoSchedule"}
        devices = [{"name": "d", "attributes": {"a": {"ints": [1]}, "b": {"int": 1}}, "taints": [taint]}]
        spec = {"driver": "a.b", "pool": pool, "nodeName": node, "devices": devices}
        return {"metadata": {"name": name}, "spec": spec}

    async with asking() as ask:
        lists = await ask("POST", SLICES, slice_of("lists", "n"))
        # A list of values is of a feature that is off: it is dropped, and so the attribute has none.
        assert "exactly one value must be specified" in lists.body["message"]
        for name, node in (("one", "n"), ("two", "m")):
            body = slice_of(name, node)
            del body["spec"]["devices"][0]["attributes"]["a"]
            made = await ask.made(body, SLICES)
            assert made["spec"]["devices"][0]["taints"][0]["timeAdded"]
        assert await ask.names(f"{SLICES}?fieldSelector=spec.nodeName=n") == ["one"]
        assert await ask.names(f"{SLICES}?fieldSelector=spec.driver=a.b,spec.nodeName=m") == ["two"]
