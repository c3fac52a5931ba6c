"""Writes that are lost, refused or in conflict: what the next reconcile knows of them."""

from __future__ import annotations

from typing import Any

import pytest
from helpers.driven import DEADLINE, Work, driven, driving, until
from helpers.replica_sets import SETS, a_pod, a_set, key_of, names, version_of
from helpers.servers import PODS, Session, eventually

from reconcile import APIError, ConflictError
from reconcile.apiserver.interfaces import AdmissionAttributes, AdmissionPlugin
from reconcile.apiserver.status import StatusError
from reconcile.errors import OutcomeUnknownError


def count_pods(self: Any) -> int:
    """How many pods of the owner `x` the cache has."""
    return len(self.cache.list(PODS, labels="app=x"))


def ensure_one(session: Session) -> Work:
    """Work of a reconcile: a pod of a generated name, unless there is one."""

    async def work(self: Any) -> None:
        if not count_pods(self):
            owner = self.cache.get(SETS, key_of(session))
            await self.client.create(a_pod(session, owner, prefix="x-"))

    return work


@pytest.mark.parametrize("fate", ["carried out", "never arrived"])
async def test_a_creation_whose_answer_was_lost_is_looked_up_before_the_next_reconcile(
    session: Session, fate: str
) -> None:
    key, sets = key_of(session), driven(SETS, owns=(PODS,))
    async with driving(session, sets) as operator:
        await session.client.create(a_set(session))
        await sets.until_told(key)
        operator.transport.hold_events = True
        if fate == "carried out":
            operator.transport.holding = {"write"}
            creating = sets.start(key, ensure_one(session))
            await until(lambda: operator.transport.waiting, "the pod was created")
            operator.transport.lose()
            operator.transport.holding = set()
        else:
            operator.transport.fates.append("dropped")
            creating = sets.start(key, ensure_one(session))
        with pytest.raises(OutcomeUnknownError):
            await creating
        assert await sets.run(key, count_pods) == (1 if fate == "carried out" else 0)
        await sets.run(key, ensure_one(session))
        assert len(await session.client.list(PODS, namespace=session.namespace)) == 1


async def test_a_change_and_a_deletion_whose_answers_were_lost_are_looked_up(session: Session) -> None:
    key, sets = key_of(session), driven(SETS, owns=(PODS,))

    async def change(self: Any) -> Any:
        await self.client.patch(SETS, key, {"spec": {"replicas": 5}})

    async def delete(self: Any) -> Any:
        await self.client.delete(PODS, f"{session.namespace}/p")

    async with driving(session, sets) as operator:
        owner = await session.client.create(a_set(session))
        await session.client.create(a_pod(session, owner, "p"))
        await sets.until_told(key)
        await until(lambda: operator.manager.cache.get(PODS, f"{session.namespace}/p"), "the pod is known")
        operator.transport.hold_events = True
        for work in (change, delete):
            operator.transport.holding = {"write"}
            writing = sets.start(key, work)
            await until(lambda: operator.transport.waiting, "it was carried out")
            operator.transport.lose()
            operator.transport.holding = set()
            with pytest.raises(OutcomeUnknownError):
                await writing
        found = await sets.run(
            key, lambda self: (self.cache.get(SETS, key)["spec"]["replicas"], count_pods(self))
        )
        assert found == (5, 0)


async def test_an_answer_that_was_lost_once_costs_one_live_read(session: Session) -> None:
    key, sets = key_of(session), driven(SETS)
    async with driving(session, sets) as operator:
        await session.client.create(a_set(session))
        await sets.until_told(key)
        operator.transport.fates.append("dropped")
        with pytest.raises(OutcomeUnknownError):
            await sets.run(key, lambda self: self.client.patch(SETS, key, {"spec": {"replicas": 5}}))
        operator.transport.holding = {"get", "list"}
        reading = sets.start(key, lambda self: self.cache.get(SETS, key)["spec"]["replicas"])
        await until(lambda: operator.transport.waiting, "the live read")
        (held,) = operator.transport.waiting
        assert ("fieldSelector", "metadata.name=x") in held.request.query
        operator.transport.release()
        assert await reading == 0
        assert await sets.run(key, lambda self: self.cache.get(SETS, key)["spec"]["replicas"]) == 0


class _NoMoreThanNine(AdmissionPlugin):
    """What a validating webhook does: no ReplicaSet of more than nine replicas."""

    name = "no-more-than-nine"

    async def validate(self, attributes: AdmissionAttributes) -> None:
        obj = attributes.object
        if obj is not None and obj.get("kind") == "ReplicaSet" and obj["spec"].get("replicas", 0) > 9:
            raise StatusError("more than nine replicas", code=403, reason="Forbidden")


async def refuse_more_than_nine(session: Session) -> None:
    """From now on the server refuses ReplicaSets of more than nine replicas in the test's namespace."""
    if session.embedded is not None:
        chain = session.embedded._parts.admission
        chain.plugins = (*chain.plugins, _NoMoreThanNine())
        chain._interested.clear()
        return
    kind = {"apiVersion": "admissionregistration.k8s.io/v1", "metadata": {"name": session.unique}}
    rule = {"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["*"], "resources": ["replicasets"]}
    here = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": session.namespace}}}
    policy = {
        "matchConstraints": here | {"resourceRules": [rule]},
        "validations": [{"expression": "object == null || object.spec.replicas <= 9"}],
    }
    binding = {"policyName": session.unique, "validationActions": ["Deny"]}
    await session.client.create(kind | {"kind": "ValidatingAdmissionPolicy", "spec": policy})
    await session.client.create(kind | {"kind": "ValidatingAdmissionPolicyBinding", "spec": binding})

    async def is_refused() -> bool:
        try:
            await session.client.create(a_set(session, "probe", replicas=10), dry_run=True)
        except APIError:
            return True
        return False

    await eventually(is_refused, "the policy is in force", DEADLINE)


async def test_a_write_that_admission_refuses_leaves_no_trace(session: Session) -> None:
    key, sets = key_of(session), driven(SETS)
    async with driving(session, sets) as operator:
        await session.client.create(a_set(session))
        await sets.until_told(key)
        await refuse_more_than_nine(session)
        operator.transport.hold_events = True

        async def grow(self: Any) -> Any:
            with pytest.raises(APIError):
                await self.client.patch(SETS, key, {"spec": {"replicas": 10}})
            with pytest.raises(APIError):
                await self.client.create(a_set(session, "y", replicas=10))
            with pytest.raises(APIError):
                await self.client.apply(a_set(session, replicas=10))
            return self.cache.get(SETS, key)["spec"]["replicas"], names(self.cache.list(SETS))

        assert await sets.run(key, grow) == (0, ["x"])
        assert await sets.run(key, lambda self: names(self.cache.list(SETS))) == ["x"]
        assert operator.left() == 0


async def test_a_conflict_leaves_no_trace_and_is_retried_with_what_is_there(session: Session) -> None:
    key, sets = key_of(session), driven(SETS)
    async with driving(session, sets) as operator:
        await session.client.create(a_set(session))
        await sets.until_told(key)
        operator.transport.hold_events = True
        await session.client.patch(SETS, key, {"metadata": {"labels": {"theirs": "1"}}})

        async def update(self: Any) -> Any:
            found = self.cache.get(SETS, key)
            found["spec"]["replicas"] = 5
            with pytest.raises(ConflictError):
                await self.client.update(found)
            assert operator.left() == 0
            return version_of(self.cache.get(SETS, key)) == version_of(found)

        assert await sets.run(key, update), "the cache is as old as before"

        async def retry(self: Any) -> Any:
            async def attempt() -> Any:
                found = await self.client.get(SETS, key)
                found["spec"]["replicas"] = 5
                return await self.client.update(found)

            await self.client.retry_on_conflict(attempt)
            found = self.cache.get(SETS, key)
            return found["spec"]["replicas"], found["metadata"]["labels"]

        assert await sets.run(key, retry) == (5, {"theirs": "1"})
        # What was written can be written again at once: no conflict with one's own write.
        found = await sets.run(key, lambda self: self.cache.get(SETS, key))
        found["spec"]["replicas"] = 6
        again = await sets.run(key, lambda self: self.client.update(found))
        await operator.arrive(SETS, 2)
        now = await sets.run(key, lambda self: self.cache.get(SETS, key))
        assert version_of(now) == version_of(again)


async def test_a_reconcile_that_met_a_conflict_is_tried_again_until_it_sees_the_change(
    session: Session,
) -> None:
    key, sets = key_of(session), driven(SETS)

    async def update(self: Any) -> Any:
        found = self.cache.get(SETS, key)
        found["spec"]["replicas"] = 5
        return await self.client.update(found)

    async with driving(session, sets) as operator:
        await session.client.create(a_set(session))
        await sets.until_told(key)
        operator.transport.hold_events = True
        foreign = await session.client.patch(SETS, key, {"metadata": {"labels": {"theirs": "1"}}})
        with pytest.raises(ConflictError):
            await sets.run(key, update)
        operator.transport.open_all()
        await sets.until_told(key, version=version_of(foreign))
        written = await sets.run(key, update)
        assert written["metadata"]["labels"] == {"theirs": "1"}
