"""Which of upstream's end-to-end specs the embedded server is judged by, and why others are not.

A spec runs that one of `FOCUS` matches and none of `LEFT_OUT`; upstream's own labels leave out what is slow,
disruptive, flaky, or of a feature that is off by default. What no entry of `FOCUS` matches asks what runs in
containers, or the network and the disks of machines.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping

FOCUS = (
    r"\[sig-api-machinery\]",
    r"\[sig-auth\]",
    r"\[sig-instrumentation\] Events",
    r"\[sig-architecture\]",
    r"\[sig-apps\] (Deployment|ReplicaSet|ReplicationController|ControllerRevision|DisruptionController)",
    r"\[sig-apps\] CronJob should (support CronJob API|remove from active list)",
    r"\[sig-apps\] Daemon set .*should (list and delete|run and stop|verify changes|retry creat|not update)",
    r"\[sig-apps\] Job should (apply changes|manage the lifecycle|adopt matching|delete a job|not create "
    r"pods|delete pods when|remove pods when|allow to delegate|fail when exceeds active)",
    r"\[sig-apps\] Job should (run a job to completion when tasks succeed|fail to exceed backoffLimit)",
    r"\[sig-apps\] StatefulSet .*should (have a working scale|list, patch and delete|validate Statefulset)",
    r"\[sig-cli\] Kubectl client Kubectl (api-versions|apply|cluster-info should|create quota|diff|events)",
    r"\[sig-cli\] Kubectl client Kubectl (get comp|label|patch|prune|replace|run pod|server-side|taint)",
    r"\[sig-cli\] Kubectl client Kubectl (validation|version)",
    r"\[sig-cli\] Kubectl client Kubectl describe should check if kubectl describe prints relevant .*cronjob",
    r"\[sig-cli\] Kubectl client (Proxy server|kubectl subresource|kubectl wait)",
    r"\[sig-cli\] (Kubectl delete interactive|Kubectl rollout undo|kubectl kuberc)",
    r"\[sig-network\] (ServiceCIDR and IPAddress API|Ingress API|IngressClass API|Netpol API|API Server)",
    r"\[sig-network\] (EndpointSlice should (support creating|create|have)|EndpointSliceMirroring|Endpoints)",
    r"\[sig-network\] Services should (delete a collection|complete a service status|find a service from)",
    r"\[sig-network\] Services should (check NodePort|prevent NodePort)",
    r"\[sig-node\] (Lease|NodeLease|PodTemplates|Node Lifecycle)",
    r"\[sig-node\] Pods should (delete a collection|be updated|run through|patch a pod status|get a host IP)",
    r"\[sig-node\] Pods should support pod readiness",
    r"\[sig-node\] Pods Extended Pods Set QOS",
    r"\[sig-node\] RuntimeClass should (schedule|reject|support)",
    r"\[sig-node\] (ConfigMap|Secrets) should (fail to create|run through|update|patch)",
    r"\[sig-scheduling\] (LimitRange|SchedulerPreemption .*PriorityClass endpoints)",
    r"\[sig-scheduling\] SchedulerPredicates .*(NodeSelector|NodeAffinity|taints-tolerations|schedulingGate)",
    r"\[sig-storage\] (VolumeAttachment|CSINodes|CSIStorageCapacity|CSIInlineVolumes|VolumeAttributesClass) ?"
    r".*(API|lifecycle of|status)",
    r"\[sig-storage\] (PersistentVolumes|StorageClasses) CSI Conformance",
    r"\[sig-storage\] (PV|PVC) Protection",
)
# Features that are on by default though they are in beta.
LABELS = (
    "!Flaky && !Slow && !Disruptive && !Alpha && (!Beta || FeatureGate: containsAny {WatchList}) "
    "&& Feature: isEmpty"
)

LEFT_OUT: Mapping[str, str] = {
    r"Aggregator|OpenAPI V3 for Aggregated APIServer": "nothing is aggregated; the other is a container",
    r"API priority and fairness should ensure that requests": (
        "the embedded server queues nobody: its flow schemas are objects alone"
    ),
    r"health handlers": "it asks for the names of a kube-apiserver's own parts",
    r"OIDC discovery|RunAsUser|mount projected|mount an API token|by-node|should mount": (
        "what a process in a container sees"
    ),
    r"serve a basic image|should serve|should surface a failure": "a container serves, or fails to",
    r"proportional scaling": "a rollout to an image that cannot be pulled; hollow nodes pull every image",
    r"NodeAuthenticator|NodeAuthorizer": "asks a kubelet",
    r"pointing to API Server": (
        "a server at a loopback address publishes no endpoints of itself; nor does kube-apiserver there"
    ),
    r"multiple subsets and same IP address": "a container connects to what a Service leads to",
    r"componentstatuses": "the embedded server has no components whose health it would ask",
    r"unready pods": "a pod whose probe fails; a hollow pod's probes succeed",
    r"load-balancer": "a cloud's",
}


def skip() -> str:
    """`-ginkgo.skip` for what is left out."""
    return "|".join(LEFT_OUT)


def focus() -> str:
    """`-ginkgo.focus` for what runs."""
    return "|".join(FOCUS)


def left_out(names: Iterable[str]) -> Counter[str]:
    """How many of the specs that were skipped were left out here, by reason."""
    wanted = re.compile(focus())
    counts: Counter[str] = Counter()
    for name in names:
        if wanted.search(name):
            counts[
                next((why for what, why in LEFT_OUT.items() if re.search(what, name)), "upstream's labels")
            ] += 1
    return counts
