"""What admission gives volumes and claims, and when they may grow: default class, protection while in use."""

from __future__ import annotations

from reconcile.apiserver.admission.refusals import refused
from reconcile.apiserver.interfaces import AdmissionAttributes, AdmissionPlugin, JSONObject, Operation
from reconcile.apiserver.resources import Resource
from reconcile.objects.quantities import Amount


class DefaultStorageClass(AdmissionPlugin):
    """A claim that names no class gets the newest one that is marked as default."""

    name = "DefaultStorageClass"
    _marks = (
        "storageclass.kubernetes.io/is-default-class",
        "storageclass.beta.kubernetes.io/is-default-class",
    )

    def handles(self, operation: Operation, resource: Resource, subresource: str) -> bool:
        wanted = resource.type.group_resource == "persistentvolumeclaims"
        return wanted and operation == "CREATE" and not subresource

    async def admit(self, attributes: AdmissionAttributes) -> None:
        claim = attributes.object
        assert claim is not None
        annotations = claim["metadata"].get("annotations") or {}
        if claim["spec"].get("storageClassName") is not None:
            return
        if "volume.beta.kubernetes.io/storage-class" in annotations:
            return
        defaults = [
            each["metadata"]
            for each in attributes.context.access.read_all("storageclasses.storage.k8s.io")
            if any((each["metadata"].get("annotations") or {}).get(mark) == "true" for mark in self._marks)
        ]
        if defaults:
            defaults.sort(key=lambda meta: meta["name"])
            newest = max(defaults, key=lambda meta: meta.get("creationTimestamp", ""))
            claim["spec"]["storageClassName"] = newest["name"]


_FINALIZERS = {
    "persistentvolumes": "kubernetes.io/pv-protection",
    "persistentvolumeclaims": "kubernetes.io/pvc-protection",
    "volumeattributesclasses.storage.k8s.io": "kubernetes.io/vac-protection",
}


class StorageProtection(AdmissionPlugin):
    """Volumes and claims get the finalizer that keeps them while they are used."""

    name = "StorageObjectInUseProtection"

    def handles(self, operation: Operation, resource: Resource, subresource: str) -> bool:
        return resource.type.group_resource in _FINALIZERS and operation == "CREATE" and not subresource

    async def admit(self, attributes: AdmissionAttributes) -> None:
        obj = attributes.object
        assert obj is not None
        wanted = _FINALIZERS[attributes.resource.type.group_resource]
        held: list[str] = obj["metadata"].get("finalizers") or []
        if wanted not in held:
            obj["metadata"]["finalizers"] = [*held, wanted]


class ClaimResize(AdmissionPlugin):
    """A claim grows only when it is bound and its class allows it."""

    name = "PersistentVolumeClaimResize"

    def handles(self, operation: Operation, resource: Resource, subresource: str) -> bool:
        wanted = resource.type.group_resource == "persistentvolumeclaims"
        return wanted and operation == "UPDATE" and not subresource

    async def validate(self, attributes: AdmissionAttributes) -> None:
        claim, old = attributes.object, attributes.old_object
        assert claim is not None and old is not None
        if _asked(claim) <= _asked(old):
            return
        if (old.get("status") or {}).get("phase") != "Bound":
            raise refused(attributes, "Only bound persistent volume claims can be expanded")
        name = class_of(claim)
        found = attributes.context.access.read("storageclasses.storage.k8s.io", "", name) if name else None
        if found is None or name != class_of(old) or not found.get("allowVolumeExpansion"):
            raise refused(
                attributes,
                "only dynamically provisioned pvc can be resized and the storageclass that provisions the "
                "pvc must support resize",
            )


def class_of(claim: JSONObject) -> str:
    """The storage class of a claim, by the old annotation or the field; empty for none."""
    annotated = (claim["metadata"].get("annotations") or {}).get("volume.beta.kubernetes.io/storage-class")
    return (claim["spec"].get("storageClassName") or "") if annotated is None else annotated


def _asked(claim: JSONObject) -> Amount:
    requests: JSONObject = (claim["spec"].get("resources") or {}).get("requests") or {}
    return Amount.parse(requests.get("storage") or "0")
