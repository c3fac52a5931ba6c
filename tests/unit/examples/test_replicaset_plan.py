"""The ReplicaSet's decisions: how many pods, which ones go, who is adopted, what is reported."""

from __future__ import annotations

import asyncio

import pytest
from helpers.example_objects import NOW, ago, owned_by, pod, replica_set

from examples.operators.claims import sort_out
from examples.operators.replicaset.batches import AT_ONCE, slow_start
from examples.operators.replicaset.plan import BURST, plan
from examples.operators.replicaset.ranking import DELETION_COST, deletion_cost, deletion_order
from examples.operators.replicaset.status import status_of
from reconcile import Selector
from reconcile.api.core.v1 import Container, ContainerStatus, Pod


def test_missing_pods_are_created_and_surplus_ones_deleted() -> None:
    pods = [pod(f"p{n}") for n in range(3)]
    assert plan(5, pods, [], NOW).create == 2
    assert plan(3, pods, [], NOW).settled
    assert len(plan(1, pods, [], NOW).delete) == 2


def test_a_burst_is_bounded() -> None:
    assert plan(10_000, [], [], NOW).create == BURST
    assert len(plan(0, [pod(f"p{n}") for n in range(BURST + 1)], [], NOW).delete) == BURST


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (pod("a", node=""), pod("b", node="n1")),
        (pod("a", node="n1", phase="Pending"), pod("b", node="n1")),
        (pod("a", node="n1"), pod("b", node="n1", ready=10)),
        (
            pod("a", node="n1", ready=10, annotations={DELETION_COST: "-1"}),
            pod("b", node="n1", ready=1),
        ),
        (pod("a", node="n1", ready=1), pod("b", node="n1", ready=10)),
        (pod("a", node="n1", ready=5, restarts=2), pod("b", node="n1", ready=5)),
        (pod("a", node="n1", ready=5, age=10), pod("b", node="n1", ready=5, age=50)),
    ],
    ids=["unassigned", "pending", "not ready", "cheaper", "ready later", "restarts", "younger"],
)
def test_what_serves_least_goes_first(first: object, second: object) -> None:
    assert deletion_order([second, first], [first, second], NOW)[0] is first


def test_a_pod_that_shares_its_node_goes_before_one_alone() -> None:
    alone, sharing = pod("alone", node="n1", ready=1), pod("sharing", node="n2", ready=100)
    sibling = pod("sibling-of-another-set", node="n2", ready=1)
    assert deletion_order([alone, sharing], [alone, sharing, sibling], NOW)[0] is sharing


def test_ages_of_one_power_of_two_are_equal_and_the_uid_decides() -> None:
    one, other = pod("a", node="n1", ready=40, age=99), pod("b", node="n1", ready=50, age=50)
    assert [p.metadata.name for p in deletion_order([other, one], [], NOW)] == ["a", "b"]
    one.metadata.uid, other.metadata.uid = "2", "1"
    assert [p.metadata.name for p in deletion_order([one, other], [], NOW)] == ["b", "a"]


def test_sidecars_that_restarted_count_after_the_other_containers() -> None:
    def with_sidecar(name: str, restarts: int) -> Pod:
        found = pod(name, node="n1", ready=5)
        found.spec.init_containers = [Container(name="proxy", image="i", restart_policy="Always")]
        found.status.init_container_statuses = [ContainerStatus(name="proxy", restart_count=restarts)]
        return found

    calm, restless = with_sidecar("calm", 0), with_sidecar("restless", 3)
    assert deletion_order([calm, restless], [], NOW)[0] is restless


@pytest.mark.parametrize(
    ("text", "cost"), [("-5", -5), ("10", 10), ("+10", 0), ("008", 0), ("", 0), ("-08", -8), (str(2**31), 0)]
)
def test_a_deletion_cost_is_read_as_the_api_reads_it(text: str, cost: int) -> None:
    assert deletion_cost(pod("p", annotations={DELETION_COST: text})) == cost


def test_adoption_looks_at_uids_and_not_at_names() -> None:
    owner = replica_set("web", 1)
    mine, orphan = pod("mine", owner="uid-web"), pod("orphan")
    lost = pod("lost", owner="uid-web", labels={"app": "other"})
    namesake = pod("namesake", owner="uid-of-an-older-web")
    claims = sort_out(owner, Selector.from_labels({"app": "web"}), [mine, orphan, lost, namesake])
    assert (claims.owned, claims.adopt, claims.release) == ([mine], [orphan], [lost])


def test_an_owner_that_is_deleted_adopts_and_releases_nothing() -> None:
    owner = replica_set("web", 1)
    owner.metadata.deletion_timestamp = ago(0)
    lost = pod("lost", owner="uid-web", labels={})
    claims = sort_out(owner, Selector.from_labels({"app": "web"}), [pod("orphan"), lost])
    assert claims.settled


def test_a_terminating_orphan_is_not_adopted() -> None:
    claims = sort_out(replica_set("web", 1), Selector.from_labels({"app": "web"}), [pod("p", deleting=True)])
    assert claims.settled


async def test_slow_start_doubles_its_batches() -> None:
    running, peaks = 0, []

    async def create() -> None:
        nonlocal running
        running += 1
        await asyncio.sleep(1)
        peaks.append(running)
        await asyncio.sleep(1)
        running -= 1

    assert await slow_start(10, create) == (10, None)
    assert sorted(set(peaks)) == [1, 2, 3, 4]


async def test_a_large_batch_is_not_all_under_way_at_once() -> None:
    running, most = 0, 0

    async def create() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(1)
        running -= 1

    assert await slow_start(500, create) == (500, None)
    assert most == AT_ONCE


async def test_slow_start_stops_after_the_first_batch_that_fails() -> None:
    calls = 0

    async def create() -> None:
        nonlocal calls
        calls += 1
        if calls >= 2:
            raise ValueError("quota")

    done, error = await slow_start(500, create)
    assert (calls, done, str(error)) == (3, 1, "quota")


def test_status_counts_what_is_there() -> None:
    owner = replica_set("web", 4)
    owner.spec.min_ready_seconds = 10
    pods = [
        pod("old", ready=60),
        pod("young", ready=5),
        pod("starting"),
    ]
    status = status_of(owner, pods, [pod("leaving", ready=60, deleting=True)], now=NOW)
    counts = (status.replicas, status.ready_replicas, status.available_replicas, status.terminating_replicas)
    assert counts == (3, 2, 1, 1)
    assert status.fully_labeled_replicas == 3


def test_a_failure_is_a_condition_until_it_is_over() -> None:
    owner = replica_set("web", 4)
    owner.status = status_of(owner, [], now=NOW, failure=("FailedCreate", "quota"))
    (condition,) = owner.status.conditions
    assert (condition.type, condition.status, condition.reason) == ("ReplicaFailure", "True", "FailedCreate")
    assert status_of(owner, [], now=NOW, failure=("FailedCreate", "other")).conditions == [condition]
    assert status_of(owner, [], now=NOW).conditions == []


def test_owner_references_of_other_controllers_are_theirs() -> None:
    foreign = pod("p")
    foreign.metadata.owner_references = owned_by("somebody", kind="Job")
    claims = sort_out(replica_set("web", 1), Selector.from_labels({"app": "web"}), [foreign])
    assert claims.settled and not claims.owned
