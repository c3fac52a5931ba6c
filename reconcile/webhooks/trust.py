"""Tells API servers which authority signs the webhook server's certificate: `caBundle`, by apply.

Only that one field is applied, so nothing else of a definition or configuration is owned; and only where it
is not what it should be, so that looking costs no write.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from reconcile.errors import APIError, TransportError
from reconcile.objects.identity import ResourceType

if TYPE_CHECKING:
    from reconcile.client.client import Client
    from reconcile.controllers.logs import Logger

JSONObject = dict[str, Any]
FIELD_MANAGER: Final = "reconcile-webhook-ca"

DEFINITIONS: Final = ResourceType(
    "apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", namespaced=False
)
MUTATING: Final = ResourceType(
    "admissionregistration.k8s.io",
    "v1",
    "MutatingWebhookConfiguration",
    "mutatingwebhookconfigurations",
    namespaced=False,
)
VALIDATING: Final = ResourceType(
    "admissionregistration.k8s.io",
    "v1",
    "ValidatingWebhookConfiguration",
    "validatingwebhookconfigurations",
    namespaced=False,
)
_RESOURCES: Final = {"conversion": DEFINITIONS, "mutating": MUTATING, "validating": VALIDATING}


@dataclass(frozen=True, slots=True)
class Trusting:
    """An object that names webhooks, and so holds the authority of their certificates.

    Attributes:
        what: which webhooks.
        name: of the definition or configuration.
    """

    what: Literal["conversion", "mutating", "validating"]
    name: str


def with_authority(obj: JSONObject, what: str, bundle: str) -> JSONObject | None:
    """What to apply so that an object trusts a bundle (base64); None where it does, or has no webhooks."""
    named = {"name": obj["metadata"]["name"]}
    head = {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "metadata": named}
    if what == "conversion":
        conversion: JSONObject = obj.get("spec", {}).get("conversion") or {}
        webhook: JSONObject = conversion.get("webhook") or {}
        config: JSONObject | None = webhook.get("clientConfig")
        if conversion.get("strategy") != "Webhook" or config is None or config.get("caBundle") == bundle:
            return None
        return {**head, "spec": {"conversion": {"webhook": {"clientConfig": {"caBundle": bundle}}}}}
    hooks: list[JSONObject] = obj.get("webhooks") or []
    if all(hook["clientConfig"].get("caBundle") == bundle for hook in hooks):
        return None
    applied = [{"name": hook["name"], "clientConfig": {"caBundle": bundle}} for hook in hooks]
    return {**head, "webhooks": applied}


async def tell_authority(
    client: Client, authorities: bytes, trusting: Sequence[Trusting], log: Logger
) -> bool:
    """Have each object trust the authorities; True when all of them do.

    One that is not there, or may not be read or changed, is logged; it is looked at again next time.
    """
    bundle = base64.b64encode(authorities).decode()
    told = True
    for each in trusting:
        resource = _RESOURCES[each.what]
        try:
            found = await client.get_or_none(resource, each.name)
            if found is None:
                told = False
                log.warning(
                    "not there yet: nothing can trust the webhooks", kind=resource.kind, name=each.name
                )
                continue
            wanted = with_authority(found, each.what, bundle)
            if wanted is not None:
                await client.apply(wanted, field_manager=FIELD_MANAGER)
                log.info("told which authority to trust", kind=resource.kind, name=each.name)
        except (APIError, TransportError) as error:
            told = False
            log.error(
                "cannot tell which authority to trust", kind=resource.kind, name=each.name, reason=str(error)
            )
    return told
