"""The benchmark of API servers: its requests, and how its targets are judged."""

from __future__ import annotations

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from benchmarks.api_server import BASE, targets  # noqa: E402
from benchmarks.requests import Work, config_map, figures  # noqa: E402
from benchmarks.workers.embedded_api_server import ask, encodings_of_an_event  # noqa: E402
from reconcile.apiserver import APIServer  # noqa: E402


def test_the_work_is_the_same_for_everyone_and_shared_out_without_a_rest() -> None:
    work = Work(4, lists=2)
    steps = dict(work.steps())
    assert {name: len(requests) for name, requests in steps.items()} == {
        "create": 4, "get": 4, "list": 2, "patch": 4,
    }  # fmt: skip
    assert len(list(work.cycles())) == 12
    shared = [asked for first in range(3) for asked in work.fill(first, 3)]
    assert sorted(shared) == sorted(work.fill())
    assert json.loads(config_map(7))["metadata"]["name"] == "map-7"
    assert figures(work, {"create": 2.0, "list": 4.0}) == {"create": 2.0, "list": 0.5}


def test_a_target_is_met_or_missed_by_the_ratio_to_the_real_pair_and_left_out_when_not_measured() -> None:
    lines = targets({
        "in-process": [{"start": 0.1, "create": 50.0, "cycle": 250e-6}],
        "https": [{"start": 1.0, "create": 60.0, "full": 1.0}],
        BASE: [{"start": 4.0, "create": 100.0, "full": 2.0}],
    })  # fmt: skip
    verdicts = {line.split("|")[1].split(":")[0].strip(): line.split("|")[3].strip() for line in lines}
    assert verdicts == {
        "start, in the process": "met",
        "start, a process of its own": "missed",
        "create over HTTPS": "met",
        "create in the process": "missed",
        "create, get and delete in the process": "met",
        "memory with all objects": "met",
    }
    assert targets({"in-process": [{"start": 0.1}]}) == []


async def test_the_count_of_encodings_sees_one_an_event() -> None:
    work = Work(20, lists=1)
    async with APIServer() as server:
        transport = server.transport()
        for method, path, body, media in dict(work.steps())["create"]:
            await ask(transport, method, path, body, media)
        assert await encodings_of_an_event(transport, work) == 1.0
