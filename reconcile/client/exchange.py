"""One call, whatever the verb: send, read, tell errors apart, try again, ask the guard, tell the observers.

    verbs ──TransportRequest (+ Write)──▶ Exchange ──▶ Transport
                                             │ 429, 5xx, cut connection: wait, guard again, send again

The common case is one transport call and one body; the retry machinery is only set up after a failure.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn, TypeVar

from reconcile.client.addressing import server_timeout
from reconcile.client.failures import error_of, is_status, uid_in_status
from reconcile.client.options import RetryOptions
from reconcile.client.seams import Write, WriteGuard, WriteObserver, WriteOutcome
from reconcile.client.transport import Transport, TransportRequest, TransportResponse
from reconcile.client.warning_headers import warning_texts
from reconcile.errors import (
    APIError,
    CredentialsError,
    OutcomeUnknownError,
    TLSError,
    TooManyRequestsError,
    TransportError,
    WriteRefusedError,
)
from reconcile.runtime import Runtime

if TYPE_CHECKING:
    from tenacity import RetryCallState

T = TypeVar("T")

# What a server that restarts, or a load balancer before it, answers: worth asking a read again.
_PASSING = frozenset((502, 503, 504))


class Exchange:
    """Carries the calls of one client over its transport."""

    def __init__(
        self,
        transport: Transport,
        runtime: Runtime,
        *,
        retries: RetryOptions,
        guard: WriteGuard | None = None,
        observers: Sequence[WriteObserver] = (),
        on_warning: Callable[[str], None] | None = None,
    ) -> None:
        self.transport = transport
        self.guard = guard
        self.observers: list[WriteObserver] = list(observers)
        self.on_warning = on_warning
        # Where calls are made; learned at the first one, for the sync facade.
        self.loop: asyncio.AbstractEventLoop | None = None
        self._runtime = runtime
        self._retries = retries

    async def read(self, request: TransportRequest) -> bytes:
        """The body of a successful GET."""
        if self.loop is None:
            self.loop = asyncio.get_running_loop()
        try:
            return await self._answer(request)
        except (APIError, TransportError) as error:
            if not self._worth_retrying(error, True, True):
                raise
            return await self._again(error, lambda: self._answer(request), idempotent=True, read=True)

    async def open(self, request: TransportRequest) -> TransportResponse:
        """A successful answer whose body is still to be read; the caller closes it. Never retried."""
        if self.loop is None:
            self.loop = asyncio.get_running_loop()
        response = await self.transport.send(request)
        if response.status < 300:
            return response
        return await self._refused(request, response)

    async def write(self, request: TransportRequest, write: Write, *, idempotent: bool) -> bytes:
        """The body of a successful write, guarded and observed."""
        attempt = _WriteAttempt(self, request, write)
        for observer in self.observers:
            observer.write_started(write)
        try:
            try:
                body = await attempt.run()
            except (APIError, TransportError) as error:
                if not self._worth_retrying(error, idempotent, False):
                    raise
                body = await self._again(error, attempt.run, idempotent=idempotent, read=False)
        except BaseException as error:
            self._finished(write, WriteOutcome(error=error, unknown=attempt.maybe_done))
            raise
        self._finished(write, _success(write, body))
        return body

    def _finished(self, write: Write, outcome: WriteOutcome) -> None:
        for observer in self.observers:
            observer.write_finished(write, outcome)

    async def _answer(self, request: TransportRequest) -> bytes:
        return await self.body_of(request, await self.transport.send(request))

    async def body_of(self, request: TransportRequest, response: TransportResponse) -> bytes:
        """The whole body of an answer, which is closed; raises the error that an error status means."""
        if response.status >= 300:
            await self._refused(request, response)
        try:
            body = await response.read()
        finally:
            await response.close()
        if self.on_warning is not None and (warning := response.headers.get("warning")):
            for text in warning_texts(warning):
                self.on_warning(text)
        return body

    async def _refused(self, request: TransportRequest, response: TransportResponse) -> NoReturn:
        asked = f"{request.method} {request.path}"
        try:
            body = await response.read()
        except TransportError:
            # The status alone says enough.
            body = b""
        finally:
            await response.close()
        raise error_of(response.status, response.headers, body, asked=asked)

    async def _again(
        self,
        error: APIError | TransportError,
        attempt: Callable[[], Awaitable[T]],
        *,
        idempotent: bool,
        read: bool,
    ) -> T:
        """Attempts after a first one that failed with `error`, until one succeeds or none is left."""
        import tenacity

        first: APIError | TransportError | None = error

        async def next_attempt() -> T:
            nonlocal first
            if first is not None:
                failed, first = first, None
                raise failed
            return await attempt()

        retrying = tenacity.AsyncRetrying(
            sleep=asyncio.sleep,
            stop=tenacity.stop_after_attempt(self._retries.attempts),
            wait=self._pause,
            retry=tenacity.retry_if_exception(lambda e: self._worth_retrying(e, idempotent, read)),
            reraise=True,
        )
        return await retrying(next_attempt)

    def _worth_retrying(self, error: BaseException, idempotent: bool, read: bool, /) -> bool:
        if self._retries.attempts < 2:
            return False
        if isinstance(error, OutcomeUnknownError):
            return read
        if isinstance(error, TransportError):
            return not isinstance(error, TLSError | CredentialsError)
        if not isinstance(error, APIError):
            return False
        if (error.retry_after or 0) > self._retries.max_retry_after:
            return False
        if isinstance(error, TooManyRequestsError):
            # A disruption budget refuses an eviction with 429 as well: that is an answer, not load.
            return not any(cause.reason == "DisruptionBudget" for cause in error.causes)
        if error.code < 500 or not idempotent:
            return False
        return error.retry_after is not None or (read and error.code in _PASSING)

    def _pause(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, APIError) and error.retry_after is not None:
            return error.retry_after
        options = self._retries
        pause = min(options.initial_delay * 2 ** (state.attempt_number - 1), options.max_delay)
        return pause * (1 + options.jitter * self._runtime.random.random())


class _WriteAttempt:
    """One write through all its attempts; remembers whether any of them may have been carried out."""

    __slots__ = ("_exchange", "_request", "_write", "maybe_done")

    def __init__(self, exchange: Exchange, request: TransportRequest, write: Write) -> None:
        self._exchange = exchange
        self._request = request
        self._write = write
        self.maybe_done = False

    async def run(self) -> bytes:
        request = self._request
        guard = self._exchange.guard
        if guard is not None:
            request = replace(request, before_sending=lambda: guard.check(self._write))
            if (limit := guard.check(self._write)) is not None:
                request = _bounded(request, limit)
        before, self.maybe_done = self.maybe_done, True
        sent = False
        try:
            response = await self._exchange.transport.send(request)
            sent = True
            return await self._exchange.body_of(request, response)
        except OutcomeUnknownError:
            raise
        except WriteRefusedError:
            # By the guard, when the connection was there at last.
            self.maybe_done = before
            raise
        except TransportError as error:
            if sent:
                raise OutcomeUnknownError(f"{error} (the request may have been carried out)") from error
            self.maybe_done = before
            raise
        except APIError as error:
            self.maybe_done = before or error.code >= 500
            raise


def _bounded(request: TransportRequest, limit: float) -> TransportRequest:
    """The request, given up after `limit` seconds by the client and, asked by a parameter, the server."""
    timeout = limit if request.timeout is None else min(limit, request.timeout)
    return replace(request, timeout=timeout, query=(*request.query, ("timeout", server_timeout(timeout))))


def _success(write: Write, body: bytes) -> WriteOutcome:
    """What a success brought: an object of the written kind, or word of one that is gone."""
    if not write.returns_object:
        return WriteOutcome()
    if write.verb == "delete" and is_status(body):
        return WriteOutcome(uid=uid_in_status(body))
    return WriteOutcome(object=body)
