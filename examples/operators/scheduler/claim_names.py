"""Which ResourceClaims a pod uses."""

from __future__ import annotations

from reconcile import ObjectKey, controller_of
from reconcile.api.resource.v1 import ResourceClaim

from .devices import Devices
from .pods import PodInfo


def claims_of(pod: PodInfo, devices: Devices) -> list[ResourceClaim] | str:
    """The pod's claims in their order; or why they are not all there."""
    found: list[ResourceClaim] = []
    for wanted in pod.spec.resource_claims:
        name, made_for_pod = wanted.resource_claim_name, False
        if name is None and wanted.resource_claim_template_name is None:
            what = "none of the supported fields are set"
            return f'pod "{pod.key}", spec.resourceClaim "{wanted.name}": {what}'
        if name is None:
            generated = [each for each in pod.claim_statuses[:-1] if each.name == wanted.name]
            if not generated:
                return f'pod "{pod.key}": ResourceClaim not created yet'
            name, made_for_pod = generated[0].resource_claim_name, True
            if name is None:
                # The template asked for no claim.
                continue
        claim = devices.claim(ObjectKey(pod.key.namespace, name))
        if claim is None:
            return f'could not find ResourceClaim "{pod.key.namespace}/{name}"'
        if claim.metadata.deletion_timestamp is not None:
            return f'resourceclaim "{name}" is being deleted'
        if made_for_pod and not _is_for(pod, claim):
            return f"ResourceClaim {claim.key} was not created for Pod {pod.key} (Pod is not owner)"
        found.append(claim)
    return found


def _is_for(pod: PodInfo, claim: ResourceClaim) -> bool:
    owner = controller_of(claim)
    return owner is not None and owner.uid == pod.uid


def is_reserved_for(pod: PodInfo, claim: ResourceClaim) -> bool:
    return any(each.uid == pod.uid for each in claim.status.reserved_for)
