"""A server with very many pods, whose lists were written beforehand: only the client's own work is seen."""

from __future__ import annotations

import json
from typing import Any

from helpers.scripted_server import ScriptedServer, _Answer


class ManyPods(ScriptedServer):
    """The first list has every pod; the second one half of them changed; the third one all of them."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count
        self.version = 10 * count
        self._bodies = [self._body(0, every=1), self._body(1, every=2), self._body(2, every=1)]

    def _body(self, generation: int, *, every: int) -> list[bytes]:
        items = ",".join(
            json.dumps(self._pod(number, generation if not number % every else 0))
            for number in range(self.count)
        )
        body = f'{{"metadata":{{"resourceVersion":"{self.version}"}},"items":[{items}]}}'.encode()
        return [body[at : at + 65536] for at in range(0, len(body), 65536)]

    def _pod(self, number: int, generation: int) -> dict[str, Any]:
        return {
            "metadata": {
                "name": f"pod-{number}",
                "namespace": f"team-{number % 10}",
                "uid": f"uid-{number}",
                "resourceVersion": str(number + 1 + self.count * generation),
                "labels": {"app": f"app-{number % 100}"},
            },
            "spec": {
                "nodeName": f"node-{number % 100}",
                "containers": [{"name": "main", "image": "example.com/main:1", "command": ["x" * 200]}],
            },
        }

    def _list(self, namespace: str | None, query: dict[str, str]) -> Any:
        return _Answer(200, self._bodies[min(len(self.lists()), 3) - 1])
