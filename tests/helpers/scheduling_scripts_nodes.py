"""Scripts that a scheduler plays its part in: filters, and what helps a pod that waits."""

from __future__ import annotations

from helpers.scheduling_histories import Scripts
from helpers.scheduling_scene import Scene

from reconcile.api.core.v1 import Pod

fits = Scripts("resources")


@fits
async def one_pod_one_node(scene: Scene) -> None:
    await scene.node("node-a")
    await scene.settled()
    await scene.pod("p", needs={"cpu": "1"})
    await scene.bound("p")


@fits
async def too_large_until_a_node_comes(scene: Scene) -> None:
    await scene.node("node-a", cpu="1")
    await scene.settled()
    await scene.pod("p", needs={"cpu": "2"})
    await scene.waits("p")
    await scene.node("node-small", cpu="1500m")
    await scene.settled()
    await scene.node("node-b", cpu="3")
    await scene.bound("p")


@fits
async def a_pod_deleted_frees_room(scene: Scene) -> None:
    await scene.node("node-a", cpu="2")
    await scene.settled()
    await scene.pod("first", needs={"cpu": "1500m"})
    await scene.bound("first")
    await scene.pod("second", needs={"cpu": "1"})
    await scene.waits("second")
    await scene.delete("first")
    await scene.bound("second")


@fits
async def a_pod_that_has_no_node_frees_nothing(scene: Scene) -> None:
    await scene.node("node-a", cpu="2")
    await scene.settled()
    for name in ("first", "second"):
        await scene.pod(name, needs={"cpu": "3"})
        await scene.waits(name)
    await scene.delete("first")
    await scene.settled()


@fits
async def a_node_is_resized(scene: Scene) -> None:
    await scene.node("node-a", cpu="1")
    await scene.settled()
    await scene.pod("p", needs={"cpu": "2"})
    await scene.waits("p")
    await scene.patch_node("node-a", allocatable={"cpu": "1500m", "memory": "16Gi", "pods": "110"})
    await scene.settled()
    await scene.patch_node("node-a", allocatable={"cpu": "4", "memory": "16Gi", "pods": "110"})
    await scene.bound("p")


@fits
async def a_finished_pod_frees_room(scene: Scene) -> None:
    await scene.node("node-a", cpu="1")
    await scene.settled()
    await scene.pod("job", needs={"cpu": "1"}, restart_policy="Never")
    await scene.bound("job")
    await scene.pod("p", needs={"cpu": "1"})
    await scene.waits("p")
    await scene.patch(Pod, "job", {"status": {"phase": "Succeeded"}}, subresource="status")
    await scene.bound("p")


@fits
async def too_many_pods_for_a_node(scene: Scene) -> None:
    await scene.node("node-a", pods="2")
    await scene.settled()
    for name in ("a", "b"):
        await scene.pod(name)
        await scene.bound(name)
    await scene.pod("c")
    await scene.waits("c")
    await scene.delete("a")
    await scene.bound("c")


@fits
async def devices_of_one_node_only(scene: Scene) -> None:
    await scene.node("node-plain")
    await scene.node("node-gpu", gpu="1")
    await scene.settled()
    await scene.pod("first", needs={"example.com/gpu": "1"})
    await scene.bound("first")
    await scene.pod("second", needs={"example.com/gpu": "1", "cpu": "100m"})
    await scene.waits("second")
    await scene.node("node-more", gpu="2")
    await scene.bound("second")


@fits
async def several_resources_missing_at_once(scene: Scene) -> None:
    await scene.node("node-a", cpu="1", memory="1Gi")
    await scene.node("node-b", cpu="8", memory="1Gi")
    await scene.node("node-c", cpu="1", memory="64Gi")
    await scene.settled()
    await scene.pod("p", needs={"cpu": "2", "memory": "2Gi", "ephemeral-storage": "1Gi"})
    await scene.waits("p")


@fits
async def init_containers_at_their_hungriest(scene: Scene) -> None:
    await scene.node("node-a", cpu="2")
    await scene.settled()
    main = {"name": "main", "image": "web", "resources": {"requests": {"cpu": "500m"}}}
    first = {"name": "first", "image": "web", "resources": {"requests": {"cpu": "3"}}}
    await scene.pod("large", containers=[main], init_containers=[first])
    await scene.waits("large")
    first = {**first, "resources": {"requests": {"cpu": "2"}}}
    await scene.pod("small", containers=[main], init_containers=[first])
    await scene.bound("small")


@fits
async def a_running_pod_gives_up_room(scene: Scene) -> None:
    await scene.node("node-a", cpu="2")
    await scene.settled()
    await scene.pod("first", needs={"cpu": "1500m"})
    await scene.bound("first")
    await scene.pod("second", needs={"cpu": "1"})
    await scene.waits("second")
    less = {"name": "main", "resources": {"requests": {"cpu": "1"}}}
    await scene.patch(Pod, "first", {"spec": {"containers": [less]}}, subresource="resize", type="strategic")
    await scene.bound("second")


@fits
async def a_port_of_the_host_is_taken(scene: Scene) -> None:
    await scene.node("node-a")
    await scene.settled()
    await scene.pod("first", ports=[8080])
    await scene.bound("first")
    await scene.pod("other-port", ports=[9090])
    await scene.bound("other-port")
    await scene.pod("second", ports=[8080])
    await scene.waits("second")
    await scene.delete("other-port")
    await scene.settled()
    await scene.delete("first")
    await scene.bound("second")


@fits
async def no_node_at_all_that_is_ready(scene: Scene) -> None:
    await scene.pod("p", needs={"cpu": "1"})
    await scene.waits("p")
    await scene.node("node-a")
    await scene.bound("p")


taints = Scripts("taints, cordons, labels")


@taints
async def a_taint_that_is_taken_away(scene: Scene) -> None:
    await scene.node("node-a", taints=["dedicated=db:NoSchedule"])
    await scene.settled()
    await scene.pod("p")
    await scene.waits("p")
    await scene.patch_node("node-a", taints=["dedicated=web:NoSchedule"])
    await scene.settled()
    await scene.patch_node("node-a", taints=[])
    await scene.bound("p")


@taints
async def a_taint_that_is_added(scene: Scene) -> None:
    await scene.node("node-a")
    await scene.settled()
    await scene.pod("before")
    await scene.bound("before")
    await scene.patch_node("node-a", taints=["dedicated=db:NoSchedule"])
    await scene.settled()
    await scene.pod("after")
    await scene.waits("after")
    tolerant = [{"key": "dedicated", "operator": "Equal", "value": "db", "effect": "NoSchedule"}]
    await scene.pod("tolerant", tolerations=tolerant)
    await scene.bound("tolerant")


@taints
async def a_toleration_that_is_added_to_a_pod(scene: Scene) -> None:
    await scene.node("node-a", taints=["dedicated=db:NoSchedule"])
    await scene.settled()
    await scene.pod("p")
    await scene.waits("p")
    more = [*scene.pods["p"]["spec"]["tolerations"], {"key": "dedicated", "operator": "Exists"}]
    await scene.patch(Pod, "p", {"spec": {"tolerations": more}})
    await scene.bound("p")


@taints
async def rather_not_is_taken_last(scene: Scene) -> None:
    await scene.node("node-rather-not", taints=["slow:PreferNoSchedule"])
    await scene.node("node-fine", cpu="1")
    await scene.settled()
    for name in ("a", "b"):
        await scene.pod(name, needs={"cpu": "600m"})
        await scene.bound(name)


@taints
async def a_node_is_cordoned_and_uncordoned(scene: Scene) -> None:
    await scene.node("node-a")
    await scene.settled()
    await scene.patch_node("node-a", unschedulable=True)
    await scene.settled()
    await scene.pod("p")
    await scene.waits("p")
    await scene.patch_node("node-a", labels={"irrelevant": "label"})
    await scene.settled()
    await scene.patch_node("node-a", unschedulable=None)
    await scene.bound("p")


@taints
async def a_node_is_drained(scene: Scene) -> None:
    await scene.node("node-a", cpu="2")
    await scene.settled()
    for name in ("one", "two"):
        await scene.pod(name, needs={"cpu": "500m"})
        await scene.bound(name)
    await scene.node("node-b", cpu="1")
    await scene.patch_node("node-a", unschedulable=True)
    await scene.settled()
    for name in ("one", "two"):
        await scene.client.evict(f"{scene.namespace}/{name}")
        await scene.gone(name)
        await scene.pod(f"{name}-again", needs={"cpu": "500m"})
        await scene.bound(f"{name}-again")
    await scene.pod("three", needs={"cpu": "500m"})
    await scene.waits("three")


@taints
async def a_cordoned_node_and_who_tolerates_that(scene: Scene) -> None:
    await scene.node("node-a", unschedulable=True)
    await scene.settled()
    await scene.pod("p")
    await scene.waits("p")
    everything = [{"operator": "Exists"}]
    await scene.pod("daemon", tolerations=everything, node_selector={"kubernetes.io/hostname": "node-a"})
    await scene.bound("daemon")


@taints
async def a_label_that_a_pod_selects(scene: Scene) -> None:
    await scene.node("node-a")
    await scene.node("node-b")
    await scene.settled()
    await scene.pod("p", node_selector={"disk": "ssd"})
    await scene.waits("p")
    await scene.patch_node("node-a", labels={"disk": "hdd"})
    await scene.settled()
    await scene.patch_node("node-b", labels={"disk": "ssd"})
    await scene.bound("p")


@taints
async def affinity_to_nodes_required_and_preferred(scene: Scene) -> None:
    for name, size in (("node-a", "1"), ("node-b", "5"), ("node-c", "9")):
        await scene.node(name, labels={"size": size})
    await scene.settled()

    def terms(*terms: object) -> dict[str, object]:
        return {"nodeSelectorTerms": [{"matchExpressions": [term]} for term in terms]}

    required = terms({"key": "size", "operator": "Gt", "values": ["4"]})
    wish = {
        "weight": 100,
        "preference": {"matchExpressions": [{"key": "size", "operator": "In", "values": ["9"]}]},
    }
    affinity = {
        "requiredDuringSchedulingIgnoredDuringExecution": required,
        "preferredDuringSchedulingIgnoredDuringExecution": [wish],
    }
    await scene.pod("p", affinity={"nodeAffinity": affinity})
    await scene.bound("p")
    nowhere = {
        "requiredDuringSchedulingIgnoredDuringExecution": terms(
            {"key": "size", "operator": "Lt", "values": ["1"]}
        )
    }
    await scene.pod("nowhere", affinity={"nodeAffinity": nowhere})
    await scene.waits("nowhere")
    await scene.patch_node("node-a", labels={"size": "0"})
    await scene.bound("nowhere")


@taints
async def a_pod_that_names_its_nodes_by_field(scene: Scene) -> None:
    await scene.node("node-a")
    await scene.node("node-b")
    await scene.settled()

    def at(*nodes: str) -> dict[str, object]:
        field = {"key": "metadata.name", "operator": "In", "values": list(nodes)}
        term = {"nodeSelectorTerms": [{"matchFields": [field]}]}
        return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": term}}

    await scene.pod("daemon", affinity=at("node-b"))
    await scene.bound("daemon")
    await scene.pod("lost", affinity=at("node-z"))
    await scene.waits("lost")
    await scene.pod("large", affinity=at("node-a"), needs={"cpu": "64"})
    await scene.waits("large")
    await scene.node("node-z")
    await scene.bound("lost")


@taints
async def a_selector_that_does_not_parse(scene: Scene) -> None:
    await scene.node("node-a", labels={"size": "1"})
    await scene.settled()
    bad = {"key": "size", "operator": "Gt", "values": ["many"]}
    required = {"nodeSelectorTerms": [{"matchExpressions": [bad]}]}
    await scene.pod(
        "p", affinity={"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}
    )
    await scene.waits("p")
    await scene.pod("q")
    await scene.bound("q")


@taints
async def a_wish_that_does_not_parse(scene: Scene) -> None:
    await scene.node("node-a", labels={"size": "1"})
    await scene.node("node-b", labels={"size": "1"})
    await scene.settled()
    bad = {"matchExpressions": [{"key": "size", "operator": "Gt", "values": ["many"]}]}
    wish = [{"weight": 1, "preference": bad}]
    await scene.pod("p", affinity={"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": wish}})
    await scene.until(lambda: scene.told("p", "FailedScheduling") or scene.told("p", "Scheduled"))
    await scene.pod("q")
    await scene.bound("q")


@taints
async def a_node_that_is_lost_and_comes_back(scene: Scene) -> None:
    await scene.node("node-a", cpu="1")
    await scene.settled()
    await scene.delete_node("node-a")
    await scene.settled()
    await scene.pod("p")
    await scene.waits("p")
    await scene.node("node-a", cpu="1")
    await scene.bound("p")


gates = Scripts("gates and names")


@gates
async def a_gate_that_is_lifted(scene: Scene) -> None:
    await scene.node("node-a")
    await scene.settled()
    await scene.pod("p", scheduling_gates=[{"name": "example.com/wait"}])
    await scene.settled()
    await scene.patch(Pod, "p", {"spec": {"schedulingGates": []}})
    await scene.bound("p")


@gates
async def two_gates_lifted_one_by_one(scene: Scene) -> None:
    await scene.node("node-a")
    await scene.settled()
    await scene.pod("p", scheduling_gates=[{"name": "example.com/one"}, {"name": "example.com/two"}])
    await scene.settled()
    await scene.patch(Pod, "p", {"spec": {"schedulingGates": [{"name": "example.com/two"}]}})
    await scene.settled()
    await scene.patch(Pod, "p", {"spec": {"schedulingGates": []}})
    await scene.bound("p")


@gates
async def a_gated_pod_takes_no_room(scene: Scene) -> None:
    await scene.node("node-a", cpu="1")
    await scene.settled()
    await scene.pod("gated", needs={"cpu": "1"}, scheduling_gates=[{"name": "example.com/wait"}])
    await scene.pod("free", needs={"cpu": "1"})
    await scene.bound("free")
    await scene.patch(Pod, "gated", {"spec": {"schedulingGates": []}})
    await scene.waits("gated", saying="Insufficient cpu")
    await scene.delete("free")
    await scene.bound("gated")


@gates
async def a_gated_pod_that_is_deleted(scene: Scene) -> None:
    await scene.node("node-a")
    await scene.settled()
    await scene.pod("p", scheduling_gates=[{"name": "example.com/wait"}])
    await scene.settled()
    await scene.delete("p")


@gates
async def gates_and_a_node_selector_that_is_narrowed(scene: Scene) -> None:
    await scene.node("node-a", labels={"disk": "ssd"})
    await scene.node("node-b", labels={"disk": "hdd"})
    await scene.settled()
    await scene.pod("p", scheduling_gates=[{"name": "example.com/wait"}])
    await scene.settled()
    await scene.patch(Pod, "p", {"spec": {"nodeSelector": {"disk": "hdd"}}})
    await scene.patch(Pod, "p", {"spec": {"schedulingGates": []}})
    await scene.bound("p")


@gates
async def a_scheduler_that_nobody_is(scene: Scene) -> None:
    await scene.node("node-a")
    await scene.settled()
    await scene.pod("nobodys", scheduler_name="somebody-else")
    await scene.pod("ours")
    await scene.bound("ours")
    await scene.settled()


@gates
async def a_pod_that_has_its_node_from_the_start(scene: Scene) -> None:
    await scene.node("node-a", cpu="1")
    await scene.settled()
    await scene.pod(
        "there", node_name="node-a", needs={"cpu": "800m"}, annotations={"bound-by": "its author"}
    )
    await scene.until(lambda: scene.status("there").get("phase") == "Running")
    await scene.pod("p", needs={"cpu": "500m"})
    await scene.waits("p")


@gates
async def a_pod_that_somebody_else_binds(scene: Scene) -> None:
    await scene.node("node-a", taints=["dedicated=db:NoSchedule"])
    await scene.settled()
    await scene.pod("p", needs={"cpu": "3"}, annotations={"bound-by": "somebody else"})
    await scene.waits("p")
    await scene.client.bind(f"{scene.namespace}/p", "node-a")
    await scene.until(lambda: bool(scene.node_of("p")))
    everything = [{"operator": "Exists"}]
    await scene.pod(
        "q", needs={"cpu": "2"}, tolerations=everything, node_selector={"kubernetes.io/hostname": "node-a"}
    )
    await scene.waits("q")


@gates
async def a_pod_that_is_going_is_not_placed(scene: Scene) -> None:
    await scene.node("node-a", cpu="1")
    await scene.settled()
    await scene.pod("p", needs={"cpu": "2"}, finalizers=["example.com/held"])
    await scene.waits("p")
    await scene.client.delete(Pod, f"{scene.namespace}/p")
    await scene.until(lambda: bool(scene.pods["p"]["metadata"].get("deletionTimestamp")))
    await scene.settled()
    await scene.patch_node("node-a", allocatable={"cpu": "4", "memory": "8Gi", "pods": "110"})
    await scene.until(
        lambda: any("skip schedule deleting pod" in event.get("note", "") for event in scene.events.values())
    )
    await scene.patch(Pod, "p", {"metadata": {"finalizers": None}})
    await scene.gone("p")


@gates
async def a_pod_made_anew_under_its_name(scene: Scene) -> None:
    await scene.node("node-a", cpu="1")
    await scene.settled()
    await scene.pod("p", needs={"cpu": "2"})
    await scene.waits("p")
    await scene.delete("p")
    await scene.pod("p", needs={"cpu": "1"})
    await scene.bound("p")


NODES = (*fits.all, *taints.all, *gates.all)
