"""Bytes on a connection: the embedded server says to them what the real one says, down to the status line."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from helpers.raw_connections import RawAnswer, RawConversation, RawServer
from helpers.raw_requests import MAPS, NAMESPACE, REQUESTS, SIZES, Raw
from helpers.serving import embedded_in_thread

from reconcile.testing.control_plane import ControlPlane

_VARYING = re.compile(
    r"[0-9A-F]{128}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d-\d\dT[\d:.]+Z|127\.0\.0\.1:\d+"
    r"|(?<=esourceVersion: )\S+"
)
# Each server has its own; what there is of them says the framing.
_OWN = ("date", "etag", "last-modified", "expires", "content-length", "transfer-encoding", "location")
_FLOWS = "/apis/flowcontrol.apiserver.k8s.io/v1/"


class Judged:
    """One server's answers without what must differ; flow schemas and priority levels by their names."""

    def __init__(self, kubeconfig: Path) -> None:
        self._server = RawServer(kubeconfig)
        for body in (
            ("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}}),
            *(
                (MAPS, {"metadata": {"name": name}, "data": {"k": "v" * size}})
                for name, size in SIZES.items()
            ),
        ):
            assert self._post(*body).answers[0].line == "HTTP/1.1 201 Created"
        self._names: dict[str, str] = {}
        for kind in ("flowschemas", "prioritylevelconfigurations"):
            sent = f"GET {_FLOWS}{kind} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
            for item in json.loads(self._server.converse(sent).answers[0].body)["items"]:
                self._names[item["metadata"]["uid"]] = item["metadata"]["name"]

    def _post(self, path: str, body: Any) -> RawConversation:
        raw = json.dumps(body).encode()
        head = f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        return self._server.converse(f"{head}Content-Length: {len(raw)}\r\n\r\n".encode() + raw, ("POST",))

    def outcome(self, raw: Raw) -> list[Any]:
        found = self._server.converse(raw.sent, raw.methods)
        return [*(self._comparable(answer) for answer in found.answers), f"kept: {found.kept}"]

    def _comparable(self, answer: RawAnswer) -> tuple[Any, ...]:
        fields = {name: ", ".join(values) for name, values in answer.headers.items() if name not in _OWN}
        for name in fields:
            if "-pf-" in name:
                fields[name] = self._names[fields[name]]
            if name == "audit-id" and len(fields[name]) == 36:
                fields[name] = "drawn"
        return answer.line, answer.interim, answer.framing, sorted(fields.items()), _said(answer)


def _said(answer: RawAnswer) -> Any:
    media = answer.header("content-type")
    if media.startswith(("application/vnd.kubernetes.protobuf", "application/com.github")):
        return "protobuf"
    if media.startswith("application/jwk-set"):
        return "keys"
    text = _VARYING.sub("…", answer.body.decode("latin-1"))
    if media != "application/json" and not media.startswith("application/json;"):
        return text
    value = json.loads(answer.body or "null")
    if not isinstance(value, dict):
        return value
    if value.get("kind") == "Status":
        return yaml.safe_dump(value)
    metadata = value.get("metadata") or {}
    named = [(item.get("metadata") or {}).get("name") for item in value.get("items") or ()]
    # Indented or not, and how it ends.
    return value.get("kind"), value.get("apiVersion"), metadata.get("name"), named, text[:3], text[-2:]


@pytest.mark.timeout(1200)
def test_each_is_answered_as_the_real_server_answers_it(fresh_plane: ControlPlane, tmp_path: Path) -> None:
    different: list[str] = []
    with embedded_in_thread(tmp_path) as kubeconfig:
        ours, theirs = Judged(kubeconfig), Judged(fresh_plane.kubeconfig)
        for raw in REQUESTS:
            mine, other = ours.outcome(raw), theirs.outcome(raw)
            if mine != other:
                different.append(f"{raw.name[:200]}\n  ours   {str(mine)[:900]}\n  theirs {str(other)[:900]}")
    assert not different, f"{len(different)} of {len(REQUESTS)} differ:\n" + "\n".join(different)
