"""Webhook configurations of the hooks that an operator declares."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from typing import Any, Final

from reconcile.errors import ConfigurationError
from reconcile.webhooks.admission import AdmissionHook

_KINDS: Final = (
    ("mutating", "MutatingWebhookConfiguration"),
    ("validating", "ValidatingWebhookConfiguration"),
)


def webhook_configurations(
    hooks: Iterable[AdmissionHook[Any]],
    *,
    service: str = "",
    name: str = "",
    port: int = 443,
    url: str = "",
    ca_bundle: bytes = b"",
    annotations: Mapping[str, str] | None = None,
) -> list[dict[str, Any]]:
    """The MutatingWebhookConfiguration and ValidatingWebhookConfiguration of hooks; those that have any.

    Args:
        hooks: such as `manager.webhooks.admission_hooks`.
        service: `namespace/name` of the service that leads to the operator.
        name: of both configurations; by default the service's name, which `OwnCertificates` looks for.
        port: of the service.
        url: `https://host:port` in the place of a service.
        ca_bundle: PEM of the authority of the certificate; empty where the operator or cert-manager fills it
            in.
        annotations: of both, such as cert-manager's `inject-ca-from`.

    Raises:
        ConfigurationError: not exactly one of service and url is given, or there is no name.
    """
    namespace, _, service_name = service.partition("/")
    name = name or service_name
    if bool(service) == bool(url) or (service and not service_name) or not name:
        raise ConfigurationError(
            "webhook configurations need either service= (namespace/name) or url=, and with a URL a name="
        )
    found: list[dict[str, Any]] = []
    declared = list(hooks)
    for what, kind in _KINDS:
        webhooks: list[dict[str, Any]] = []
        for hook in declared:
            if hook.what != what:
                continue
            config: dict[str, Any] = {"url": url + hook.path}
            if service:
                config = {
                    "service": {
                        "namespace": namespace,
                        "name": service_name,
                        "path": hook.path,
                        "port": port,
                    }
                }
            if ca_bundle:
                config["caBundle"] = base64.b64encode(ca_bundle).decode()
            webhooks.append(_webhook(hook, config))
        if webhooks:
            metadata: dict[str, Any] = {"name": name}
            if annotations:
                metadata["annotations"] = dict(sorted(annotations.items()))
            found.append(
                {
                    "apiVersion": "admissionregistration.k8s.io/v1",
                    "kind": kind,
                    "metadata": metadata,
                    "webhooks": webhooks,
                }
            )
    return found


def _webhook(hook: AdmissionHook[Any], config: dict[str, Any]) -> dict[str, Any]:
    resource = hook.resource
    plural = resource.plural
    # `databases/*` is the subresources alone: what is meant is the object too.
    names = [plural] if not hook.subresource else [f"{plural}/{hook.subresource}"]
    if hook.subresource == "*":
        names = [plural, f"{plural}/*"]
    made: dict[str, Any] = {
        "name": hook.name,
        "clientConfig": config,
        "rules": [
            {
                "apiGroups": [resource.group],
                "apiVersions": [resource.version],
                "operations": list(hook.operations),
                "resources": names,
                "scope": "Namespaced" if resource.namespaced else "Cluster",
            }
        ],
        "failurePolicy": hook.failure_policy,
        "matchPolicy": hook.match_policy,
        "sideEffects": hook.side_effects,
        "timeoutSeconds": hook.timeout_seconds,
        "admissionReviewVersions": ["v1"],
    }
    if hook.namespace_selector is not None:
        made["namespaceSelector"] = dict(hook.namespace_selector)
    if hook.object_selector is not None:
        made["objectSelector"] = dict(hook.object_selector)
    if hook.match_conditions:
        conditions = hook.match_conditions.items()
        made["matchConditions"] = [{"name": name, "expression": text} for name, text in conditions]
    if hook.what == "mutating" and hook.reinvocation:
        made["reinvocationPolicy"] = "IfNeeded"
    return made
