"""What admission gives volumes and claims: the default storage class, and protection while in use."""

from __future__ import annotations

from reconcile.apiserver.interfaces import AdmissionAttributes, AdmissionPlugin, Operation
from reconcile.apiserver.resources import Resource


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
}


class StorageProtection(AdmissionPlugin):
    """Volumes and claims get the finalizer that keeps them while they are used."""

    name = "StorageObjectInUseProtection"

    def handles(self, operation: Operation, resource: Resource, subresource: str) -> bool:
        return resource.type.group_resource in _FINALIZERS and operation == "CREATE" and not subresource

    async def admit(self, attributes: AdmissionAttributes) -> None:
        obj = attributes.object
        assert obj is not None
        wanted = _FINALIZERS[attributes.resource.type.plural]
        held: list[str] = obj["metadata"].get("finalizers") or []
        if wanted not in held:
            obj["metadata"]["finalizers"] = [*held, wanted]
