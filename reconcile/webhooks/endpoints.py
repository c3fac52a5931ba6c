"""Which hook answers at which path, and what an HTTP request comes to. No socket: bytes in, bytes out.

    POST path ──▶ method, content type, size ──▶ review ──▶ hook ──▶ review ──▶ 200
                          415, 413                400       500, 504

Whatever a hook raises that is no verdict is an answer with an error status and a `Status` as its body, so
that the server's failurePolicy decides, and the text reaches the log of the API server; the traceback stays
in this process's log.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec

from reconcile.errors import ConfigurationError
from reconcile.webhooks.admission import AdmissionHook
from reconcile.webhooks.admission_review import AdmissionEndpoint
from reconcile.webhooks.conversion import (
    ConversionHook,
    ConversionRequest,
    convert_object,
    converted,
    failure_text,
    hook_for,
    read_conversion_request,
    refused,
)
from reconcile.webhooks.errors import BadReviewError, HookFailedError
from reconcile.webhooks.stats import HookStats
from reconcile.webhooks.trust import Trusting

if TYPE_CHECKING:
    from reconcile.controllers.logs import Logger
    from reconcile.runtime import Runtime

JSONObject = dict[str, Any]

ADMISSION_BODY_LIMIT: Final = 7 * 1024 * 1024
CONVERSION_BODY_LIMIT: Final = 256 * 1024 * 1024
_LONGEST_CALL: Final = 30.0
_OBJECTS_AT_ONCE: Final = 20
_DURATION_PART: Final = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ms|s|m|h)")
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer: status and JSON body."""

    status: int
    body: bytes


class Endpoint(Protocol):
    """What answers at one path.

    Attributes:
        path: where.
        what: `conversion`, `validating` or `mutating`.
        body_limit: bytes of the largest review that is read.
        stats: its counts.
    """

    path: str
    what: str
    body_limit: int
    stats: HookStats

    async def review(self, review: Any, timeout: float) -> JSONObject:
        """The review that answers another one. `timeout`: seconds that the asker waits.

        Raises:
            BadReviewError: what was sent is not for this endpoint.
            HookFailedError: the hook raised.
            TimeoutError: it took too long.
        """
        ...

    def answers_for(self, host: str) -> bool:
        """Whether a service of this DNS name (`name.namespace.svc`) leads here."""
        ...


class ConversionEndpoint:
    """The conversions of one path, of any number of kinds."""

    what = "conversion"
    body_limit = CONVERSION_BODY_LIMIT

    def __init__(self, path: str, log: Logger) -> None:
        self.path = path
        self.stats = HookStats()
        self._log = log
        self._hooks: dict[tuple[str, str], ConversionHook] = {}

    def add(self, hook: ConversionHook) -> None:
        """Take a kind in. Raises `ConfigurationError` when another hook converts it."""
        key = (hook.group, hook.kind)
        if key in self._hooks and self._hooks[key] != hook:
            raise ConfigurationError(
                f"two conversion webhooks of {hook.kind}.{hook.group} at {self.path}; keep one"
            )
        self._hooks[key] = hook

    @property
    def definitions(self) -> tuple[str, ...]:
        """Names of the definitions that name these conversions."""
        return tuple(each.definition for each in self._hooks.values() if each.definition)

    def converts(self, group: str, kind: str) -> bool:
        """Whether a hook converts this kind."""
        return (group, kind) in self._hooks

    def answers_for(self, host: str) -> bool:
        return any(_leads_to(each.service, host) for each in self._hooks.values())

    async def review(self, review: Any, timeout: float) -> JSONObject:
        request = read_conversion_request(review)
        made: list[JSONObject] = []
        async with asyncio.timeout(timeout):
            for number, obj in enumerate(request.objects, start=1):
                try:
                    made.append(convert_object(hook_for(self._hooks, obj), obj, request.api_version))
                except Exception as error:
                    return self._refused(request, obj, error)
                if number % _OBJECTS_AT_ONCE == 0:
                    # A list of thousands must not stop the loop that renews a lease.
                    await asyncio.sleep(0)
        return converted(request, made)

    def _refused(self, request: ConversionRequest, obj: JSONObject, error: Exception) -> JSONObject:
        message = failure_text(obj, request.api_version, error)
        if isinstance(error, ConfigurationError):
            self._log.error("an object cannot be converted", reason=message)
        else:
            self.stats.panics += 1
            self._log.error("an object cannot be converted", reason=message, exc_info=error)
        return refused(request, message)


def _leads_to(service: str, host: str) -> bool:
    namespace, _, name = service.partition("/")
    return not service or host == f"{name}.{namespace}.svc"


class Endpoints:
    """All hooks of a manager by their path.

    Args:
        log: where failures are written.
        now: the event loop's clock.
        runtime: its threads run hooks that are plain functions.
    """

    def __init__(self, log: Logger, now: Callable[[], float], runtime: Runtime) -> None:
        self._log = log
        self._now = now
        self._runtime = runtime
        self._endpoints: dict[str, Endpoint] = {}

    def __iter__(self) -> Iterator[Endpoint]:
        return iter(self._endpoints.values())

    def __bool__(self) -> bool:
        return bool(self._endpoints)

    def __len__(self) -> int:
        return len(self._endpoints)

    @property
    def paths(self) -> tuple[str, ...]:
        """Where something answers."""
        return tuple(self._endpoints)

    def at(self, path: str) -> Endpoint | None:
        """What answers at a path."""
        return self._endpoints.get(path)

    def trusting(self, configuration: str) -> list[Trusting]:
        """What names these webhooks on the API server: definitions, and configurations of that name."""
        found: list[Trusting] = []
        for each in self:
            if isinstance(each, ConversionEndpoint):
                found += [Trusting("conversion", name) for name in each.definitions]
            elif each.what == "mutating":
                found.append(Trusting("mutating", configuration))
            else:
                found.append(Trusting("validating", configuration))
        return list(dict.fromkeys(found))

    def converts(self, group: str, kind: str) -> bool:
        """Whether objects of this kind are converted, at whatever path."""
        return any(each.converts(group, kind) for each in self if isinstance(each, ConversionEndpoint))

    def add_conversion(self, hook: ConversionHook) -> None:
        """Raises `ConfigurationError` when the path or the kind is taken."""
        found = self._endpoints.get(hook.path)
        if found is None:
            found = self._endpoints[hook.path] = ConversionEndpoint(_checked(hook.path), self._log)
        if not isinstance(found, ConversionEndpoint):
            raise ConfigurationError(
                f"the path {hook.path} is that of a {found.what} webhook and of conversions; give one of "
                "them another path="
            )
        found.add(hook)

    def add(self, hook: ConversionHook | AdmissionHook[Any]) -> None:
        """Raises `ConfigurationError` when the path or the name is taken."""
        if isinstance(hook, ConversionHook):
            self.add_conversion(hook)
            return
        found = self._endpoints.get(hook.path)
        if found is not None:
            raise ConfigurationError(
                f"the path {hook.path} is that of another webhook; give one of them another path="
            )
        if any(hook.name == each.name for each in self.admission_hooks):
            raise ConfigurationError(f"two webhooks of the name {hook.name}; give one of them another name=")
        self._endpoints[_checked(hook.path)] = AdmissionEndpoint(hook, self._log, self._runtime)

    @property
    def admission_hooks(self) -> tuple[AdmissionHook[Any], ...]:
        """The validating and mutating hooks, in the order in which they were added."""
        return tuple(each.hook for each in self if isinstance(each, AdmissionEndpoint))

    async def post(
        self, path: str, body: bytes, *, content_type: str = "application/json", timeout: str = ""
    ) -> Answer:
        """What a POST is answered with; never raises.

        Args:
            path: without query.
            body: as it came, not larger than the endpoint's limit.
            content_type: of the body.
            timeout: as in the query of an API server's call, such as `10s`; empty for 30 seconds.
        """
        endpoint = self._endpoints.get(path)
        if endpoint is None:
            return failed(404, f"no webhook at {path}")
        stats = endpoint.stats
        stats.in_flight += 1
        begun = self._now()
        try:
            answer = await self._answer(endpoint, body, content_type, seconds_of(timeout))
        finally:
            stats.in_flight -= 1
            stats.latency.observe(self._now() - begun)
        stats.requests[answer.status] += 1
        return answer

    async def _answer(self, endpoint: Endpoint, body: bytes, content_type: str, timeout: float) -> Answer:
        if content_type.partition(";")[0].strip().lower() != "application/json":
            return failed(415, f"expected Content-Type application/json, got {content_type or 'none'}")
        if len(body) > endpoint.body_limit:
            return failed(413, f"the review is larger than {endpoint.body_limit} bytes")
        try:
            review = json.loads(body)
        except (ValueError, RecursionError) as error:
            return failed(400, f"the body is no JSON: {error}")
        try:
            return Answer(200, msgspec.json.encode(await endpoint.review(review, timeout)))
        except BadReviewError as error:
            return failed(400, str(error))
        except HookFailedError as error:
            return failed(500, str(error))
        except TimeoutError:
            self._log.error("a webhook took too long", path=endpoint.path, seconds=timeout)
            return failed(504, f"the webhook at {endpoint.path} did not answer in {timeout:g} seconds")
        except Exception as error:
            endpoint.stats.panics += 1
            self._log.error("a webhook failed", path=endpoint.path, exc_info=error)
            return failed(500, f"the webhook at {endpoint.path} failed: {type(error).__name__}: {error}")

    def refuse(self, path: str, answer: Answer) -> Answer:
        """Count an answer that was given before the body was read."""
        endpoint = self._endpoints.get(path)
        if endpoint is not None:
            endpoint.stats.requests[answer.status] += 1
        return answer


def failed(status: int, message: str) -> Answer:
    """An answer with an error status, whose text an API server shows to its user."""
    body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": status}
    return Answer(status, msgspec.json.encode(body))


def seconds_of(duration: str) -> float:
    """A Go duration in seconds, at most and by default the 30 that an API server waits for a webhook.

    >>> [seconds_of(text) for text in ("10s", "1m0s", "500ms", "", "soon")]
    [10.0, 30.0, 0.5, 30.0, 30.0]
    """
    parts = _DURATION_PART.findall(duration)
    if not parts or "".join(f"{number}{unit}" for number, unit in parts) != duration:
        return _LONGEST_CALL
    return min(sum(float(number) * _SECONDS[unit] for number, unit in parts), _LONGEST_CALL)


def _checked(path: str) -> str:
    if not path.startswith("/") or "?" in path or "//" in path:
        raise ConfigurationError(f"the path {path!r} of a webhook must begin with '/' and have no query")
    return path


def in_process(endpoints: Endpoints, path: str) -> Callable[[JSONObject], Awaitable[JSONObject]]:
    """An endpoint as a function on reviews, for a server in the same process; raises what is no 200."""

    async def handle(review: JSONObject) -> JSONObject:
        answer = await endpoints.post(path, msgspec.json.encode(review))
        found: JSONObject = msgspec.json.decode(answer.body)
        if answer.status != 200:
            raise HookFailedError(str(found.get("message")))
        return found

    return handle
