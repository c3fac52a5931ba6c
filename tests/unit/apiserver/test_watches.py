import asyncio
import json

from helpers.asking import CONFIG_MAPS, MERGE, asking, config_map


async def test_a_watch_from_a_revision_tells_what_came_after() -> None:
    async with asking() as ask:
        made = await ask.made(config_map("a"))
        await ask("PATCH", f"{CONFIG_MAPS}/a", {"data": {"x": "1"}}, MERGE)
        await ask("DELETE", f"{CONFIG_MAPS}/a")
        version = made["metadata"]["resourceVersion"]
        answer = await ask("GET", f"{CONFIG_MAPS}?watch=1&timeoutSeconds=1&resourceVersion={version}")
        assert [kind for kind, _ in answer.events] == ["MODIFIED", "DELETED"]
        versions = [int(item["metadata"]["resourceVersion"]) for _, item in answer.events]
        assert versions == [int(version) + 1, int(version) + 2]


async def test_a_watch_without_revision_begins_with_what_is_there() -> None:
    async with asking(service_accounts=False) as ask:
        await ask.made(config_map("a"))
        answer = await ask("GET", f"{CONFIG_MAPS}?watch=true&timeoutSeconds=1")
        assert [(kind, item["metadata"]["name"]) for kind, item in answer.events] == [("ADDED", "a")]


async def test_a_selection_turns_changes_into_additions_and_deletions() -> None:
    async with asking() as ask:
        made = await ask.made(config_map("a"))
        for value in ("in", "in", "out", "in"):
            patch = {"metadata": {"labels": {"x": value}}, "data": {"n": str(ask.server.storage.revision)}}
            await ask("PATCH", f"{CONFIG_MAPS}/a", patch, MERGE)
        await ask("DELETE", f"{CONFIG_MAPS}/a")
        version = made["metadata"]["resourceVersion"]
        query = f"watch=1&timeoutSeconds=1&labelSelector=x%3Din&resourceVersion={version}"
        events = (await ask("GET", f"{CONFIG_MAPS}?{query}")).events
        assert [kind for kind, _ in events] == ["ADDED", "MODIFIED", "DELETED", "ADDED", "DELETED"]
        left = events[2][1]
        # Who leaves the selection is shown as it was, under the revision of its leaving.
        assert left["metadata"]["labels"] == {"x": "in"}
        assert int(left["metadata"]["resourceVersion"]) == int(version) + 3


async def test_initial_events_end_with_a_bookmark() -> None:
    async with asking(service_accounts=False) as ask:
        await ask.made(config_map("a"))
        query = "watch=1&timeoutSeconds=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
        events = (await ask("GET", f"{CONFIG_MAPS}?{query}&allowWatchBookmarks=true")).events
        assert [kind for kind, _ in events] == ["ADDED", "BOOKMARK"]
        assert events[1][1] == {
            "kind": "ConfigMap", "apiVersion": "v1",
            "metadata": {
                "resourceVersion": str(ask.server.storage.revision),
                "annotations": {"k8s.io/initial-events-end": "true"},
            },
        }  # fmt: skip


async def test_bookmarks_come_while_nothing_happens() -> None:
    async with asking(bookmark_interval=10) as ask:
        version = ask.server.storage.revision
        path = f"{CONFIG_MAPS}?watch=1&timeoutSeconds=25&allowWatchBookmarks=1&resourceVersion={version}"
        await ask.made(config_map("x"), "/api/v1/namespaces/kube-system/configmaps")
        events = (await ask("GET", path)).events
        # At 10 and 20 seconds, and shortly before the end.
        assert [kind for kind, _ in events] == ["BOOKMARK"] * 3
        assert events[0][1]["metadata"]["resourceVersion"] == str(version + 1)


async def test_a_revision_that_is_forgotten_is_an_error_event() -> None:
    async with asking() as ask:
        await ask.made(config_map("a"))
        ask.server.storage.compact(ask.server.storage.revision)
        answer = await ask("GET", f"{CONFIG_MAPS}?watch=1&resourceVersion=2")
        ((kind, error),) = answer.events
        assert (answer.status, kind) == (200, "ERROR")
        assert (error["code"], error["reason"]) == (410, "Expired")
        assert error["message"].startswith("too old resource version: 2 (")


async def test_a_slow_watcher_loses_its_place_and_holds_no_memory() -> None:
    async with asking(history=100) as ask:
        version = ask.server.storage.revision
        watch = await ask.send("GET", f"{CONFIG_MAPS}?watch=1&resourceVersion={version}")
        chunks = aiter(watch.chunks())
        await ask.made(config_map("a"))
        assert b'"ADDED"' in await anext(chunks)
        for number in range(300):
            await ask("PATCH", f"{CONFIG_MAPS}/a", {"data": {"n": str(number)}}, MERGE)
        try:
            await anext(chunks)
        except StopAsyncIteration:
            pass
        else:
            raise AssertionError("the watch went on")
        assert not ask.server.handler.reader.watches
        await watch.close()


async def test_an_event_is_encoded_once_for_all_watchers() -> None:
    async with asking() as ask:
        version = ask.server.storage.revision
        opened = [
            await ask.send("GET", f"{CONFIG_MAPS}?watch=1&resourceVersion={version}") for _ in range(100)
        ]
        bodies = [aiter(watch.chunks()) for watch in opened]
        readers = [asyncio.create_task(anext(body)) for body in bodies]
        await asyncio.sleep(0)
        await ask.made(config_map("a"))
        frames = await asyncio.gather(*readers)
        assert len(set(frames)) == 1 and json.loads(frames[0])["object"]["metadata"]["name"] == "a"
        for watch, body in zip(opened, bodies, strict=True):
            await watch.close()
            await body.aclose()
        assert not ask.server.handler.reader.watches


async def test_a_watch_of_one_namespace_hears_nothing_of_others() -> None:
    async with asking() as ask:
        version = ask.server.storage.revision
        await ask.made(config_map("x"), "/api/v1/namespaces/kube-system/configmaps")
        await ask.made(config_map("x"))
        answer = await ask("GET", f"{CONFIG_MAPS}?watch=1&timeoutSeconds=1&resourceVersion={version}")
        assert [item["metadata"]["namespace"] for _, item in answer.events] == ["default"]


async def test_restoring_a_snapshot_ends_watches() -> None:
    async with asking() as ask:
        snapshot = ask.server.snapshot()
        watch = await ask.send("GET", f"{CONFIG_MAPS}?watch=1&resourceVersion={ask.server.storage.revision}")
        reader = asyncio.create_task(watch.read())
        await asyncio.sleep(0)
        await ask.server.restore(snapshot)
        assert await reader == b""
