"""A pod on its way to its node: reserve, permit, what is written and waited for, and the way back."""

from __future__ import annotations

import asyncio
import copy
import itertools
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest
from helpers.example_objects import NOW, node, pod

from examples.operators.scheduler import binding
from examples.operators.scheduler.cycle import find_feasible
from examples.operators.scheduler.framework import (
    CycleState,
    Plugin,
    PluginError,
    Plugins,
    PreFlight,
    Refusal,
    Surroundings,
    Wait,
)
from examples.operators.scheduler.pods import PodInfo, pod_info
from examples.operators.scheduler.profile import Profile, default_profile
from examples.operators.scheduler.snapshot import Snapshot
from examples.operators.scheduler.volumes import BOUND, SELECTED_NODE
from examples.operators.scheduler.waiting import WaitingPods
from reconcile import NotFoundError, ObjectKey
from reconcile.api.core.v1 import (
    PersistentVolume,
    PersistentVolumeClaim,
    PersistentVolumeClaimVolumeSource,
    PodResourceClaim,
    Volume,
)
from reconcile.api.resource.v1 import (
    Device,
    DeviceClass,
    DeviceRequest,
    ExactDeviceRequest,
    ResourceClaim,
    ResourcePool,
    ResourceSlice,
    ResourceSliceSpec,
)
from reconcile.api.storage.v1 import StorageClass

CLAIM = ObjectKey("default", "data")


class Cluster:
    """A snapshot, and in place of the server something that answers writes and tells the snapshot of them."""

    def __init__(self) -> None:
        self.snapshot = Snapshot()
        self.snapshot.set_node("n", node("n"))
        self.version = 1
        self.events: list[str] = []
        self.patches: list[dict[str, Any]] = []
        self.fails: type[Exception] | None = None

    def put(self, obj: Any) -> None:
        """The server has this now."""
        self.version += 1
        obj.metadata.resource_version = str(self.version)
        self.snapshot.set_object(type(obj), obj.key, copy.deepcopy(obj))

    def around(self) -> Surroundings:
        recorder = SimpleNamespace(event=lambda *args, **_: self.events.append(args[2]))
        runtime = SimpleNamespace(now=lambda: NOW, uuid=lambda: "a-uuid")
        manager = SimpleNamespace(client=self, runtime=runtime, event_recorder=lambda name: recorder)
        return Surroundings(cast("Any", manager), self.snapshot, "default-scheduler")

    async def update(self, obj: Any) -> Any:
        self.put(obj)
        return obj

    async def update_status(self, obj: Any) -> Any:
        if self.fails is not None:
            raise self.fails("gone", code=404)  # type: ignore[call-arg]
        return await self.update(obj)

    async def patch(self, kind: Any, key: ObjectKey, patch: dict[str, Any], **_: Any) -> None:
        self.patches.append(patch)

    async def bind(self, obj: Any, name: str) -> None: ...


class Course:
    """One pod that is decided, up to where it is reserved."""

    def __init__(self, cluster: Cluster, waiting: Any, profile: Profile | None = None) -> None:
        self.cluster = cluster
        self.pod = pod_info(waiting)
        self.plugins = (profile or default_profile()).plugins
        self.state = CycleState()
        found = find_feasible(profile or default_profile(), cluster.snapshot, self.pod, self.state)
        assert [each.name for each in found.feasible] == ["n"], found
        cluster.snapshot.assume(self.pod, "n")
        binding.reserve(self.plugins, self.state, self.pod, "n")

    async def go(self) -> None:
        flights = binding.pre_flights(self.plugins, self.state, self.pod, "n")
        await binding.pre_bind(flights, self.state, self.pod, "n", self.cluster.around())

    def back(self) -> None:
        binding.unreserve(self.plugins, self.state, self.pod, "n")


def with_volume(cluster: Cluster) -> Any:
    cluster.put(_named(StorageClass(provisioner="csi", volume_binding_mode="WaitForFirstConsumer"), "later"))
    claim = _named(PersistentVolumeClaim(), CLAIM.name, CLAIM.namespace)
    claim.spec.storage_class_name = "later"
    cluster.put(claim)
    waiting = pod("web")
    source = PersistentVolumeClaimVolumeSource(claim_name=CLAIM.name)
    waiting.spec.volumes = [Volume(name="data", persistent_volume_claim=source)]
    return waiting


def with_device(cluster: Cluster, name: str = "web") -> Any:
    cluster.put(_named(DeviceClass(), "any"))
    spec = ResourceSliceSpec(
        driver="gpu.com", node_name="n", pool=ResourcePool(name="p", generation=1, resource_slice_count=1)
    )
    spec.devices = [Device(name="d")]
    cluster.put(_named(ResourceSlice(spec=spec), "slice"))
    claim = _named(ResourceClaim(), CLAIM.name, CLAIM.namespace)
    exactly = ExactDeviceRequest(device_class_name="any", allocation_mode="ExactCount", count=1)
    claim.spec.devices.requests = [DeviceRequest(name="r", exactly=exactly)]
    cluster.put(claim)
    waiting = pod(name)
    waiting.spec.resource_claims = [PodResourceClaim(name="r", resource_claim_name=CLAIM.name)]
    return waiting


def _named(obj: Any, name: str, namespace: str = "") -> Any:
    obj.metadata.name, obj.metadata.namespace, obj.metadata.uid = name, namespace, f"uid-{name}"
    return obj


def _stored(cluster: Cluster, kind: type[Any]) -> Any:
    return copy.deepcopy(cluster.snapshot.get_object(kind, CLAIM))


async def test_a_claim_is_told_its_node_and_waited_for() -> None:
    cluster = Cluster()
    course = Course(cluster, with_volume(cluster))
    assumed = cluster.snapshot.volumes.claims.get(CLAIM)
    assert assumed is not None and assumed.metadata.annotations[SELECTED_NODE] == "n"
    going = asyncio.create_task(course.go())
    await asyncio.sleep(30)
    assert not going.done()
    claim = _stored(cluster, PersistentVolumeClaim)
    assert claim.metadata.annotations[SELECTED_NODE] == "n"
    claim.spec.volume_name, claim.metadata.annotations[BOUND] = "pv", "yes"
    cluster.put(claim)
    cluster.snapshot.set_object(*_volume("pv"))
    await going


async def test_a_claim_that_never_binds_ends_the_attempt() -> None:
    cluster = Cluster()
    course = Course(cluster, with_volume(cluster))
    before = asyncio.get_running_loop().time()
    with pytest.raises(
        PluginError, match=r'^running PreBind plugin "VolumeBinding": binding volumes: context'
    ):
        await course.go()
    assert asyncio.get_running_loop().time() - before == pytest.approx(600, abs=1)


async def test_a_provisioner_that_gives_up_ends_the_attempt_at_once() -> None:
    cluster = Cluster()
    course = Course(cluster, with_volume(cluster))
    going = asyncio.create_task(course.go())
    await asyncio.sleep(3)
    claim = _stored(cluster, PersistentVolumeClaim)
    claim.metadata.annotations = {"other": "x"}
    cluster.put(claim)
    with pytest.raises(PluginError, match='binding volumes: provisioning failed for PVC "data"'):
        await going


async def test_a_pod_that_goes_while_its_volumes_are_bound_is_given_up() -> None:
    cluster = Cluster()
    course = Course(cluster, with_volume(cluster))
    going = asyncio.create_task(course.go())
    await asyncio.sleep(0.5)
    cluster.snapshot.remove_pod(course.pod.key)
    with pytest.raises(PluginError, match='pod does not exist any more: pod "web" not found'):
        await going


def test_what_was_assumed_is_taken_back() -> None:
    cluster = Cluster()
    course = Course(cluster, with_volume(cluster))
    course.back()
    claim = cluster.snapshot.volumes.claims.get(CLAIM)
    assert claim is not None and SELECTED_NODE not in claim.metadata.annotations


async def test_a_claim_gets_its_devices_and_its_user() -> None:
    cluster = Cluster()
    await Course(cluster, with_device(cluster)).go()
    claim = _stored(cluster, ResourceClaim)
    assert claim.metadata.finalizers == ["resource.kubernetes.io/delete-protection"]
    assert [each.device for each in claim.status.allocation.devices.results] == ["d"]
    assert [each.name for each in claim.status.reserved_for] == ["web"]


def test_a_device_that_is_promised_is_in_use_until_it_is_taken_back() -> None:
    cluster = Cluster()
    course = Course(cluster, with_device(cluster))
    devices = cluster.snapshot.devices
    assert ("gpu.com", "p", "d") in devices.in_use()
    other, state = pod_info(with_device(cluster, "other")), CycleState()
    found = find_feasible(default_profile(), cluster.snapshot, other, state)
    assert found.elsewhere.reasons == ("resource claim default/data is in the process of being allocated",)
    course.back()
    assert ("gpu.com", "p", "d") not in devices.in_use()


def test_a_search_for_devices_that_takes_too_long_is_an_error_of_the_attempt() -> None:
    cluster = Cluster()
    waiting = pod_info(with_device(cluster))
    cluster.snapshot.devices.elapsed = itertools.count(step=4).__next__
    with pytest.raises(
        PluginError,
        match=r'^running "DynamicResources" filter plugin: node n: timed out trying to allocate devices$',
    ):
        find_feasible(default_profile(), cluster.snapshot, waiting, CycleState())


async def test_a_claim_that_cannot_be_written_sends_the_pod_back() -> None:
    cluster = Cluster()
    course = Course(cluster, with_device(cluster))
    cluster.fails = NotFoundError
    wanted = (
        'running PreBind plugin "DynamicResources": add allocation and reservation to claim default/data: '
    )
    with pytest.raises(PluginError, match=wanted):
        await course.go()
    assert ("gpu.com", "p", "d") not in cluster.snapshot.devices.in_use()


async def test_a_failed_binding_takes_the_user_off_the_claim() -> None:
    cluster = Cluster()
    course = Course(cluster, with_device(cluster))
    await course.go()
    with pytest.raises(PluginError, match="no plugin binds pods"):
        unbinding = Plugins(each for each in course.plugins if each.name != "DefaultBinder")
        await binding.bind(unbinding, course.state, course.pod, "n", cluster.around())
    assert cluster.patches[0]["status"]["reservedFor"] == [{"$patch": "delete", "uid": course.pod.uid}]


class Guard(Plugin):
    """Notes what is asked of it, and answers as it is told."""

    def __init__(
        self, name: str, log: list[str], answer: Any = None, flight: PreFlight | None = None
    ) -> None:
        self.name = name
        self.log = log
        self.answer = answer
        self.flight = flight

    def reserve(self, state: CycleState, pod: PodInfo, node: str, /) -> Refusal | None:
        self.log.append(f"reserve {self.name}")
        return self.answer if isinstance(self.answer, Refusal) else None

    def unreserve(self, state: CycleState, pod: PodInfo, node: str, /) -> None:
        self.log.append(f"unreserve {self.name}")

    def permit(self, state: CycleState, pod: PodInfo, node: str, /) -> Wait | None:
        return self.answer if isinstance(self.answer, Wait) else None

    def pre_bind_pre_flight(self, state: CycleState, pod: PodInfo, node: str, /) -> PreFlight | None:
        return self.flight

    async def pre_bind(self, state: CycleState, pod: PodInfo, node: str, around: Surroundings, /) -> None:
        self.log.append(f"begin {self.name}")
        await asyncio.sleep(1)
        self.log.append(f"end {self.name}")


def test_who_reserved_last_is_asked_first_to_take_back() -> None:
    log: list[str] = []
    refusal = Refusal(("not today",), plugin="two")
    plugins = Plugins((Guard("one", log), Guard("two", log, refusal), Guard("three", log)))
    subject = pod_info(pod("web"))
    with pytest.raises(binding.Refused, match=r"^0/1 nodes are available: 1 not today\.$") as caught:
        binding.reserve(plugins, CycleState(), subject, "n")
    assert caught.value.rejected_by == {"two"}
    binding.unreserve(plugins, CycleState(), subject, "n")
    assert log == ["reserve one", "reserve two", "unreserve three", "unreserve two", "unreserve one"]


async def test_who_has_nothing_to_do_before_the_binding_is_left_out_and_neighbours_go_together() -> None:
    log: list[str] = []
    together = PreFlight(parallel=True)
    plugins = Plugins(
        (
            Guard("a", log, flight=together),
            Guard("b", log),
            Guard("c", log, flight=together),
            Guard("d", log, flight=PreFlight()),
        )
    )
    subject, state = pod_info(pod("web")), CycleState()
    flights = binding.pre_flights(plugins, state, subject, "n")
    await binding.pre_bind(flights, state, subject, "n", Cluster().around())
    assert log == ["begin a", "begin c", "end a", "end c", "begin d", "end d"]


def _allow(waiting: WaitingPods, subject: PodInfo) -> None:
    waiting.allow(subject, "one")
    waiting.allow(subject, "two")


@pytest.mark.parametrize(
    ("act", "answer"),
    [
        (_allow, None),
        (
            lambda waiting, subject: waiting.allow(subject, "one"),
            "rejected due to timeout after waiting 1m30s at plugin two",
        ),
        (lambda waiting, subject: waiting.reject(subject, "two", "no more"), "no more"),
    ],
)
async def test_a_pod_waits_for_all_that_asked_it_to(
    act: Callable[[WaitingPods, PodInfo], None], answer: str | None
) -> None:
    plugins = Plugins((Guard("one", [], Wait(20.0)), Guard("two", [], Wait(90.0))))
    subject, waiting = pod_info(pod("web")), WaitingPods()
    waits = binding.permit(plugins, CycleState(), subject, "n")
    assert waits == {"one": 20.0, "two": 90.0}
    waiting.add(subject, waits)
    assert waiting.pending(subject) == {"one", "two"}
    act(waiting, subject)
    if answer is None:
        await binding.wait_for_permission(waiting, subject, "n")
    else:
        with pytest.raises(binding.Refused, match=f"0/1 nodes are available: 1 {answer}"):
            await binding.wait_for_permission(waiting, subject, "n")
    assert not waiting.pods


def _volume(name: str) -> tuple[type[Any], ObjectKey, Any]:
    volume = _named(PersistentVolume(), name)
    return PersistentVolume, volume.key, volume
