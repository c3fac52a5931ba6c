"""Scripts that a scheduler plays its part in: pods near others or far from them, pods that matter more."""

from __future__ import annotations

from typing import Any

from helpers.scheduling_histories import Scripts
from helpers.scheduling_scene import HOSTNAME, ZONE, Scene

from reconcile.api.core.v1 import Pod

WEB = {"app": "web"}
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


def near(labels: dict[str, str], *, key: str = ZONE, **more: Any) -> dict[str, Any]:
    """Affinity to pods with these labels."""
    return {"podAffinity": {REQUIRED: [_term(labels, key, more)]}}


def apart(labels: dict[str, str], *, key: str = HOSTNAME, **more: Any) -> dict[str, Any]:
    """Anti-affinity to pods with these labels."""
    return {"podAntiAffinity": {REQUIRED: [_term(labels, key, more)]}}


def _term(labels: dict[str, str], key: str, more: dict[str, Any]) -> dict[str, Any]:
    return {"labelSelector": {"matchLabels": labels}, "topologyKey": key, **more}


def spread(*, key: str = HOSTNAME, skew: int = 1, when: str = "DoNotSchedule", **more: Any) -> list[Any]:
    return [
        {
            "maxSkew": skew,
            "topologyKey": key,
            "whenUnsatisfiable": when,
            "labelSelector": {"matchLabels": WEB},
            **more,
        }
    ]


affinity = Scripts("affinity between pods")


@affinity
async def affinity_that_becomes_satisfiable(scene: Scene) -> None:
    await scene.node("node-a", zone="one")
    await scene.node("node-b", zone="two")
    await scene.settled()
    await scene.pod("follower", affinity=near(WEB))
    await scene.waits("follower")
    await scene.pod("stranger", labels={"app": "db"}, node_selector={ZONE: "one"})
    await scene.bound("stranger")
    await scene.settled()
    await scene.pod("leader", labels=WEB, node_selector={ZONE: "two"})
    await scene.bound("leader", "follower")


@affinity
async def the_first_of_a_series_starts_by_itself(scene: Scene) -> None:
    await scene.node("node-a", zone="one")
    await scene.settled()
    for name in ("one", "two"):
        await scene.pod(name, labels=WEB, affinity=near(WEB))
        await scene.bound(name)


@affinity
async def one_a_node_until_a_node_comes(scene: Scene) -> None:
    await scene.node("node-a")
    await scene.node("node-b")
    await scene.settled()
    for name in ("one", "two"):
        await scene.pod(name, labels=WEB, affinity=apart(WEB))
        await scene.bound(name)
    await scene.pod("three", labels=WEB, affinity=apart(WEB))
    await scene.waits("three")
    await scene.node("node-c")
    await scene.bound("three")


@affinity
async def who_kept_others_away_is_gone(scene: Scene) -> None:
    await scene.node("node-a")
    await scene.settled()
    await scene.pod("guard", labels={"app": "guard"}, affinity=apart(WEB))
    await scene.bound("guard")
    await scene.pod("web", labels=WEB)
    await scene.waits("web")
    await scene.delete("guard")
    await scene.bound("web")


@affinity
async def a_running_pod_changes_its_labels(scene: Scene) -> None:
    await scene.node("node-a", zone="one")
    await scene.settled()
    await scene.pod("there", labels={"app": "old"})
    await scene.bound("there")
    await scene.pod("follower", affinity=near(WEB))
    await scene.waits("follower")
    await scene.patch(Pod, "there", {"metadata": {"labels": {"irrelevant": "x"}}})
    await scene.settled()
    await scene.patch(Pod, "there", {"metadata": {"labels": WEB}})
    await scene.bound("follower")


@affinity
async def a_pod_that_was_hated_changes_its_labels(scene: Scene) -> None:
    await scene.node("node-a")
    await scene.settled()
    await scene.pod("there", labels=WEB)
    await scene.bound("there")
    await scene.pod("shy", affinity=apart(WEB))
    await scene.waits("shy")
    await scene.patch(Pod, "there", {"metadata": {"labels": {"app": "other"}}})
    await scene.bound("shy")


@affinity
async def a_node_gets_a_zone(scene: Scene) -> None:
    await scene.node("node-a", cpu="2")
    await scene.node("node-b", cpu="1")
    await scene.settled()
    await scene.pod("leader", labels=WEB, needs={"cpu": "1500m"})
    await scene.bound("leader")
    await scene.pod("follower", affinity=near(WEB))
    await scene.waits("follower")
    await scene.patch_node("node-b", labels={ZONE: "one"})
    await scene.settled()
    await scene.patch_node("node-a", labels={ZONE: "one"})
    await scene.bound("follower")


@affinity
async def near_some_and_rather_not_near_others(scene: Scene) -> None:
    for name in ("node-a", "node-b", "node-c"):
        await scene.node(name, labels={"only": name})
    await scene.settled()
    await scene.pod("web", labels=WEB, node_selector={"only": "node-a"})
    await scene.pod("db", labels={"app": "db"}, node_selector={"only": "node-b"})
    await scene.bound("web", "db")

    def wish(labels: dict[str, str]) -> list[Any]:
        return [{"weight": 100, "podAffinityTerm": _term(labels, HOSTNAME, {})}]

    wishes = {"podAffinity": {PREFERRED: wish(WEB)}, "podAntiAffinity": {PREFERRED: wish({"app": "db"})}}
    await scene.pod("p", affinity=wishes)
    await scene.bound("p")


spreads = Scripts("spreading")


@spreads
async def spread_that_waits_for_a_node(scene: Scene) -> None:
    await scene.node("node-a", zone="one")
    await scene.node("node-b", zone="two", cpu="1")
    await scene.settled()
    for name in ("one", "two"):
        await scene.pod(name, labels=WEB, needs={"cpu": "600m"}, topology_spread_constraints=spread(key=ZONE))
        await scene.bound(name)
    await scene.pod("three", labels=WEB, needs={"cpu": "600m"}, topology_spread_constraints=spread(key=ZONE))
    await scene.bound("three")
    # That a pod has its node is an event that may help others: it is to be seen before the next one comes.
    await scene.settled()
    await scene.pod("four", labels=WEB, needs={"cpu": "600m"}, topology_spread_constraints=spread(key=ZONE))
    await scene.waits("four")
    await scene.node("node-c", zone="two")
    await scene.bound("four")


@spreads
async def spread_that_a_deletion_helps(scene: Scene) -> None:
    await scene.node("node-a", zone="one")
    await scene.node("node-b", zone="two", cpu="100m")
    await scene.settled()
    constraint = spread(key=ZONE)
    await scene.pod("one", labels=WEB, needs={"cpu": "1"}, topology_spread_constraints=constraint)
    await scene.bound("one")
    await scene.pod("two", labels=WEB, needs={"cpu": "1"}, topology_spread_constraints=constraint)
    await scene.waits("two")
    await scene.delete("one")
    await scene.bound("two")


@spreads
async def fewer_zones_than_wanted(scene: Scene) -> None:
    await scene.node("node-a", zone="one")
    await scene.settled()
    constraint = spread(key=ZONE, minDomains=2)
    await scene.pod("one", labels=WEB, topology_spread_constraints=constraint)
    await scene.bound("one")
    await scene.pod("two", labels=WEB, topology_spread_constraints=constraint)
    await scene.waits("two")
    await scene.node("node-b", zone="two")
    await scene.bound("two")


@spreads
async def a_node_moves_to_another_zone(scene: Scene) -> None:
    await scene.node("node-a", zone="one", cpu="1")
    await scene.node("node-b", zone="two", cpu="100m")
    await scene.settled()
    await scene.pod("there", labels=WEB, needs={"cpu": "900m"})
    await scene.bound("there")
    await scene.node("node-c", zone="one", cpu="1")
    await scene.settled()
    await scene.pod("p", labels=WEB, needs={"cpu": "500m"}, topology_spread_constraints=spread(key=ZONE))
    await scene.waits("p")
    await scene.patch_node("node-c", labels={ZONE: "three"})
    await scene.bound("p")


@spreads
async def soft_spreading_over_nodes(scene: Scene) -> None:
    for name in ("node-a", "node-b", "node-c"):
        await scene.node(name)
    await scene.settled()
    constraint = spread(when="ScheduleAnyway")
    for number in range(6):
        await scene.pod(f"p{number}", labels=WEB, topology_spread_constraints=constraint)
        await scene.bound(f"p{number}")


@spreads
async def taints_that_are_honoured_when_pods_are_counted(scene: Scene) -> None:
    await scene.node("node-a", cpu="2")
    await scene.node("node-b", taints=["dedicated=db:NoSchedule"])
    await scene.settled()
    constraint = spread(nodeTaintsPolicy="Honor")
    for name in ("one", "two"):
        await scene.pod(name, labels=WEB, needs={"cpu": "500m"}, topology_spread_constraints=constraint)
        await scene.bound(name)
    ignoring = spread()
    await scene.pod("three", labels=WEB, needs={"cpu": "500m"}, topology_spread_constraints=ignoring)
    await scene.waits("three")
    await scene.patch_node("node-b", taints=[])
    await scene.bound("three")


@spreads
async def a_pod_of_a_service_is_spread_by_itself(scene: Scene) -> None:
    for name in ("node-a", "node-b"):
        await scene.node(name, zone="one")
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "namespace": scene.namespace},
    }
    await scene.create({**service, "spec": {"selector": WEB, "ports": [{"port": 80}]}})
    await scene.settled()
    for number in range(4):
        await scene.pod(f"p{number}", labels=WEB)
        await scene.bound(f"p{number}")


priorities = Scripts("priorities and preemption")


@priorities
async def who_matters_less_goes(scene: Scene) -> None:
    await scene.node("node-a", cpu="1")
    await scene.settled()
    await scene.pod("low", needs={"cpu": "800m"}, priority_class_name="low")
    await scene.bound("low")
    await scene.pod("high", needs={"cpu": "800m"}, priority_class_name="high")
    await scene.bound("high")
    await scene.gone("low")


@priorities
async def of_two_nodes_the_one_that_matters_less(scene: Scene) -> None:
    await scene.node("node-a", cpu="1", labels={"only": "a"})
    await scene.node("node-b", cpu="1", labels={"only": "b"})
    await scene.settled()
    await scene.pod("middle", needs={"cpu": "800m"}, node_selector={"only": "a"})
    await scene.pod("low", needs={"cpu": "800m"}, node_selector={"only": "b"}, priority_class_name="low")
    await scene.bound("middle", "low")
    await scene.pod("high", needs={"cpu": "800m"}, priority_class_name="high")
    await scene.bound("high")
    await scene.gone("low")


@priorities
async def the_smallest_that_is_enough_goes(scene: Scene) -> None:
    await scene.node("node-a", cpu="2")
    await scene.settled()
    for name, cpu in (("large", "1200m"), ("small", "700m")):
        await scene.pod(name, needs={"cpu": cpu}, priority_class_name="low")
        await scene.bound(name)
    await scene.pod("high", needs={"cpu": "700m"}, priority_class_name="high")
    await scene.bound("high")


@priorities
async def who_never_preempts_waits(scene: Scene) -> None:
    await scene.node("node-a", cpu="1")
    await scene.settled()
    await scene.pod("low", needs={"cpu": "800m"}, priority_class_name="low")
    await scene.bound("low")
    await scene.pod("polite", needs={"cpu": "800m"}, priority_class_name="polite")
    await scene.waits("polite")
    await scene.delete("low")
    await scene.bound("polite")


@priorities
async def nobody_matters_less(scene: Scene) -> None:
    await scene.node("node-a", cpu="1")
    await scene.settled()
    await scene.pod("high", needs={"cpu": "800m"}, priority_class_name="high")
    await scene.bound("high")
    await scene.pod("as-high", needs={"cpu": "800m"}, priority_class_name="high")
    await scene.waits("as-high")


@priorities
async def room_for_one_goes_to_who_matters_most(scene: Scene) -> None:
    await scene.node("node-a", cpu="1", taints=["closed:NoSchedule"])
    await scene.settled()
    for name, priority in (("low", "low"), ("higher", "higher"), ("high", "high")):
        await scene.pod(name, needs={"cpu": "800m"}, priority_class_name=priority)
        await scene.waits(name)
    await scene.patch_node("node-a", taints=[])
    await scene.bound("higher")
    await scene.waits("low", "high", saying="Insufficient cpu")


@priorities
async def a_budget_is_kept_where_that_is_possible(scene: Scene) -> None:
    await scene.node("node-a", cpu="1", labels={"only": "a"})
    await scene.node("node-b", cpu="1", labels={"only": "b"})
    await scene.settled()
    for name, where in (("guarded", "a"), ("free", "b")):
        selector = {"only": where}
        await scene.pod(
            name,
            labels={"app": name},
            needs={"cpu": "800m"},
            node_selector=selector,
            priority_class_name="low",
        )
    await scene.bound("guarded", "free")
    await scene.create(
        {
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": {"name": "guard", "namespace": scene.namespace},
            "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "guarded"}}},
        }
    )
    await scene.until(lambda: scene.status("guarded").get("phase") == "Running")
    await scene.settled()
    await scene.pod("high", needs={"cpu": "800m"}, priority_class_name="high")
    await scene.bound("high")
    await scene.gone("free")


@priorities
async def preemption_does_not_help_against_a_taint(scene: Scene) -> None:
    await scene.node("node-a", cpu="1")
    await scene.settled()
    await scene.pod("low", needs={"cpu": "800m"}, priority_class_name="low")
    await scene.bound("low")
    await scene.patch_node("node-a", taints=["closed:NoSchedule"])
    await scene.settled()
    await scene.pod("high", needs={"cpu": "800m"}, priority_class_name="high")
    await scene.waits("high")


@priorities
async def who_stands_in_the_way_by_its_port(scene: Scene) -> None:
    await scene.node("node-a")
    await scene.settled()
    await scene.pod("low", ports=[8080], priority_class_name="low")
    await scene.bound("low")
    await scene.pod("high", ports=[8080], priority_class_name="high")
    await scene.bound("high")


@priorities
async def who_stands_in_the_way_by_anti_affinity(scene: Scene) -> None:
    await scene.node("node-a")
    await scene.settled()
    await scene.pod("low", labels=WEB, priority_class_name="low")
    await scene.bound("low")
    await scene.pod("high", affinity=apart(WEB), priority_class_name="high")
    await scene.bound("high")


@priorities
async def a_victim_that_takes_its_time(scene: Scene) -> None:
    """The node is kept for who made room; who comes meanwhile and matters less does not get it."""
    await scene.node("node-a", cpu="1")
    await scene.settled()
    await scene.pod("low", needs={"cpu": "800m"}, priority_class_name="low", finalizers=["example.com/held"])
    await scene.bound("low")
    await scene.pod("high", needs={"cpu": "800m"}, priority_class_name="high")
    await scene.nominated("high")
    await scene.settled()
    await scene.pod("between", needs={"cpu": "100m"})
    await scene.bound("between")
    await scene.pod("late", needs={"cpu": "300m"})
    await scene.waits("late")
    await scene.patch(Pod, "low", {"metadata": {"finalizers": None}})
    await scene.bound("high")
    await scene.waits("late")


@priorities
async def who_matters_even_more_takes_the_nominated_node(scene: Scene) -> None:
    await scene.node("node-a", cpu="1")
    await scene.settled()
    await scene.pod("low", needs={"cpu": "800m"}, priority_class_name="low", finalizers=["example.com/held"])
    await scene.bound("low")
    await scene.pod("high", needs={"cpu": "800m"}, priority_class_name="high")
    await scene.nominated("high")
    await scene.settled()
    await scene.pod("higher", needs={"cpu": "800m"}, priority_class_name="higher")
    await scene.nominated("higher")
    await scene.settled()
    await scene.patch(Pod, "low", {"metadata": {"finalizers": None}})
    await scene.bound("higher")
    await scene.waits("high")


@priorities
async def a_node_nominated_from_outside(scene: Scene) -> None:
    """Somebody else writes `nominatedNodeName`: that node is tried first."""
    for name in ("node-a", "node-b", "node-c"):
        await scene.node(name, taints=["closed:NoSchedule"])
    await scene.settled()
    await scene.pod("p", needs={"cpu": "1"})
    await scene.waits("p")
    await scene.patch(Pod, "p", {"status": {"nominatedNodeName": "node-b"}}, subresource="status")
    await scene.settled()
    for name in ("node-c", "node-b"):
        await scene.patch_node(name, taints=[])
    await scene.bound("p")


@priorities
async def the_nominated_node_is_lost(scene: Scene) -> None:
    await scene.node("node-a", cpu="1")
    await scene.settled()
    await scene.pod("low", needs={"cpu": "800m"}, priority_class_name="low", finalizers=["example.com/held"])
    await scene.bound("low")
    await scene.pod("high", needs={"cpu": "800m"}, priority_class_name="high")
    await scene.nominated("high")
    await scene.settled()
    # Its kubelet has said that it ended, before there is no kubelet.
    await scene.until(lambda: scene.pods["low"]["metadata"].get("deletionGracePeriodSeconds") == 0)
    await scene.delete_node("node-a")
    await scene.settled()
    await scene.node("node-b", cpu="1")
    await scene.bound("high")
    await scene.patch(Pod, "low", {"metadata": {"finalizers": None}})
    await scene.gone("low")


PODS = (*affinity.all, *spreads.all, *priorities.all)
