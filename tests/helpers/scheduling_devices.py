"""The devices of a world made by dice: what drivers offer, and what pods claim."""

from __future__ import annotations

from random import Random
from typing import Any

JSONObject = dict[str, Any]

GPU, NIC = "gpu.example.com", "nic.example.com"
_GROUP = "resource.k8s.io/v1"
_ZONE = "topology.kubernetes.io/zone"
_SELECTORS = (
    f'device.attributes["{GPU}"].model == "a"',
    f'device.attributes["{GPU}"].numa == 0',
    f'cel.bind(d, device.attributes["{GPU}"], has(d.healthy) && d.healthy)',
    f'device.attributes["{GPU}"].driverVersion.isGreaterThan(semver("1.5.0"))',
    f'device.capacity["{GPU}"].memory.isGreaterThan(quantity("8Gi"))',
    "device.allowMultipleAllocations",
    f'device.driver == "{NIC}"',
    f'!("{NIC}" in device.attributes)',
)


class Devices:
    """Makes the objects; `objects` has them all in the end."""

    def __init__(self, dice: Random, nodes: list[JSONObject], zones: tuple[str, ...]) -> None:
        self.dice = dice
        self.nodes = nodes
        self.zones = zones
        self.objects: list[JSONObject] = []
        self._offered: list[tuple[str, str, JSONObject, JSONObject]] = []
        self._claims = 0
        self._classes()
        for node in nodes:
            if dice.random() < 0.7:
                self._pool(GPU, node["metadata"]["name"], {"nodeName": node["metadata"]["name"]})
        if dice.random() < 0.5:
            self._shared_pool()

    def give(self, pod: JSONObject, *, waiting: bool) -> None:
        """Claims for a pod."""
        dice, name = self.dice, pod["metadata"]["name"]
        wanted: list[JSONObject] = []
        statuses: list[JSONObject] = []
        for number in range(dice.choice((1, 1, 2))):
            reference = {"name": f"r{number}"}
            self._claims += 1
            claim = f"claim-{self._claims}"
            if dice.random() < 0.3:
                reference["resourceClaimTemplateName"] = "template"
                if dice.random() < 0.95:
                    statuses.append({"name": f"r{number}", "resourceClaimName": claim})
                self._claim(pod, claim, waiting=waiting, owned=dice.random() < 0.95)
            else:
                reference["resourceClaimName"] = claim
                self._claim(pod, claim, waiting=waiting, owned=False)
            wanted.append(reference)
        pod["spec"]["resourceClaims"] = wanted
        if statuses:
            pod["status"]["resourceClaimStatuses"] = statuses
        assert name

    def _claim(self, pod: JSONObject, name: str, *, waiting: bool, owned: bool) -> None:
        dice = self.dice
        if waiting and dice.random() < 0.03:
            return
        metadata: JSONObject = {
            "name": name,
            "namespace": pod["metadata"]["namespace"],
            "uid": f"uid-{name}",
            "resourceVersion": "7",
        }
        if owned:
            owner = {"apiVersion": "v1", "kind": "Pod", "name": pod["metadata"]["name"]}
            metadata["ownerReferences"] = [{**owner, "uid": pod["metadata"]["uid"], "controller": True}]
        if waiting and dice.random() < 0.02:
            metadata["deletionTimestamp"] = "2026-01-01T01:00:00Z"
            metadata["finalizers"] = ["resource.kubernetes.io/delete-protection"]
        claim: JSONObject = {"apiVersion": _GROUP, "kind": "ResourceClaim", "metadata": metadata}
        claim["spec"] = {"devices": self._wanted()}
        if not waiting or dice.random() < 0.2:
            self._allocate(claim, pod, waiting=waiting)
        self.objects.append(claim)

    def _wanted(self) -> JSONObject:
        dice = self.dice
        requests = [self._request(number) for number in range(dice.choice((1, 1, 2)))]
        devices: JSONObject = {"requests": requests}
        if dice.random() < 0.35:
            kind = dice.choice(("matchAttribute", "matchAttribute", "distinctAttribute"))
            attribute = f"{GPU}/{dice.choice(('model', 'numa', 'driverVersion'))}"
            constraint: JSONObject = {kind: attribute}
            if dice.random() < 0.4:
                constraint["requests"] = [requests[0]["name"]]
            devices["constraints"] = [constraint]
        if dice.random() < 0.3:
            config: JSONObject = {"opaque": {"driver": GPU, "parameters": {"of": "claim"}}}
            if dice.random() < 0.5:
                config["requests"] = [requests[-1]["name"]]
            devices["config"] = [config]
        return devices

    def _request(self, number: int) -> JSONObject:
        dice, name = self.dice, f"q{number}"
        if dice.random() < 0.25:
            parts = [{"name": f"s{place}", **self._exactly()} for place in range(dice.choice((2, 3)))]
            return {"name": name, "firstAvailable": parts}
        exactly = self._exactly()
        if dice.random() < 0.07:
            exactly["adminAccess"] = True
        return {"name": name, "exactly": exactly}

    def _exactly(self) -> JSONObject:
        dice = self.dice
        found: JSONObject = {
            "deviceClassName": dice.choice(("gpu", "gpu", "gpu", "any", "any", "big", "nic", "shared"))
        }
        if dice.random() < 0.02:
            found["deviceClassName"] = dice.choice(("missing", "broken"))
        if dice.random() < 0.15:
            found["allocationMode"] = "All"
        else:
            found |= {"allocationMode": "ExactCount", "count": dice.choice((1, 1, 1, 2, 3))}
        if dice.random() < 0.25:
            expressions = dice.sample(_SELECTORS, dice.choice((1, 1, 2)))
            if dice.random() < 0.02:
                expressions.append(f'device.attributes["{GPU}"].unknown == 1')
            found["selectors"] = [{"cel": {"expression": each}} for each in expressions]
        if dice.random() < 0.2:
            toleration = {"key": "worn", "operator": "Exists"}
            if dice.random() < 0.3:
                toleration = {"key": "worn", "operator": "Equal", "value": "out", "effect": "NoSchedule"}
            found["tolerations"] = [toleration]
        if dice.random() < 0.2:
            found["capacity"] = {"requests": {"memory": dice.choice(("1Gi", "3Gi", "10Gi"))}}
        return found

    def _allocate(self, claim: JSONObject, pod: JSONObject, *, waiting: bool) -> None:
        dice = self.dice
        results: list[JSONObject] = []
        places = dice.sample(self._offered, min(len(self._offered), dice.choice((1, 1, 2))))
        selector: JSONObject | None = None
        for driver, pool, device, where in places:
            result = {"request": "q0", "driver": driver, "pool": pool, "device": device["name"]}
            if device.get("allowMultipleAllocations"):
                result |= {
                    "shareID": f"00000000-0000-0000-0000-{dice.randint(0, 10**12 - 1):012}",
                    "consumedCapacity": {"memory": dice.choice(("1Gi", "4Gi"))},
                }
            elif any(each is device for each in self._given):
                continue
            if dice.random() < 0.03:
                result["adminAccess"] = True
            else:
                self._given.append(device)
            if waiting and dice.random() < 0.2:
                result |= {"bindingConditions": ["ready"], "bindingFailureConditions": ["failed"]}
            results.append(result)
            if "nodeName" in where:
                field = {"key": "metadata.name", "operator": "In", "values": [where["nodeName"]]}
                selector = {"nodeSelectorTerms": [{"matchFields": [field]}]}
        allocation: JSONObject = {"devices": {"results": results}}
        if selector:
            allocation["nodeSelector"] = selector
        users = [pod] if not waiting or dice.random() < 0.3 else []
        status: JSONObject = {"allocation": allocation}
        reserved = [
            {"resource": "pods", "name": each["metadata"]["name"], "uid": each["metadata"]["uid"]}
            for each in users
        ]
        if waiting and dice.random() < 0.2:
            reserved.append({"resource": "pods", "name": "other", "uid": "uid-other"})
        if reserved:
            status["reservedFor"] = reserved
        if any("bindingConditions" in each for each in results) and dice.random() < 0.6:
            kind, value = dice.choice((("ready", "True"), ("ready", "False"), ("failed", "True")))
            condition = {"type": kind, "status": value, "reason": "R", "message": "m"}
            condition["lastTransitionTime"] = "2026-01-01T00:00:00Z"
            status["devices"] = [
                {**{key: each[key] for key in ("driver", "pool", "device")}, "conditions": [condition]}
                for each in results
            ]
        claim["status"] = status

    @property
    def _given(self) -> list[JSONObject]:
        if not hasattr(self, "_gone"):
            self._gone: list[JSONObject] = []
        return self._gone

    def _pool(self, driver: str, pool: str, where: JSONObject) -> None:
        dice = self.dice
        devices = [self._device(driver, f"d{number}") for number in range(dice.randint(1, 4))]
        parts = [devices] if dice.random() < 0.7 or len(devices) < 2 else [devices[:1], devices[1:]]
        slices = [{"devices": part} for part in parts]
        if dice.random() < 0.25:
            slices.append({"sharedCounters": [{"name": "set", "counters": {"units": {"value": "3"}}}]})
            for device in devices:
                if dice.random() < 0.8:
                    units = {"units": {"value": str(dice.randint(1, 3))}}
                    device["consumesCounters"] = [{"counterSet": "set", "counters": units}]
        count = len(slices) + (dice.random() < 0.04)
        if dice.random() < 0.03:
            devices[-1]["name"] = devices[0]["name"]
        for number, part in enumerate(slices):
            spec = {
                "driver": driver,
                "pool": {"name": pool, "generation": 2, "resourceSliceCount": count},
                **(where if "devices" in part or "nodeName" in where else {"allNodes": True}),
                **part,
            }
            self._slice(f"{driver}-{pool}-{number}", spec)
        if dice.random() < 0.1:
            old = {"name": pool, "generation": 1, "resourceSliceCount": 1}
            self._slice(
                f"old-{driver}-{pool}",
                {"driver": driver, "pool": old, **where, "devices": [self._device(driver, "gone")]},
            )
        self._offered += [(driver, pool, device, where) for device in devices]

    def _shared_pool(self) -> None:
        dice = self.dice
        kind = dice.random()
        if kind < 0.3:
            self._pool(NIC, "net", {"allNodes": True})
        elif kind < 0.6:
            zones = dice.sample(self.zones, dice.choice((1, 2)))
            expression = {"key": _ZONE, "operator": "In", "values": zones}
            terms = [{"matchExpressions": [expression]}]
            self._pool(NIC, "net", {"nodeSelector": {"nodeSelectorTerms": terms}})
        else:
            devices = [self._device(NIC, f"d{number}") for number in range(dice.randint(1, 4))]
            for device in devices:
                if dice.random() < 0.6:
                    device["nodeName"] = dice.choice(self.nodes)["metadata"]["name"]
                else:
                    device["allNodes"] = True
            pool = {"name": "net", "generation": 1, "resourceSliceCount": 1}
            spec = {"driver": NIC, "pool": pool, "perDeviceNodeSelection": True, "devices": devices}
            self._slice("nic-net", spec)
            self._offered += [(NIC, "net", device, device) for device in devices]

    def _device(self, driver: str, name: str) -> JSONObject:
        dice = self.dice
        attributes: JSONObject = {
            "model": {"string": dice.choice(("a", "a", "b"))},
            "numa": {"int": dice.choice((0, 1))},
            "healthy": {"bool": dice.random() < 0.8},
            "driverVersion": {"version": dice.choice(("1.0.0", "1.10.0", "2.0.0-rc.1"))},
        }
        # Whoever asks all GPUs for an attribute has to find it everywhere, or the decision ends there.
        domain = "" if driver == GPU else f"{GPU}/"
        attributes = {f"{domain}{key}": value for key, value in attributes.items()}
        memory: JSONObject = {"value": dice.choice(("4Gi", "10Gi", "16Gi"))}
        found: JSONObject = {"name": name, "attributes": attributes}
        if dice.random() < 0.25:
            found["allowMultipleAllocations"] = True
            if dice.random() < 0.6:
                span: JSONObject = {"min": "2Gi", "max": "8Gi", "step": "2Gi"}
                memory["requestPolicy"] = dice.choice(
                    (
                        {"default": "2Gi", "validRange": span},
                        {"default": "1Gi", "validValues": ["1Gi", "4Gi"]},
                    )
                )
        found["capacity"] = {f"{domain}memory": memory}
        if dice.random() < 0.12:
            effect = dice.choice(("NoSchedule", "NoExecute", "None"))
            found["taints"] = [{"key": "worn", "value": dice.choice(("out", "in")), "effect": effect}]
        if dice.random() < 0.08:
            found |= {"bindingConditions": ["ready"], "bindingFailureConditions": ["failed"]}
            if dice.random() < 0.5:
                found["bindsToNode"] = True
        return found

    def _slice(self, name: str, spec: JSONObject) -> None:
        self.objects.append(
            {"apiVersion": _GROUP, "kind": "ResourceSlice", "metadata": {"name": name}, "spec": spec}
        )

    def _classes(self) -> None:
        dice = self.dice
        selectors = {
            "gpu": f'device.driver == "{GPU}"',
            "nic": f'device.driver == "{NIC}"',
            "big": f'device.capacity["{GPU}"].memory.compareTo(quantity("10Gi")) >= 0',
            "shared": "device.allowMultipleAllocations",
            "broken": f'device.attributes["{GPU}"].unknown',
            "any": "",
        }
        for name, selector in selectors.items():
            spec: JSONObject = {}
            if selector:
                spec["selectors"] = [{"cel": {"expression": selector}}]
            if dice.random() < 0.3:
                spec["config"] = [{"opaque": {"driver": GPU, "parameters": {"of": name}}}]
            if name == "gpu" and dice.random() < 0.5:
                spec["extendedResourceName"] = "example.com/gpu"
            metadata = {"name": name, "creationTimestamp": "2026-01-01T00:00:00Z"}
            self.objects.append(
                {"apiVersion": _GROUP, "kind": "DeviceClass", "metadata": metadata, "spec": spec}
            )
