"""What `data_dir` keeps: across restarts, and across kills at any moment."""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from helpers.asking import CONFIG_MAPS, MERGE, asking, config_map

from reconcile.apiserver.storage import Storage
from reconcile.apiserver.storage.journal import FILE, Journal
from reconcile.errors import ConfigurationError

_WRITER = Path(__file__).with_name("data_dir_writer.py")
_ROUNDS = 4
_PATIENCE = 60.0


async def test_objects_and_revisions_survive_a_restart(tmp_path: Path) -> None:
    async with asking(data_dir=tmp_path) as ask:
        await ask.made(config_map("a"))
        await ask(
            "PATCH", f"{CONFIG_MAPS}/a", {"data": {"x": "1"}, "metadata": {"labels": {"l": "1"}}}, MERGE
        )
        await ask.made(config_map("gone"))
        await ask("DELETE", f"{CONFIG_MAPS}/gone")
        before = (await ask("GET", f"{CONFIG_MAPS}/a")).body
        revision = ask.server.storage.revision
    async with asking(data_dir=tmp_path) as ask:
        assert ask.server.storage.revision == revision
        assert (await ask("GET", f"{CONFIG_MAPS}/a")).body == before
        assert (await ask("GET", f"{CONFIG_MAPS}/gone")).status == 404
        assert (await ask("GET", f"{CONFIG_MAPS}?labelSelector=l%3D1")).names == ["a"]
        made = await ask.made(config_map("b"))
        assert int(made["metadata"]["resourceVersion"]) == revision + 1


async def test_a_watch_goes_on_from_the_last_revision_and_is_told_that_earlier_ones_went(
    tmp_path: Path,
) -> None:
    async with asking(data_dir=tmp_path) as ask:
        made = await ask.made(config_map("a"))
        last = (await ask.made(config_map("b")))["metadata"]["resourceVersion"]
    async with asking(data_dir=tmp_path) as ask:
        await ask.made(config_map("c"))
        answer = await ask("GET", f"{CONFIG_MAPS}?watch=1&timeoutSeconds=1&resourceVersion={last}")
        assert [(kind, item["metadata"]["name"]) for kind, item in answer.events] == [("ADDED", "c")]
        version = made["metadata"]["resourceVersion"]
        ((kind, error),) = (await ask("GET", f"{CONFIG_MAPS}?watch=1&resourceVersion={version}")).events
        assert (kind, error["code"]) == ("ERROR", 410)


async def test_custom_resources_are_served_again(tmp_path: Path) -> None:
    definition: dict[str, Any] = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "foos.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": "foos", "kind": "Foo"},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": {"type": "object"}},
                }
            ],
        },
    }
    foos = "/apis/example.com/v1/namespaces/default/foos"
    async with asking(data_dir=tmp_path) as ask:
        await ask("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition)
        async with asyncio.timeout(_PATIENCE):
            while (await ask("GET", foos)).status != 200:
                await asyncio.sleep(0.01)
        made = {"apiVersion": "example.com/v1", "kind": "Foo", "metadata": {"name": "x"}}
        assert (await ask("POST", foos, made)).status == 201
    async with asking(data_dir=tmp_path) as ask:
        assert (await ask("GET", foos)).names == ["x"]


async def test_what_a_snapshot_brings_back_is_kept(tmp_path: Path) -> None:
    async with asking(data_dir=tmp_path) as ask:
        await ask.made(config_map("a"))
        snapshot = ask.server.snapshot()
        await ask.made(config_map("b"))
        await ask.server.restore(snapshot)
    async with asking(data_dir=tmp_path, service_accounts=False) as ask:
        assert "b" not in (await ask("GET", CONFIG_MAPS)).names
        assert "a" in (await ask("GET", CONFIG_MAPS)).names


async def test_a_directory_has_one_server_at_a_time(tmp_path: Path) -> None:
    async with asking(data_dir=tmp_path):
        with pytest.raises(ConfigurationError, match="another server uses it"):
            async with asking(data_dir=tmp_path):
                pass


def test_a_file_that_is_no_database_is_an_error_with_its_name(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("something else, long enough to be no empty database " * 20)
    with pytest.raises(ConfigurationError, match=FILE):
        Journal(tmp_path)


async def test_a_write_that_cannot_be_kept_does_not_happen(tmp_path: Path, monkeypatch: Any) -> None:
    async with asking(data_dir=tmp_path, service_accounts=False) as ask:
        revision = ask.server.storage.revision

        def fails(self: Journal, collection: str, change: Any) -> None:
            raise OSError("no space left on device")

        monkeypatch.setattr(Journal, "write", fails)
        assert (await ask("POST", CONFIG_MAPS, config_map("a"))).status == 500
        monkeypatch.undo()
        assert ask.server.storage.revision == revision
        assert (await ask("GET", CONFIG_MAPS)).names == []
        assert (await ask("POST", CONFIG_MAPS, config_map("a"))).status == 201


@pytest.mark.real_time
def test_every_acknowledged_write_survives_a_kill(tmp_path: Path) -> None:
    """The writer is killed somewhere in its writes, again and again on the same directory."""
    dice = random.Random(7)
    known: dict[str, tuple[int, str] | None] = {}
    last = 0
    for _ in range(_ROUNDS):
        said = _killed_after(dice.randint(1, 120), tmp_path, seed=dice.randint(0, 1 << 30))
        for line in said:
            last = max(last, line["revision"])
            known[line["name"]] = None if line["gone"] else (line["revision"], line["value"])
        storage = Storage()
        journal = Journal(tmp_path)
        storage.keep_in(journal)
        # The write after the last acknowledged one may be there or not; none may be lost.
        assert storage.revision >= last
        unacknowledged: set[str] = set()
        for name, wanted in known.items():
            held = storage.get("configmaps", f"default/{name}")
            if held is not None and held.resource_version > last:
                unacknowledged.add(name)
            elif wanted is None:
                assert held is None, f"{name} was deleted and is there"
            elif held is None:
                assert storage.revision > last, f"{name} was written and is not there"
                unacknowledged.add(name)
            else:
                value = json.loads(held.raw)["data"]["value"]
                assert (held.resource_version, value) == wanted
        assert len(unacknowledged) <= 1
        for name in unacknowledged:
            del known[name]
        last = storage.revision
        journal.close()
    assert known


def _killed_after(count: int, directory: Path, *, seed: int) -> list[dict[str, Any]]:
    """Everything that the writer acknowledged; it is killed once that were `count` writes."""
    writer = subprocess.Popen(
        [sys.executable, str(_WRITER), str(directory), str(seed)], stdout=subprocess.PIPE
    )
    assert writer.stdout is not None
    try:
        lines = [writer.stdout.readline() for _ in range(count)]
        assert all(lines), "the writer ended by itself"
    finally:
        writer.kill()
    lines += writer.stdout.readlines()
    writer.stdout.close()
    writer.wait()
    # The last line may be cut: then the client did not get its answer.
    return [json.loads(line) for line in lines if line.endswith(b"\n")]
