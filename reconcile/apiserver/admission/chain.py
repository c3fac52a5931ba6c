"""The admission chain: which plugins see a request, in upstream's order; all mutate, then all validate."""

from __future__ import annotations

from typing import NamedTuple

from reconcile.apiserver.interfaces import AdmissionAttributes, AdmissionPlugin, Operation
from reconcile.apiserver.resources import Resource
from reconcile.objects.identity import GroupVersionKind

ORDER = (
    "AuthorizePolicyParams",
    "AuthorizeCreateOnUpdate",
    "NamespaceLifecycle",
    "LimitRanger",
    "ServiceAccount",
    "NodeRestriction",
    "TaintNodesByCondition",
    "PodSecurity",
    "Priority",
    "DefaultTolerationSeconds",
    "DefaultStorageClass",
    "StorageObjectInUseProtection",
    "PodGroupProtection",
    "OwnerReferencesPermissionEnforcement",
    "PersistentVolumeClaimResize",
    "RuntimeClass",
    "CertificateApproval",
    "CertificateSigning",
    "ClusterTrustBundleAttest",
    "CertificateSubjectRestriction",
    "DefaultIngressClass",
    "PodTopologyLabels",
    "PodGroupWorkloadExists",
    "NodeDeclaredFeatureValidator",
    "JobValidation",
    "PodResizeValidator",
    "MutatingAdmissionPolicy",
    "MutatingAdmissionWebhook",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionWebhook",
    "ResourceQuota",
    "RBACEscalation",
)
"""The order of kube-apiserver's plugins (pkg/kubeapiserver/options/plugins.go), of those that are here."""

_BEFORE_WEBHOOKS = ORDER.index("MutatingAdmissionPolicy") - 0.5
_OUTSIDE = frozenset(ORDER[ORDER.index("MutatingAdmissionPolicy") : ORDER.index("ResourceQuota")])
_KEPT = 4096


class _Interested(NamedTuple):
    """The plugins that handle a kind of request: all of them, and those with a part in each pass."""

    all: tuple[AdmissionPlugin, ...]
    admitting: tuple[AdmissionPlugin, ...]
    validating: tuple[AdmissionPlugin, ...]


class AdmissionChain:
    """The plugins in order, each asked only about what it handles.

    Plugins whose name upstream does not have come after those in the tree and before policies and webhooks.
    """

    def __init__(self, plugins: tuple[AdmissionPlugin, ...]) -> None:
        self.plugins = in_order(plugins)
        self._interested: dict[tuple[Operation, Resource, str], _Interested] = {}

    def add(self, *plugins: AdmissionPlugin) -> None:
        """Put further plugins in their places."""
        self.plugins = in_order((*self.plugins, *plugins))
        self._interested.clear()

    def plugins_for(self, operation: Operation, resource: Resource, subresource: str) -> _Interested:
        """The plugins that handle such requests."""
        key = (operation, resource, subresource)
        found = self._interested.get(key)
        if found is None:
            if len(self._interested) > _KEPT:
                # Custom resources come and go: don't keep those that went.
                self._interested.clear()
            handling = tuple(plugin for plugin in self.plugins if plugin.handles(*key))
            found = self._interested[key] = _Interested(
                handling,
                tuple(each for each in handling if type(each).admit is not AdmissionPlugin.admit),
                tuple(each for each in handling if type(each).validate is not AdmissionPlugin.validate),
            )
        return found

    def watched(self, attributes: AdmissionAttributes) -> bool:
        """Whether somebody outside the server (policies and webhooks) sees the object."""
        return any(
            plugin.active and plugin.name in _OUTSIDE for plugin in self._interested_in(attributes).all
        )

    def _interested_in(self, attributes: AdmissionAttributes) -> _Interested:
        return self.plugins_for(attributes.operation, attributes.resource, attributes.subresource)

    async def admit(self, attributes: AdmissionAttributes) -> None:
        """Let the plugins change the object; once more when one of policies or webhooks wishes so.

        Raises StatusError.
        """
        plugins = self._interested_in(attributes).admitting
        for plugin in plugins:
            if plugin.active:
                await plugin.admit(attributes)
        if attributes.reinvocation.wanted:
            attributes.reinvocation.running = True
            for plugin in plugins:
                if plugin.active:
                    await plugin.admit(attributes)

    async def validate(self, attributes: AdmissionAttributes) -> None:
        """Let the plugins refuse. Raises StatusError."""
        for plugin in self._interested_in(attributes).validating:
            if plugin.active:
                await plugin.validate(attributes)

    async def admit_and_validate(
        self, attributes: AdmissionAttributes, *, kind: GroupVersionKind | None = None
    ) -> None:
        """Both passes, for what is not an object's way to the storage: actions, connections, deletions."""
        if kind is not None:
            attributes.kind = kind
        await self.admit(attributes)
        await self.validate(attributes)


def in_order(plugins: tuple[AdmissionPlugin, ...]) -> tuple[AdmissionPlugin, ...]:
    """The plugins as the server asks them."""
    places: dict[str, float] = {name: place for place, name in enumerate(ORDER)}
    return tuple(sorted(plugins, key=lambda plugin: places.get(plugin.name, _BEFORE_WEBHOOKS)))
