"""Leadership on a real kube-apiserver: rights, the admission fence, and tokens that belong to pods."""

from __future__ import annotations

import asyncio
import functools
import io
import itertools
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from helpers import faulty_world

from reconcile import ConfigurationError, ForbiddenError, Manager, ManagerOptions, Reconciler, Request
from reconcile.api.coordination.v1 import Lease, LeaseSpec
from reconcile.api.core.v1 import ConfigMap, Container, Namespace, Pod, PodSpec, ServiceAccount
from reconcile.api.events.v1 import Event
from reconcile.client.client import Client
from reconcile.client.credentials import Connection, StaticCredentials
from reconcile.leaderelection import LeaseOptions, fence_policy, role_rules
from reconcile.leaderelection.surroundings import ask_who_we_are
from reconcile.manager.logs import make_logger
from reconcile.objects.identity import GroupVersionKind
from reconcile.objects.meta import ObjectMeta
from reconcile.runtime import SystemRuntime
from reconcile.testing.control_plane import ControlPlane

pytestmark = [pytest.mark.controlplane, pytest.mark.real_time]

until = functools.partial(faulty_world.until, seconds=90)
until_async = functools.partial(faulty_world.until_async, seconds=90)

ACCOUNT, LEASE = "operator", "operator"
EVERYTHING = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]


@dataclass
class Tenant:
    """A namespace with a service account, and pods that run as it, without a kubelet.

    Attributes:
        admin: an administrator.
        namespace: its name.
    """

    plane: ControlPlane
    admin: Client
    namespace: str
    clients: list[Client]

    async def may(self, rules: list[dict[str, Any]]) -> None:
        """Let the service account do this in its namespace, and nothing else."""
        meta = {"name": "operator", "namespace": self.namespace}
        rbac = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": meta}
        subject = {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": self.namespace}
        role = {"kind": "Role", "name": "operator", "apiGroup": "rbac.authorization.k8s.io"}
        await self.admin.apply({**rbac, "kind": "Role", "rules": rules})
        await self.admin.apply({**rbac, "kind": "RoleBinding", "subjects": [subject], "roleRef": role})

    async def pod(self, name: str) -> Client:
        """A client with the token that a kubelet would mount into this pod."""
        pod = await self.admin.create(
            Pod(
                metadata=ObjectMeta(name=name, namespace=self.namespace),
                spec=PodSpec(service_account_name=ACCOUNT, containers=[Container(name="c", image="none")]),
            )
        )
        bound = {"apiVersion": "v1", "kind": "Pod", "name": name, "uid": pod.metadata.uid}
        return await self.client(bound)

    async def client(self, bound: dict[str, Any] | None = None) -> Client:
        """A client with a token of the service account."""
        token = await self.admin.subresource(ServiceAccount, f"{self.namespace}/{ACCOUNT}", "token").create(
            {
                "apiVersion": "authentication.k8s.io/v1",
                "kind": "TokenRequest",
                "spec": {"boundObjectRef": bound} if bound else {},
            }
        )
        credentials = StaticCredentials(token=token["status"]["token"])
        authority = self.plane.ca_certificate.read_bytes()
        client = Client.from_connection(Connection(self.plane.url, credentials, authority))
        self.clients.append(client)
        return client

    async def hold(self, holder: str | None) -> None:
        """Make the Lease say so."""
        await self.admin.apply(
            Lease(
                metadata=ObjectMeta(name=LEASE, namespace=self.namespace),
                spec=LeaseSpec(holder_identity=holder, lease_duration_seconds=15 if holder else 1),
            )
        )

    def config_map(self, name: str) -> ConfigMap:
        return ConfigMap(metadata=ObjectMeta(name=name, namespace=self.namespace))


@asynccontextmanager
async def tenant(plane: ControlPlane, request: pytest.FixtureRequest) -> AsyncIterator[Tenant]:
    namespace = f"f{zlib.crc32(request.node.nodeid.encode())}"
    async with Client.from_kubeconfig(plane.kubeconfig) as admin:
        made = Tenant(plane, admin, namespace, [])
        await admin.create(Namespace(metadata=ObjectMeta(name=namespace)))
        account = ServiceAccount(metadata=ObjectMeta(name=ACCOUNT, namespace=namespace))
        await admin.create(account)
        try:
            yield made
        finally:
            for client in made.clients:
                await client.close()


async def admitted(write: Callable[[], Awaitable[object]]) -> bool:
    """Whether a write passes the fence; other refusals are no answer."""
    try:
        await write()
    except ForbiddenError as error:
        assert "ValidatingAdmissionPolicy" in error.message, error
        return False
    return True


@asynccontextmanager
async def fenced(made: Tenant) -> AsyncIterator[None]:
    """With the policy in force for ConfigMaps, which takes the server a moment."""
    objects = fence_policy(LEASE, namespace=made.namespace, service_account=ACCOUNT, kinds=[ConfigMap])
    for each in objects:
        await made.admin.apply(each)
    stranger = await made.client()
    await until_async(lambda: _is_refused(stranger, made))
    try:
        yield
    finally:
        for each in reversed(objects):
            kind = GroupVersionKind.of(each["apiVersion"], each["kind"])
            await made.admin.delete(kind, each["metadata"]["name"])


async def _is_refused(client: Client, made: Tenant) -> bool:
    return not await admitted(lambda: client.apply(made.config_map("probe")))


async def test_a_pods_token_tells_the_server_its_name(
    control_plane: ControlPlane, request: pytest.FixtureRequest
) -> None:
    async with tenant(control_plane, request) as made:
        caller = await ask_who_we_are(await made.pod("operator-0"))
        assert caller.user == f"system:serviceaccount:{made.namespace}:{ACCOUNT}"
        assert caller.name == "operator-0"
        assert (await ask_who_we_are(await made.client())).pod == ""


async def test_only_the_pod_that_holds_the_lease_writes(
    control_plane: ControlPlane, request: pytest.FixtureRequest
) -> None:
    async with tenant(control_plane, request) as made:
        await made.may(EVERYTHING)
        await made.hold("operator-0_8f14e45f")
        one, two, three = (
            await made.pod("operator-0"),
            await made.pod("operator-1"),
            await made.pod("operator"),
        )
        none = await made.client()
        async with fenced(made):
            target = made.config_map("target")
            await until_async(lambda: admitted(lambda: one.apply(target)))
            for other in (two, three, none):
                with pytest.raises(ForbiddenError, match='is held by "operator-0_8f14e45f"'):
                    await other.apply(target)
                with pytest.raises(ForbiddenError, match="is held by"):
                    await other.create(made.config_map("second"))
                with pytest.raises(ForbiddenError, match="is held by"):
                    await other.delete(target)
            await made.admin.apply(target)
            # Those that wait for the lead write too: Leases, and what nobody fenced.
            await two.patch(Lease, f"{made.namespace}/{LEASE}", {"metadata": {"labels": {"a": "b"}}})
            secret = {"metadata": {"name": "s", "namespace": made.namespace}}
            await two.apply({"apiVersion": "v1", "kind": "Secret", **secret})


async def test_the_fence_follows_the_lease(
    control_plane: ControlPlane, request: pytest.FixtureRequest
) -> None:
    async with tenant(control_plane, request) as made:
        await made.may(EVERYTHING)
        await made.hold("operator-0_a")
        one, two = await made.pod("operator-0"), await made.pod("operator-1")
        target = made.config_map("target")
        async with fenced(made):
            for holder, leader, other in (("operator-0", one, two), ("operator-1", two, one)) * 3:
                await made.hold(f"{holder}_x")
                await until_async(lambda leader=leader: admitted(lambda: leader.apply(target)))
                assert not await admitted(lambda other=other: other.apply(target))

            async def nobody() -> bool:
                return not (
                    await admitted(lambda: one.apply(target)) or await admitted(lambda: two.apply(target))
                )

            await made.hold(None)
            await until_async(nobody)
            await made.admin.apply(target)


async def test_without_a_lease_the_fence_is_open_and_locks_nobody_out(
    control_plane: ControlPlane, request: pytest.FixtureRequest
) -> None:
    async with tenant(control_plane, request) as made:
        await made.may(EVERYTHING)
        await made.hold("operator-0_a")
        other, target = await made.pod("operator-1"), made.config_map("target")
        async with fenced(made):
            await made.admin.delete(Lease, f"{made.namespace}/{LEASE}")
            await until_async(lambda: admitted(lambda: other.apply(target)))
            await made.admin.apply(target)


class Stamping(Reconciler[ConfigMap]):
    """Writes its name into every ConfigMap that asks for it."""

    labels = "stamp"

    def __init__(self, who: str) -> None:
        self.name = "stamping"
        self.who = who

    async def reconcile(self, request: Request, /) -> None:
        await self.client.patch(ConfigMap, request.key, {"data": {"by": self.who}})


def manager(made: Tenant, client: Client, who: str, log: io.StringIO, **options: Any) -> Manager:
    runtime = SystemRuntime()
    return Manager(
        client,
        reconcilers=[Stamping(who)],
        namespaces=[made.namespace],
        leader_election=LeaseOptions(f"{made.namespace}/{LEASE}", trust_absence=True, **options),
        options=ManagerOptions(graceful_shutdown_timeout=5, connect_timeout=60),
        runtime=runtime,
        log=make_logger(runtime, format="json", level="debug", stream=log),
    )


async def test_managers_pass_the_fence_while_they_lead_and_hand_over(
    control_plane: ControlPlane, request: pytest.FixtureRequest
) -> None:
    log = io.StringIO()
    async with tenant(control_plane, request) as made:
        await made.may([*role_rules(LEASE), {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["*"]}])
        await made.hold("nobody-0_x")
        one = manager(made, await made.pod("operator-0"), "operator-0", log)
        two = manager(made, await made.pod("operator-1"), "operator-1", log)

        async def stamped(name: str, by: str) -> None:
            await made.admin.create(
                ConfigMap(metadata=ObjectMeta(name=name, namespace=made.namespace, labels={"stamp": "yes"}))
            )

            async def done() -> bool:
                return (await made.admin.get(ConfigMap, f"{made.namespace}/{name}")).data.get("by") == by

            await until_async(done)

        async with fenced(made):
            await made.hold(None)
            async with one:
                assert one.lease is not None and two.lease is not None
                await until(lambda: one.lease is not None and one.lease.is_leader)
                assert one.lease.identity.startswith("operator-0_")
                await stamped("first", "operator-0")
                async with two:
                    await stamped("second", "operator-0")
                    assert two.lease.holder == one.lease.identity and not two.lease.is_leader
                    await one.stop()
                    await until(lambda: two.lease is not None and two.lease.is_leader)
                    await stamped("third", "operator-1")

                    async def announced() -> bool:
                        events = await made.admin.list(Event, namespace=made.namespace)
                        notes = {each.note for each in events if each.reason == "LeaderElection"}
                        return f"{two.lease.identity} became leader" in notes

                    await until_async(announced)
        assert "may not" not in log.getvalue() and "cannot be watched" not in log.getvalue()


async def test_the_rule_that_is_missing_is_named_at_the_start(
    control_plane: ControlPlane, request: pytest.FixtureRequest
) -> None:
    log = io.StringIO()
    async with tenant(control_plane, request) as made:
        reading = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list", "watch"]}
        leases = {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"]}
        await made.may([reading, {**leases, "verbs": ["get", "create"]}])
        client = await made.pod("operator-0")
        who = f"system:serviceaccount:{made.namespace}:{ACCOUNT}"

        async def complaint() -> str:
            with pytest.raises(ConfigurationError) as caught:
                async with manager(made, client, "operator-0", log):
                    raise AssertionError("it started")
            return str(caught.value)

        async def names_update_alone() -> bool:
            # The authorizer follows the Role by a watch of its own.
            return "create" not in await complaint()

        await until_async(names_update_alone)
        assert await complaint() == (
            f"leader election: {who} may not update leases.coordination.k8s.io in the namespace "
            f"{made.namespace}. Add to a Role there that is bound to it:\n\n"
            "- apiGroups: [coordination.k8s.io]\n"
            "  resources: [leases]\n"
            f"  resourceNames: [{LEASE}]\n"
            "  verbs: [update]"
        )
        await made.may([reading, {**leases, "verbs": ["get", "create", "update"]}])

        async def starts() -> bool:
            try:
                async with manager(made, client, "operator-0", log):
                    return True
            except ConfigurationError:
                return False

        await until_async(starts)
        # It works without these, and says what is missing.
        assert f"{who} may not watch leases.coordination.k8s.io nor create or patch events" in log.getvalue()


@pytest.mark.nightly
@pytest.mark.parametrize("busy", [False, True], ids=["idle", "busy"])
async def test_the_window_that_the_server_leaves(
    control_plane: ControlPlane, request: pytest.FixtureRequest, busy: bool
) -> None:
    """How long a server goes on to admit the former holder: its cache of Leases is behind its storage."""
    changes = 50
    async with tenant(control_plane, request) as made:
        await made.may(EVERYTHING)
        await made.hold("operator-0_a")
        pods = [await made.pod("operator-0"), await made.pod("operator-1")]
        admissions: list[tuple[int, int, float]] = []
        refusals: list[tuple[int, float, float]] = []
        loop = asyncio.get_running_loop()

        async def hammer(number: int) -> None:
            while True:
                began = loop.time()
                try:
                    written = await pods[number].patch(
                        ConfigMap, f"{made.namespace}/target-{number}", {"data": {"n": str(began)}}
                    )
                except ForbiddenError:
                    refusals.append((number, began, loop.time()))
                else:
                    admissions.append((number, int(written.metadata.resource_version or 0), loop.time()))

        async def load() -> None:
            for count in itertools.count():
                await made.admin.apply(
                    Lease(
                        metadata=ObjectMeta(name=f"other-{count % 500}", namespace=made.namespace),
                        spec=LeaseSpec(holder_identity=str(count)),
                    )
                )

        async with fenced(made), asyncio.TaskGroup() as group:
            for number in (0, 1):
                await made.admin.apply(made.config_map(f"target-{number}"))
            tasks = [group.create_task(hammer(number)) for number in (0, 1) for _ in range(2)]
            tasks += [group.create_task(load()) for _ in range(8 if busy else 0)]
            behind: list[float] = []
            crossed = late = 0
            for change in range(1, changes + 1):
                new = change % 2
                begun = len(admissions)
                await until(lambda new=new: [a for a in admissions[-20:] if a[0] != new])
                lease = await made.admin.patch(
                    Lease,
                    f"{made.namespace}/{LEASE}",
                    {"spec": {"holderIdentity": f"operator-{new}_{change}"}},
                )
                committed, at = int(lease.metadata.resource_version or 0), loop.time()
                await until(lambda new=new, begun=begun: [a for a in admissions[begun:] if a[0] == new])
                await asyncio.sleep(0.2)
                since = admissions[begun:]
                former = [a for a in since if a[0] != new and a[1] > committed]
                first = min(a[1] for a in since if a[0] == new)
                late += len(former)
                crossed += sum(1 for a in former if a[1] > first)
                behind.append(max((a[2] - at for a in former), default=0.0))
            for task in tasks:
                task.cancel()
        behind.sort()
        print(
            f"\n{changes} changes of the holder, {len(admissions)} writes admitted, {len(refusals)} refused; "
            f"of the former holder after the change: {late} admitted, {crossed} of them after a write of the "
            f"new one; the last one answered after {1000 * behind[changes // 2]:.1f} ms (median), "
            f"{1000 * behind[-1]:.1f} ms (most)"
        )
        assert behind[-1] < 60
