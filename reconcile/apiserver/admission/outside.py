"""Policies and webhooks, put into the chain of a server."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from reconcile.apiserver.admission.exemptions import policies_see, webhooks_see
from reconcile.apiserver.interfaces import AdmissionAttributes, AdmissionPlugin, Operation
from reconcile.apiserver.resources import Resource
from reconcile.apiserver.storage import Storage

if TYPE_CHECKING:
    from reconcile.apiserver.admission.webhooks.calling import Caller
    from reconcile.apiserver.admission.webhooks.options import WebhookOptions
    from reconcile.apiserver.handlers.parts import Parts

_GROUP = "admissionregistration.k8s.io"


class OnceConfigured(AdmissionPlugin):
    """A plugin that objects configure. Few servers have such objects: it is made when there are some.

    Arguments:
        name: the plugin's name.
        plurals: resources; it has nothing to do while there is no object of one of them.
        sees: which resources it is asked about.
        make: the plugin itself.
    """

    def __init__(
        self,
        name: str,
        plurals: tuple[str, ...],
        storage: Storage,
        sees: Callable[[Resource], bool],
        make: Callable[[], AdmissionPlugin],
    ) -> None:
        self.name = name
        self._configured_by = tuple(f"{plural}.{_GROUP}" for plural in plurals)
        self._storage = storage
        self._sees = sees
        self._make = make
        self.active = False
        storage.feed(lambda collection, change: self._look(), self._configured_by)
        storage.on_restore(self._look)

    def _look(self) -> None:
        storage = self._storage
        self.active = all(storage.collection(name).objects for name in self._configured_by)

    @cached_property
    def _plugin(self) -> AdmissionPlugin:
        return self._make()

    def handles(self, operation: Operation, resource: Resource, subresource: str) -> bool:
        return self._sees(resource)

    async def admit(self, attributes: AdmissionAttributes) -> None:
        await self._plugin.admit(attributes)

    async def validate(self, attributes: AdmissionAttributes) -> None:
        await self._plugin.validate(attributes)


class Outside:
    """What is asked that is not the server itself, by policies and webhooks and for conversions.

    Puts its plugins into the chain of the server.
    """

    def __init__(self, parts: Parts, options: WebhookOptions) -> None:
        self._parts = parts
        self._options = options
        storage = parts.store.storage

        def policies(name: str, kind: str, make: Callable[[], AdmissionPlugin]) -> AdmissionPlugin:
            plurals = (f"{kind}admissionpolicybindings", f"{kind}admissionpolicies")
            return OnceConfigured(name, plurals, storage, policies_see, make)

        def webhooks(name: str, kind: str, make: Callable[[], AdmissionPlugin]) -> AdmissionPlugin:
            return OnceConfigured(name, (f"{kind}webhookconfigurations",), storage, webhooks_see, make)

        parts.admission.add(
            policies("MutatingAdmissionPolicy", "mutating", self._mutating_policies),
            webhooks("MutatingAdmissionWebhook", "mutating", self._mutating_webhooks),
            policies("ValidatingAdmissionPolicy", "validating", self._validating_policies),
            webhooks("ValidatingAdmissionWebhook", "validating", self._validating_webhooks),
        )

    @cached_property
    def caller(self) -> Caller:
        """Calls webhooks."""
        from reconcile.apiserver.admission.webhooks.calling import Caller

        return Caller(self._options, self._parts.access)

    async def close(self) -> None:
        """Close what is open; to be called when the server stops."""
        if "caller" in self.__dict__:
            await self.caller.close()

    def _mutating_policies(self) -> AdmissionPlugin:
        from reconcile.apiserver.admission.policies.mutating import MutatingPolicies

        return MutatingPolicies(self._parts)

    def _mutating_webhooks(self) -> AdmissionPlugin:
        from reconcile.apiserver.admission.webhooks.plugins import MutatingWebhooks

        return MutatingWebhooks(self._parts, self.caller)

    def _validating_policies(self) -> AdmissionPlugin:
        from reconcile.apiserver.admission.policies.validating import ValidatingPolicies

        return ValidatingPolicies(self._parts)

    def _validating_webhooks(self) -> AdmissionPlugin:
        from reconcile.apiserver.admission.webhooks.plugins import ValidatingWebhooks

        return ValidatingWebhooks(self._parts, self.caller)
