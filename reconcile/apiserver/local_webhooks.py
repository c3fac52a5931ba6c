"""Webhooks of operators in the same process, in the place of services that lead to them.

An embedded server has no kube-proxy, and operators that a test or a demo runs beside it have no address: a
call that names a service is answered by the manager whose hook has that path.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from reconcile.apiserver.admission.webhooks.options import Review, ReviewHandler

if TYPE_CHECKING:
    from reconcile.manager import Manager


class LocalWebhooks(Mapping[str, ReviewHandler]):
    """Handlers for `WebhookOptions(handlers=…)` that follow which managers run.

    Args:
        managers: those that run at the moment; the first that has a hook for a URL answers.
        given: handlers that come before theirs.
    """

    def __init__(
        self,
        managers: Callable[[], Iterable[Manager]],
        given: Mapping[str, ReviewHandler] | None = None,
    ) -> None:
        self._managers = managers
        self._given: Mapping[str, ReviewHandler] = given or {}

    def __getitem__(self, url: str) -> ReviewHandler:
        found = self._given.get(url)
        if found is not None:
            return found
        parts = urlsplit(url)
        for manager in self._managers():
            endpoint = manager.webhooks.at(parts.path)
            if endpoint is not None and endpoint.answers_for(parts.hostname or ""):
                return self._asking(manager, parts.path)
        raise KeyError(url)

    def _asking(self, manager: Manager, path: str) -> ReviewHandler:
        from reconcile.webhooks.endpoints import in_process
        from reconcile.webhooks.errors import HookFailedError

        ask = in_process(manager.webhooks, path)

        async def handle(review: Review) -> dict[str, Any]:
            answer = await ask(review)
            if not any(each is manager for each in self._managers()):
                # Its process died before the answer was sent.
                raise HookFailedError("EOF")
            return answer

        return handle

    def __iter__(self) -> Iterator[str]:
        return iter(self._given)

    def __len__(self) -> int:
        return len(self._given)
