"""The storage of a world made by dice: claims, volumes, classes, drivers; and the pods that use them."""

from __future__ import annotations

from random import Random
from typing import Any

JSONObject = dict[str, Any]

DRIVER = "csi.example.com"
TRACKED = "tracked.example.com"
_EBS, _GCE = "kubernetes.io/aws-ebs", "kubernetes.io/gce-pd"
_CLASSES = {
    "now": (DRIVER, "Immediate"),
    "later": (DRIVER, "WaitForFirstConsumer"),
    "local": ("kubernetes.io/no-provisioner", "WaitForFirstConsumer"),
    "zonal": (DRIVER, "WaitForFirstConsumer"),
    "tracked": (TRACKED, "WaitForFirstConsumer"),
    "old": (_EBS, "WaitForFirstConsumer"),
    "vague": (DRIVER, None),
}
_WAITING = ("later", "later", "local", "local", "zonal", "tracked", "tracked", "old")
_ZONE = "topology.kubernetes.io/zone"
_BETA_ZONE = "failure-domain.beta.kubernetes.io/zone"
_SIZES = tuple(range(1, 40))


class Storage:
    """Makes the objects; `objects` has them all in the end.

    Volumes of one class have different sizes, so that there is one smallest that fits.
    """

    def __init__(self, dice: Random, nodes: list[JSONObject], zones: tuple[str, ...]) -> None:
        self.dice = dice
        self.nodes = nodes
        self.zones = zones
        self.objects: list[JSONObject] = []
        self._sizes = dice.sample(_SIZES, len(_SIZES))
        self._claims = 0
        self._classes()
        self._drivers()
        for number in range(dice.randint(0, 6)):
            self._free_volume(f"free-{number}")

    def give(self, pod: JSONObject, *, waiting: bool) -> None:
        """Volumes for a pod."""
        volumes: list[JSONObject] = []
        for number in range(self.dice.choice((1, 1, 2, 3)) if waiting else self.dice.choice((0, 1, 2))):
            name = f"v{number}"
            kind = self.dice.random()
            if kind < 0.25:
                volumes.append({"name": name, **self._inline()})
            elif kind < 0.35:
                claim = f"{pod['metadata']['name']}-{name}"
                self._claim(pod, claim, waiting=waiting, owner=pod)
                template = {"spec": {"accessModes": ["ReadWriteOnce"], "resources": {}}}
                volumes.append({"name": name, "ephemeral": {"volumeClaimTemplate": template}})
            else:
                claim = self._shared_claim(pod) or self._new_claim(pod, waiting=waiting)
                volumes.append({"name": name, "persistentVolumeClaim": {"claimName": claim}})
        if volumes:
            pod["spec"]["volumes"] = volumes

    def _shared_claim(self, pod: JSONObject) -> str:
        """A claim that some pod of the namespace has already."""
        if self.dice.random() > 0.25:
            return ""
        there = [
            each["metadata"]["name"]
            for each in self.objects
            if each["kind"] == "PersistentVolumeClaim"
            and each["metadata"]["namespace"] == pod["metadata"]["namespace"]
            and "ownerReferences" not in each["metadata"]
            and each["spec"].get("volumeName")
        ]
        return self.dice.choice(there) if there else ""

    def _new_claim(self, pod: JSONObject, *, waiting: bool) -> str:
        self._claims += 1
        name = f"claim-{self._claims}"
        self._claim(pod, name, waiting=waiting)
        return name

    def _claim(self, pod: JSONObject, name: str, *, waiting: bool, owner: JSONObject | None = None) -> None:
        dice = self.dice
        if dice.random() < (0.03 if waiting else 0.05):
            return
        metadata: JSONObject = {
            "name": name,
            "namespace": pod["metadata"]["namespace"],
            "uid": f"uid-{pod['metadata']['namespace']}-{name}",
            "resourceVersion": "7",
        }
        if owner is not None and dice.random() < 0.9:
            reference = {"apiVersion": "v1", "kind": "Pod", "name": owner["metadata"]["name"]}
            uid = owner["metadata"]["uid"]
            metadata["ownerReferences"] = [{**reference, "uid": uid, "controller": True}]
        size = dice.randint(1, 25)
        modes = [dice.choice(("ReadWriteOnce", "ReadWriteOnce", "ReadWriteMany", "ReadWriteOncePod"))]
        spec: JSONObject = {"accessModes": modes, "resources": {"requests": {"storage": f"{size}Gi"}}}
        claim: JSONObject = {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": metadata,
            "spec": spec,
            "status": {"phase": "Pending"},
        }
        if dice.random() < 0.05:
            spec["volumeMode"] = "Block"
        if not waiting or dice.random() < 0.4:
            self._bound(claim)
        else:
            self._unbound(claim)
        self.objects.append(claim)

    def _bound(self, claim: JSONObject) -> None:
        dice, metadata, spec = self.dice, claim["metadata"], claim["spec"]
        volume = f"pv-{metadata['namespace']}-{metadata['name']}"
        spec["volumeName"] = volume
        spec["storageClassName"] = dice.choice(("now", "later"))
        claim["status"]["phase"] = "Bound"
        if dice.random() < 0.95:
            metadata["annotations"] = {"pv.kubernetes.io/bind-completed": "yes"}
        if dice.random() < 0.03:
            claim["status"]["phase"] = "Lost"
        if dice.random() < 0.03:
            metadata["deletionTimestamp"] = "2026-01-01T01:00:00Z"
            metadata["finalizers"] = ["kubernetes.io/pvc-protection"]
        if dice.random() < 0.95:
            reference = {
                "kind": "PersistentVolumeClaim",
                "namespace": metadata["namespace"],
                "name": metadata["name"],
                "uid": metadata["uid"],
            }
            made = self._volume(volume, spec["storageClassName"], "Bound")
            made["spec"]["claimRef"] = reference
            self.objects.append(made)

    def _unbound(self, claim: JSONObject) -> None:
        dice, metadata, spec = self.dice, claim["metadata"], claim["spec"]
        kind = dice.random()
        if kind < 0.05:
            spec["storageClassName"] = "now"
        elif kind < 0.08:
            spec["storageClassName"] = dice.choice(("missing", "vague", ""))
        elif kind < 0.11:
            metadata["annotations"] = {"volume.beta.kubernetes.io/storage-class": dice.choice(_WAITING)}
        else:
            spec["storageClassName"] = dice.choice(_WAITING)
        if dice.random() < 0.1:
            spec["selector"] = {"matchLabels": {"tier": dice.choice(("fast", "slow"))}}
        if dice.random() < 0.05:
            spec["volumeAttributesClassName"] = "gold"
        if dice.random() < 0.1:
            node = dice.choice(self.nodes)["metadata"]["name"]
            annotations = metadata.setdefault("annotations", {})
            annotations["volume.kubernetes.io/selected-node"] = node
        if dice.random() < 0.1 and spec.get("storageClassName"):
            # Somebody keeps a volume for this claim, by name.
            kept = self._volume(
                f"kept-{metadata['namespace']}-{metadata['name']}", spec["storageClassName"], "Available"
            )
            kept["spec"]["claimRef"] = {"namespace": metadata["namespace"], "name": metadata["name"]}
            if dice.random() < 0.3:
                kept["spec"]["claimRef"]["uid"] = metadata["uid"]
            self.objects.append(kept)

    def _free_volume(self, name: str) -> None:
        dice = self.dice
        volume = self._volume(name, dice.choice(("local", "local", "later", "zonal", "")), "Available")
        if dice.random() < 0.1:
            volume["status"]["phase"] = dice.choice(("Released", "Pending"))
        if dice.random() < 0.05:
            volume["metadata"]["deletionTimestamp"] = "2026-01-01T01:00:00Z"
            volume["metadata"]["finalizers"] = ["kubernetes.io/pv-protection"]
        if dice.random() < 0.05:
            volume["spec"]["claimRef"] = {"namespace": "default", "name": "of-somebody-else"}
        self.objects.append(volume)

    def _volume(self, name: str, storage_class: str, phase: str) -> JSONObject:
        dice = self.dice
        metadata: JSONObject = {"name": name, "uid": f"uid-{name}", "resourceVersion": "7"}
        labels: JSONObject = {}
        if dice.random() < 0.3:
            labels["tier"] = dice.choice(("fast", "slow"))
        if dice.random() < 0.25:
            zones = "__".join(dice.sample(self.zones, dice.choice((1, 1, 2))))
            labels[dice.choice((_ZONE, _ZONE, _BETA_ZONE))] = zones
        if labels:
            metadata["labels"] = labels
        modes = dice.choice((["ReadWriteOnce"], ["ReadWriteOnce", "ReadWriteMany"], ["ReadWriteOncePod"]))
        spec: JSONObject = {
            "capacity": {"storage": f"{self._sizes.pop() if self._sizes else 40}Gi"},
            "accessModes": modes,
            "storageClassName": storage_class,
            **self._source(name),
        }
        if dice.random() < 0.5:
            spec["nodeAffinity"] = {"required": {"nodeSelectorTerms": self._places()}}
        if dice.random() < 0.05:
            spec["volumeMode"] = dice.choice(("Block", "Filesystem"))
        if dice.random() < 0.03:
            spec["volumeAttributesClassName"] = "gold"
        return {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": metadata,
            "spec": spec,
            "status": {"phase": phase},
        }

    def _places(self) -> list[JSONObject]:
        dice = self.dice
        if dice.random() < 0.5:
            names = [each["metadata"]["name"] for each in dice.sample(self.nodes, min(2, len(self.nodes)))]
            key, values = "kubernetes.io/hostname", names
        else:
            key = dice.choice((_ZONE, _ZONE, _BETA_ZONE, "topology.ebs.csi.aws.com/zone"))
            values = dice.sample(self.zones, dice.choice((1, 2)))
        return [{"matchExpressions": [{"key": key, "operator": "In", "values": values}]}]

    def _source(self, name: str) -> JSONObject:
        kind = self.dice.random()
        if kind < 0.6:
            driver = self.dice.choice((DRIVER, DRIVER, TRACKED, "ebs.csi.aws.com"))
            return {"csi": {"driver": driver, "volumeHandle": f"handle-of-{name}"}}
        if kind < 0.75:
            return {"awsElasticBlockStore": {"volumeID": f"aws://zone/vol-{name}"}}
        if kind < 0.85:
            return {"gcePersistentDisk": {"pdName": f"disk-of-{name}"}}
        if kind < 0.9:
            return {"azureDisk": {"diskName": name, "diskURI": f"uri-of-{name}", "kind": "Managed"}}
        return {"local": {"path": "/mnt"}}

    def _inline(self) -> JSONObject:
        dice, which = self.dice, self.dice.choice(("one", "two"))
        kind = dice.random()
        if kind < 0.3:
            return {"gcePersistentDisk": {"pdName": which, "readOnly": dice.random() < 0.5}}
        if kind < 0.6:
            return {"awsElasticBlockStore": {"volumeID": f"vol-{which}"}}
        if kind < 0.75:
            iscsi = {"targetPortal": "10.0.0.1", "iqn": f"iqn-{which}", "lun": 0}
            return {"iscsi": {**iscsi, "readOnly": dice.random() < 0.5}}
        if kind < 0.9:
            monitors = dice.sample(("a", "b", "c"), 2)
            rbd = {"monitors": monitors, "image": which, "pool": dice.choice(("rbd", "other"))}
            return {"rbd": {**rbd, "readOnly": dice.random() < 0.5}}
        return {"emptyDir": {}}

    def _classes(self) -> None:
        for name, (provisioner, mode) in _CLASSES.items():
            made: JSONObject = {
                "apiVersion": "storage.k8s.io/v1",
                "kind": "StorageClass",
                "metadata": {"name": name},
                "provisioner": provisioner,
            }
            if mode:
                made["volumeBindingMode"] = mode
            if name == "zonal":
                zones = self.dice.sample(self.zones, 1)
                expressions = [{"key": _ZONE, "values": zones}]
                if self.dice.random() < 0.3:
                    expressions.append({"key": "disk", "values": ["ssd"]})
                made["allowedTopologies"] = [{"matchLabelExpressions": expressions}]
            self.objects.append(made)

    def _drivers(self) -> None:
        dice = self.dice
        for name, tracks in ((DRIVER, False), (TRACKED, True)):
            self.objects.append(
                {
                    "apiVersion": "storage.k8s.io/v1",
                    "kind": "CSIDriver",
                    "metadata": {"name": name},
                    "spec": {"storageCapacity": tracks},
                }
            )
        for number, zone in enumerate(self.zones):
            if dice.random() < 0.7:
                capacity: JSONObject = {
                    "apiVersion": "storage.k8s.io/v1",
                    "kind": "CSIStorageCapacity",
                    "metadata": {"name": f"capacity-{number}", "namespace": "default"},
                    "storageClassName": "tracked",
                    "capacity": f"{dice.randint(1, 30)}Gi",
                }
                if dice.random() < 0.9:
                    capacity["nodeTopology"] = {"matchLabels": {_ZONE: zone}}
                if dice.random() < 0.3:
                    capacity["maximumVolumeSize"] = f"{dice.randint(1, 30)}Gi"
                self.objects.append(capacity)
        for node in self.nodes:
            if dice.random() < 0.75:
                self.objects.append(self._csi_node(node["metadata"]["name"]))

    def _csi_node(self, name: str) -> JSONObject:
        dice = self.dice
        drivers: list[JSONObject] = []
        for driver in (DRIVER, TRACKED, "ebs.csi.aws.com", "pd.csi.storage.gke.io"):
            entry: JSONObject = {"name": driver, "nodeID": name, "topologyKeys": []}
            if dice.random() < 0.6:
                entry["allocatable"] = {"count": dice.choice((0, 1, 1, 2, 3))}
            drivers.append(entry)
        metadata: JSONObject = {"name": name}
        migrated = [each for each in (_EBS, _GCE) if dice.random() < 0.5]
        if migrated:
            metadata["annotations"] = {"storage.alpha.kubernetes.io/migrated-plugins": ",".join(migrated)}
        return {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "CSINode",
            "metadata": metadata,
            "spec": {"drivers": drivers},
        }

    def attach(self) -> None:
        """Some volumes are attached to nodes, whether a pod there uses them or not."""
        volumes = [each for each in self.objects if each["kind"] == "PersistentVolume"]
        for volume in volumes:
            if self.dice.random() < 0.15:
                name = volume["metadata"]["name"]
                spec = {
                    "attacher": volume["spec"].get("csi", {}).get("driver", DRIVER),
                    "nodeName": self.dice.choice(self.nodes)["metadata"]["name"],
                    "source": {"persistentVolumeName": name},
                }
                self.objects.append(
                    {
                        "apiVersion": "storage.k8s.io/v1",
                        "kind": "VolumeAttachment",
                        "metadata": {"name": f"attached-{name}"},
                        "spec": spec,
                    }
                )
