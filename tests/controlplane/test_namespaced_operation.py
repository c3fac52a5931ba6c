"""Several namespaces with nothing but Roles in them, on a real kube-apiserver with RBAC."""

from __future__ import annotations

import asyncio
import io
import json
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from helpers.delivery_contract import assert_deliveries_match
from helpers.etcd_history import EtcdHistory
from helpers.faulty_world import QUICK, final_state, quick, until, until_async
from helpers.recording_handler import GapObserver, RecordingHandler

from reconcile import ControllerOptions, Manager, ManagerOptions, Reconciler, Request
from reconcile.api.core.v1 import ConfigMap
from reconcile.client.client import Client
from reconcile.errors import CacheNotSyncedError, ForbiddenError, NotCachedError
from reconcile.informers import Cache, Condition, InformerFactory, InformerOptions
from reconcile.manager.logs import make_logger
from reconcile.objects.meta import ObjectMeta
from reconcile.runtime import SystemRuntime
from reconcile.testing.control_plane import ControlPlane

pytestmark = [pytest.mark.controlplane, pytest.mark.real_time]


@dataclass
class Tenant:
    """A user with Roles in some namespaces, and an administrator.

    Attributes:
        admin, user: their clients.
        name: the user's.
        a, b, closed: namespaces; the user has no Role in the last.
    """

    plane: ControlPlane
    admin: Client
    user: Client
    name: str
    a: str
    b: str
    closed: str

    async def grant(self, namespace: str) -> None:
        """A Role and its binding; returns when the server acts on them."""
        rule = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list", "watch", "patch"]}
        meta = {"name": "tenant", "namespace": namespace}
        rbac = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": meta}
        subject = {"kind": "User", "name": self.name, "apiGroup": "rbac.authorization.k8s.io"}
        role = {"kind": "Role", "name": "tenant", "apiGroup": "rbac.authorization.k8s.io"}
        await self.admin.apply({**rbac, "kind": "Role", "rules": [rule]})
        await self.admin.apply({**rbac, "kind": "RoleBinding", "subjects": [subject], "roleRef": role})
        await until_async(lambda: self.allowed(namespace))

    async def revoke(self, namespace: str) -> None:
        """Take the binding away; returns when the server acts on it."""
        from reconcile.api.rbac.v1 import RoleBinding

        await self.admin.delete(RoleBinding, f"{namespace}/tenant")

        async def refused() -> bool:
            return not await self.allowed(namespace)

        await until_async(refused)

    async def allowed(self, namespace: str) -> bool:
        try:
            await self.user.list(ConfigMap, namespace=namespace)
        except ForbiddenError:
            return False
        return True

    async def put(self, namespace: str, name: str, **data: str) -> None:
        await self.admin.apply(ConfigMap(metadata=ObjectMeta(name=name, namespace=namespace), data=data))


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    return f"t{zlib.crc32(request.node.nodeid.encode())}"


@asynccontextmanager
async def tenant(plane: ControlPlane, name: str) -> AsyncIterator[Tenant]:
    async with (
        Client.from_kubeconfig(plane.kubeconfig) as admin,
        Client.from_kubeconfig(plane.kubeconfig_for(name)) as user,
    ):
        made = Tenant(plane, admin, user, name, f"{name}-a", f"{name}-b", f"{name}-closed")
        for namespace in (made.a, made.b, made.closed):
            await admin.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
            await made.put(namespace, "first")
        for namespace in (made.a, made.b):
            await made.grant(namespace)
        with pytest.raises(ForbiddenError):
            await user.list(ConfigMap)
        with pytest.raises(ForbiddenError):
            await user.list(ConfigMap, namespace=made.closed)
        yield made


def judge(history: EtcdHistory, handler: RecordingHandler, observer: GapObserver, *names: str) -> None:
    """Compare the deliveries of each namespace with its own history and gaps."""
    for namespace in names:
        assert_deliveries_match(
            history.changes(f"/registry/configmaps/{namespace}/"),
            [call for call in handler.calls if call.place.startswith(f"{namespace}/")],
            gaps=observer.gaps(namespace),
        )


def options(informers: InformerOptions = QUICK) -> ManagerOptions:
    return ManagerOptions(graceful_shutdown_timeout=5, informers=informers)


async def test_a_forbidden_namespace_is_a_condition_and_the_others_go_on(
    plane_and_history: tuple[ControlPlane, EtcdHistory], name: str
) -> None:
    plane, history = plane_and_history
    async with tenant(plane, name) as t:
        factory = InformerFactory(t.user, options=QUICK, namespaces=[t.a, t.closed, t.b])
        cache, handler = Cache(factory), RecordingHandler()
        informer = factory.informer(ConfigMap)
        observer = GapObserver(informer)
        registration = informer.add_handler(handler)
        try:
            await factory.start()
            await informer.wait_synced(30)
            await registration.wait_synced()
            status = {each.namespace: each for each in informer.status()}
            assert {status[t.a].condition, status[t.b].condition} == {Condition.WORKING}
            assert status[t.closed].condition is Condition.FORBIDDEN
            assert isinstance(status[t.closed].error, ForbiddenError)
            said = status[t.closed].message
            assert f'User "{name}" cannot list resource "configmaps"' in said
            assert f"to a Role in namespace {t.closed!r}" in said
            assert 'resources: ["configmaps"], verbs: ["list", "watch"]' in said
            with pytest.raises(CacheNotSyncedError, match=t.closed):
                cache.get(ConfigMap, f"{t.closed}/first")
            with pytest.raises(NotCachedError):
                cache.get(ConfigMap, "default/first")
            for namespace in (t.a, t.b, t.closed):
                await t.put(namespace, "second", x="1")
            await until(lambda: {f"{t.a}/second", f"{t.b}/second"} <= set(handler.held()))
            assert not any(place.startswith(t.closed) for place in handler.held())

            await t.grant(t.closed)
            await until(lambda: f"{t.closed}/second" in handler.held())
            assert {each.condition for each in informer.status()} == {Condition.WORKING}
            assert len(cache.list(ConfigMap)) == 6
            await t.put(t.closed, "third")
            await t.admin.delete(ConfigMap, f"{t.closed}/first")
            expected = await asyncio.to_thread(
                lambda: final_state(
                    [c for n in (t.a, t.b, t.closed) for c in history.changes(f"/registry/configmaps/{n}/")]
                )
            )
            await until(lambda: handler.held() == expected)
            await asyncio.to_thread(judge, history, handler, observer, t.a, t.b, t.closed)
        finally:
            await factory.stop()


async def test_a_role_that_is_taken_away_and_given_back_loses_nothing(
    plane_and_history: tuple[ControlPlane, EtcdHistory], name: str
) -> None:
    plane, history = plane_and_history
    async with tenant(plane, name) as t:
        # Short watches: the server asks for permission when a watch begins, not while it runs.
        factory = InformerFactory(t.user, options=quick(watch_timeout=(1.0, 1.0)), namespaces=[t.a, t.b])
        handler = RecordingHandler()
        informer = factory.informer(ConfigMap)
        observer = GapObserver(informer)
        informer.add_handler(handler)
        try:
            await factory.start()
            await informer.wait_synced(30)
            await t.revoke(t.a)
            await until(lambda: informer.status()[0].condition is Condition.FORBIDDEN)
            await t.admin.delete(ConfigMap, f"{t.a}/first")
            await t.put(t.a, "first", x="anew")
            await t.put(t.b, "second")
            await until(lambda: f"{t.b}/second" in handler.held())
            assert len(handler.of("first")) == 2, "what is forbidden was told"
            await t.grant(t.a)
            await until(lambda: informer.status()[0].condition is Condition.WORKING)
            await until(lambda: len(handler.of("first")) == 4)
            await asyncio.to_thread(judge, history, handler, observer, t.a, t.b)
            assert informer.stats().failures["forbidden"] >= 1
            assert informer.stats().relists == {}
        finally:
            await factory.stop()


class Marking(Reconciler[ConfigMap]):
    """Marks every config map that it sees; needs get, list, watch and patch of config maps alone."""

    kind = ConfigMap
    options = ControllerOptions(sync_timeout=20)

    def __init__(self) -> None:
        self.keys: list[str] = []

    async def reconcile(self, request: Request, /) -> None:
        self.keys.append(str(request.key))
        found = self.cache.get(ConfigMap, request.key)
        if found is not None and "marked" not in found.data:
            await self.client.patch(ConfigMap, request.key, {"data": {"marked": "yes"}})


def manager_of(t: Tenant, reconciler: Reconciler[Any], log: io.StringIO, *namespaces: str) -> Manager:
    logger = make_logger(SystemRuntime(), format="json", level="info", stream=log)
    return Manager(t.user, reconcilers=[reconciler], namespaces=namespaces, options=options(), log=logger)


async def test_a_manager_runs_with_nothing_but_roles(
    plane_and_history: tuple[ControlPlane, EtcdHistory], name: str
) -> None:
    plane, _ = plane_and_history
    async with tenant(plane, name) as t:
        marking, log = Marking(), io.StringIO()
        async with manager_of(t, marking, log, t.a, t.b):
            await t.put(t.b, "later")

            async def marked() -> bool:
                found = [
                    each.data.get("marked")
                    for namespace in (t.a, t.b)
                    for each in await t.admin.list(ConfigMap, namespace=namespace)
                ]
                return found == ["yes"] * 3

            await until_async(marked)
        lines = [json.loads(line) for line in log.getvalue().splitlines()]
        assert [line for line in lines if line["level"] in ("warning", "error")] == []
        assert {key.partition("/")[0] for key in marking.keys} == {t.a, t.b}


async def test_a_manager_names_a_forbidden_namespace_and_works_in_the_others(
    plane_and_history: tuple[ControlPlane, EtcdHistory], name: str
) -> None:
    plane, _ = plane_and_history
    async with tenant(plane, name) as t:
        marking, log = Marking(), io.StringIO()
        async with manager_of(t, marking, log, t.a, t.closed):
            await until(lambda: f"{t.a}/first" in marking.keys)
            warnings = [
                line
                for text in log.getvalue().splitlines()
                if (line := json.loads(text))["level"] == "warning"
            ]
            assert len(warnings) == 1, "once, not at every attempt"
            assert t.closed in warnings[0]["message"]
            assert f'User "{name}" cannot list' in warnings[0]["message"]
            assert "add the rule" in warnings[0]["message"]
            await t.grant(t.closed)
            await until(lambda: f"{t.closed}/first" in marking.keys)
            assert any("works again" in json.loads(text)["message"] for text in log.getvalue().splitlines())
