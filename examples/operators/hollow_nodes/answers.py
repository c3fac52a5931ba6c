"""What a hollow node's kubelet answers on an embedded API server: logs, and commands in containers.

The embedded server asks its `kubelet` for `kubectl logs`, `exec` and `attach`. Nothing runs here, so the
answers are written in annotations of the pod, for all its containers or for the one whose name follows:

    hollow.example.com/log: |                      the lines of its log
      listening on :8080
      GET / 200
    hollow.example.com/exec.main: |                answers by command, as YAML
      hostname: web-1
      cat /etc/secret: {stderr: "permission denied", code: 1}

Words for what there is not are a kubelet's.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

import yaml

from reconcile import format_time, parse_time
from reconcile.apiserver.kubelet import Kubelet, LogOptions, Streams
from reconcile.apiserver.status import StatusError, bad_request

from .behaviour import PREFIX

LOG = PREFIX + "log"
EXEC = PREFIX + "exec"
LOOK = 0.5
"""Seconds between looks at a container whose log is followed (a kubelet's: 5 s)."""
NOT_FOUND = 127
"""The exit status of a shell that does not know a command."""

Object = dict[str, Any]


class HollowAnswers(Kubelet):
    """Stands behind the pods of an embedded API server: `ServerOptions(kubelet=HollowAnswers())`."""

    async def logs(self, pod: Object, container: str, options: LogOptions) -> AsyncIterator[bytes]:
        """The lines of the annotation, or one that says that nothing runs.

        With `follow` it goes on without another line until the container ends.
        """
        began = _began(pod, container, previous=options.previous)
        # The answer begins now, also where no line is wanted.
        yield b""
        for line in selected(_lines(pod, container), began, options):
            yield line.encode() + b"\n"
        while options.follow and not options.previous and options.still_runs():
            await asyncio.sleep(LOOK)

    async def exec(self, pod: Object, container: str, command: list[str], streams: Streams) -> int:
        """The answer of the annotation; `cat` and `echo` do what they do, other commands are not found."""
        _require_running(pod, container)
        asked = " ".join(command)
        found = _answers(pod, container).get(asked)
        if found is not None:
            await streams.stdout(_line(found.stdout))
            await streams.stderr(_line(found.stderr))
            return found.code
        if command == ["cat"]:
            async for part in streams.stdin():
                await streams.stdout(part)
            return 0
        if command[:1] == ["echo"]:
            await streams.stdout(" ".join(command[1:]).encode() + b"\n")
            return 0
        await streams.stderr(f"hollow: {command[0] if command else ''}: not found\n".encode())
        return NOT_FOUND

    async def attach(self, pod: Object, container: str, streams: Streams) -> int:
        """What the container wrote, and then nothing more."""
        _require_running(pod, container)
        for line in _lines(pod, container):
            await streams.stdout(line.encode() + b"\n")
        return 0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command writes, and its exit status."""

    stdout: str = ""
    stderr: str = ""
    code: int = 0


def selected(lines: list[str], began: datetime, options: LogOptions) -> Iterable[str]:
    """The part of a log that is asked for. A line is written each second since the container began."""
    timed = [(began + timedelta(seconds=number), line) for number, line in enumerate(lines)]
    if options.since_time:
        since = parse_time(options.since_time)
        timed = [(at, line) for at, line in timed if at >= since]
    if options.tail_lines is not None:
        timed = timed[len(timed) - min(options.tail_lines, len(timed)) :]
    return [f"{format_time(at)} {line}" if options.timestamps else line for at, line in timed]


def _said(pod: Object, annotation: str, container: str) -> str | None:
    annotations: dict[str, str] = pod["metadata"].get("annotations") or {}
    return annotations.get(f"{annotation}.{container}", annotations.get(annotation))


def _lines(pod: Object, container: str) -> list[str]:
    said = _said(pod, LOG, container)
    if said is None:
        return [f"{container} is hollow: nothing runs here. The annotation {LOG} is its log."]
    return said.splitlines()


def _answers(pod: Object, container: str) -> dict[str, Answer]:
    said: Any = yaml.safe_load(_said(pod, EXEC, container) or "") or {}
    if not isinstance(said, dict):
        name = pod["metadata"]["name"]
        raise bad_request(f"the annotation {EXEC} of pod {name} maps no commands to answers")
    found: dict[str, Answer] = {}
    for command, answer in cast("dict[Any, Any]", said).items():
        told = cast("dict[str, Any]", answer) if isinstance(answer, dict) else {"stdout": answer}
        found[str(command)] = Answer(
            str(told.get("stdout", "")), str(told.get("stderr", "")), int(told.get("code", 0))
        )
    return found


def _line(text: str) -> bytes:
    return (text if not text or text.endswith("\n") else f"{text}\n").encode()


def _status_of(pod: Object, container: str) -> Object:
    status: Object = pod.get("status") or {}
    fields = ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses")
    every = [one for field in fields for one in cast("list[Object]", status.get(field) or [])]
    return next((one for one in every if one["name"] == container), {})


def _began(pod: Object, container: str, *, previous: bool) -> datetime:
    """When the incarnation began whose log is wanted. Raises 400 where there is none."""
    name, status = pod["metadata"]["name"], _status_of(pod, container)
    state: Object = status.get("state") or {}
    ended: Object | None = (status.get("lastState") or {}).get("terminated")
    if previous:
        if ended is None:
            raise bad_request(f'previous terminated container "{container}" in pod "{name}" not found')
        return parse_time(ended.get("startedAt") or ended["finishedAt"])
    now: Object | None = state.get("running") or state.get("terminated") or ended
    if now is None:
        reason = (state.get("waiting") or {}).get("reason")
        what = f"is waiting to start: {reason}" if reason else "is not available"
        raise bad_request(f'container "{container}" in pod "{name}" {what}')
    return parse_time(now.get("startedAt") or now["finishedAt"])


def _require_running(pod: Object, container: str) -> None:
    """Raises 500 where the container does not run, as a kubelet says it."""
    if (_status_of(pod, container).get("state") or {}).get("running") is None:
        raise StatusError(f'unable to upgrade connection: container not found ("{container}")', code=500)
