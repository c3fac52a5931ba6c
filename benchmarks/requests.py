"""What one client asks of an API server, the same of each: plain requests, one after the other."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

HEADERS: Mapping[str, str] = {"accept": "application/json", "user-agent": "benchmark/1"}
COLLECTION = "/api/v1/namespaces/default/configmaps"
JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
LISTS = 20

Asked = tuple[str, str, bytes | None, str]
"""Method, path, body, content type."""

Figures = dict[str, float]


@dataclass(frozen=True)
class Work:
    """Attributes:
    objects: how many objects are created, read and patched.
    lists: how often all of them are listed.
    """

    objects: int
    lists: int = LISTS

    def steps(self) -> Iterator[tuple[str, list[Asked]]]:
        """The steps in order, each with its requests."""
        numbers = range(self.objects)
        patch = json.dumps({"metadata": {"labels": {"patched": "yes"}}, "data": {"new": "value"}}).encode()
        yield "create", [("POST", COLLECTION, config_map(number), JSON) for number in numbers]
        yield "get", [("GET", f"{COLLECTION}/map-{number}", None, "") for number in numbers]
        yield "list", [("GET", COLLECTION, None, "")] * self.lists
        yield "patch", [("PATCH", f"{COLLECTION}/map-{number}", patch, MERGE_PATCH) for number in numbers]

    def cycles(self) -> Iterator[Asked]:
        """One object made, read and deleted again, as often as there are objects."""
        body = json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}}).encode()
        for _ in range(self.objects):
            yield "POST", COLLECTION, body, JSON
            yield "GET", f"{COLLECTION}/one", None, ""
            yield "DELETE", f"{COLLECTION}/one", None, ""

    def fill(self, first: int = 0, step: int = 1) -> Iterator[Asked]:
        """The objects whose memory is measured; `first` and `step` share them out among clients."""
        for number in range(first, self.objects, step):
            yield "POST", COLLECTION, config_map(number, "fill"), JSON


def config_map(number: int, prefix: str = "map") -> bytes:
    """About 700 bytes, two thirds of them data, which differ from object to object."""
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": f"{prefix}-{number}",
                "labels": {"app": f"app-{number % 100}", "number": str(number)},
                "annotations": {"example.com/note": f"object {number} of the benchmark"},
            },
            "data": {f"key-{index}": f"{number}-{index}-" + "x" * 60 for index in range(6)},
        }
    ).encode()


def figures(work: Work, seconds: Mapping[str, float]) -> Figures:
    """Requests a second of each step."""
    return {name: (work.lists if name == "list" else work.objects) / spent for name, spent in seconds.items()}
