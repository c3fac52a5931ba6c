"""`pods/log`: a container's log as text."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import replace
from typing import Any, cast

from reconcile.apiserver import status
from reconcile.apiserver.field_errors import FieldError, forbidden, invalid
from reconcile.apiserver.handlers.messages import Response
from reconcile.apiserver.handlers.options import Query
from reconcile.apiserver.interfaces import RequestContext
from reconcile.apiserver.kubelet.backend import JSONObject, Kubelet, LogOptions, Unreachable
from reconcile.apiserver.kubelet.locating import container_of, place_of, pod_of

_HEADERS = {"cache-control": "no-cache, private", "content-type": "text/plain"}


class LogStream:
    """A log as the body of an answer."""

    def __init__(self, first: bytes, rest: AsyncIterator[bytes], limit: int | None) -> None:
        self._parts = self._bounded(first, rest, limit)

    async def _bounded(
        self, first: bytes, rest: AsyncIterator[bytes], left: int | None
    ) -> AsyncGenerator[bytes]:
        try:
            part = first
            while True:
                if left is not None:
                    part, left = part[:left], left - len(part[:left])
                if part:
                    yield part
                if left == 0:
                    return
                try:
                    part = await anext(rest)
                except StopAsyncIteration:
                    return
        finally:
            if isinstance(rest, AsyncGenerator):
                await rest.aclose()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._parts

    def close(self) -> None:
        """The reader is gone; its task ends the generator with it."""


async def answer_log(kubelet: Kubelet, context: RequestContext, query: Query) -> Response:
    """The answer to a GET of `pods/log`."""
    options = _options(query)
    _check(options, context.name)
    pod = pod_of(context)
    container = container_of(pod, query.get("container"))
    if not pod["spec"].get("nodeName"):
        # As upstream: a pod without a node has an empty log.
        return Response(200, dict(_HEADERS))
    place = place_of(pod, context)
    before = _life_of(pod, container)

    def still_runs() -> bool:
        now = context.access.read("pods", context.namespace, context.name)
        return before is not None and now is not None and _life_of(now, container) == before

    options = replace(options, still_runs=still_runs)
    try:
        lines = aiter(kubelet.logs(pod, container, options))
        # What fails, fails before the first byte: then there is a status to say so.
        first = await anext(lines, b"")
    except Unreachable:
        meta = pod["metadata"]
        url = place.url(
            "containerLogs", meta["namespace"], meta["name"], container, query=_on_the_wire(options)
        )
        raise status.StatusError(f'Get "{url}": {place.refused}', code=500) from None
    return Response(200, dict(_HEADERS), stream=LogStream(first, lines, options.limit_bytes))


def _life_of(pod: JSONObject, container: str) -> tuple[str, Any] | None:
    """Which incarnation of a container runs; None when none does."""
    status: JSONObject = pod.get("status") or {}
    for field in ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"):
        for one in cast("list[JSONObject]", status.get(field) or []):
            if one["name"] == container and (one.get("state") or {}).get("running") is not None:
                return pod["metadata"]["uid"], one.get("containerID")
    return None


def _options(query: Query) -> LogOptions:
    return LogOptions(
        follow=bool(query.flag("follow")),
        previous=bool(query.flag("previous")),
        timestamps=bool(query.flag("timestamps")),
        since_seconds=query.integer("sinceSeconds"),
        since_time=query.get("sinceTime"),
        tail_lines=query.integer("tailLines"),
        limit_bytes=query.integer("limitBytes"),
    )


def _check(options: LogOptions, name: str) -> None:
    errors: list[FieldError] = []
    if options.tail_lines is not None and options.tail_lines < 0:
        errors.append(invalid("tailLines", options.tail_lines, "must be greater than or equal to 0"))
    if options.limit_bytes is not None and options.limit_bytes < 1:
        errors.append(invalid("limitBytes", options.limit_bytes, "must be greater than 0"))
    if options.since_seconds is not None and options.since_time:
        text = "at most one of `sinceTime` or `sinceSeconds` may be specified"
        errors.append(forbidden("", text))
    elif options.since_seconds is not None and options.since_seconds < 1:
        errors.append(invalid("sinceSeconds", options.since_seconds, "must be greater than 0"))
    if errors:
        raise status.invalid("", "PodLogOptions", name, errors)


def _on_the_wire(options: LogOptions) -> list[tuple[str, str]]:
    """The options as a kubelet is asked for them."""
    given: dict[str, Any] = {
        "follow": options.follow and "true",
        "previous": options.previous and "true",
        "timestamps": options.timestamps and "true",
        "sinceSeconds": options.since_seconds,
        "sinceTime": options.since_time,
        "tailLines": options.tail_lines,
        "limitBytes": options.limit_bytes,
    }
    return [(name, str(value)) for name, value in given.items() if value not in (None, "", False)]
