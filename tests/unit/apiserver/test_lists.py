import base64
import json

from helpers.asking import CONFIG_MAPS, MERGE, asking, config_map


async def test_pages_are_consistent_while_objects_come_and_go() -> None:
    async with asking(service_accounts=False) as ask:
        for number in range(7):
            await ask.made(config_map(f"c{number}"))
        page = (await ask("GET", f"{CONFIG_MAPS}?limit=3")).body
        assert page["metadata"]["remainingItemCount"] == 4
        await ask("DELETE", f"{CONFIG_MAPS}/c4")
        await ask.made(config_map("c35"))
        names = [item["metadata"]["name"] for item in page["items"]]
        while token := page["metadata"].get("continue"):
            page = (await ask("GET", f"{CONFIG_MAPS}?limit=3&continue={token}")).body
            names += [item["metadata"]["name"] for item in page["items"]]
        assert names == [f"c{number}" for number in range(7)]


async def test_a_selection_hides_how_many_remain() -> None:
    async with asking() as ask:
        for number in range(3):
            await ask.made(config_map(f"c{number}", labels={"a": "b"}))
        page = (await ask("GET", f"{CONFIG_MAPS}?limit=1&labelSelector=a%3Db")).body
        assert "continue" in page["metadata"] and "remainingItemCount" not in page["metadata"]


async def test_a_selection_of_one_name_has_one_page() -> None:
    async with asking(service_accounts=False) as ask:
        for name in ("a", "b"):
            await ask.made(config_map(name))
        page = (await ask("GET", f"{CONFIG_MAPS}?limit=1&fieldSelector=metadata.name%3Da")).body
        assert len(page["items"]) == 1 and "continue" not in page["metadata"]


async def test_an_expired_token_offers_to_go_on_inconsistently() -> None:
    async with asking(service_accounts=False) as ask:
        for number in range(4):
            await ask.made(config_map(f"c{number}"))
        token = (await ask("GET", f"{CONFIG_MAPS}?limit=2")).body["metadata"]["continue"]
        await ask.made(config_map("c9"))
        ask.server.storage.compact(ask.server.storage.revision)
        expired = await ask("GET", f"{CONFIG_MAPS}?limit=2&continue={token}")
        assert (expired.status, expired.body["reason"]) == (410, "Expired")
        other = expired.body["metadata"]["continue"]
        decoded = json.loads(base64.urlsafe_b64decode(other + "=="))
        assert decoded == {"v": "meta.k8s.io/v1", "rv": -1, "start": "c1\0"}
        assert (await ask("GET", f"{CONFIG_MAPS}?limit=5&continue={other}")).names == ["c2", "c3", "c9"]


async def test_a_list_at_a_revision_and_one_that_is_forgotten() -> None:
    async with asking(service_accounts=False) as ask:
        first = (await ask.made(config_map("a")))["metadata"]["resourceVersion"]
        await ask.made(config_map("b"))
        exact = f"{CONFIG_MAPS}?resourceVersionMatch=Exact&resourceVersion={first}"
        answer = await ask("GET", exact)
        assert answer.names == ["a"] and answer.body["metadata"]["resourceVersion"] == first
        ask.server.storage.compact(ask.server.storage.revision)
        forgotten = await ask("GET", exact)
        assert forgotten.status == 410
        assert forgotten.message == "The resourceVersion for the provided list is too old."


async def test_a_revision_of_the_future_is_waited_for_and_then_refused() -> None:
    async with asking() as ask:
        current = ask.server.storage.revision
        answer = await ask("GET", f"{CONFIG_MAPS}?resourceVersion=99999")
        assert answer.status == 504 and answer.headers["retry-after"] == "1"
        assert answer.message == f"Timeout: Too large resource version: 99999, current: {current}"


async def test_keys_are_ordered_as_etcd_orders_them() -> None:
    async with asking(service_accounts=False) as ask:
        for namespace in ("a-b", "a"):
            await ask("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
            await ask("POST", f"/api/v1/namespaces/{namespace}/configmaps", config_map("x"))
        items = (await ask("GET", "/api/v1/configmaps")).body["items"]
        assert [item["metadata"]["namespace"] for item in items] == ["a-b", "a"]


async def test_selectors() -> None:
    async with asking(service_accounts=False) as ask:
        for name, labels in (("a", {"x": "1"}), ("b", {"x": "2", "y": "1"}), ("c", {})):
            await ask.made(config_map(name, labels=labels))
        for query, names in (
            ("labelSelector=x", ["a", "b"]),
            ("labelSelector=!x", ["c"]),
            ("labelSelector=x+in+(1,2),!y", ["a"]),
            ("labelSelector=x!%3D1", ["b", "c"]),
            ("fieldSelector=metadata.name%3Db", ["b"]),
            ("fieldSelector=metadata.name!%3Db,metadata.namespace%3Ddefault", ["a", "c"]),
        ):
            assert (await ask("GET", f"{CONFIG_MAPS}?{query}")).names == names


async def test_a_snapshot_brings_everything_back_and_revisions_go_on() -> None:
    async with asking() as ask:
        await ask.made(config_map("a"))
        snapshot = ask.server.snapshot()
        await ask("PATCH", f"{CONFIG_MAPS}/a", {"data": {"x": "1"}}, MERGE)
        await ask.made(config_map("b"))
        before = ask.server.storage.revision
        await ask.server.restore(snapshot)
        assert await ask.names() == ["a"] and ask.server.storage.revision > before
        assert "data" not in (await ask("GET", f"{CONFIG_MAPS}/a")).body
