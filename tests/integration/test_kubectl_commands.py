"""kubectl's commands against the embedded server, a new one for each test: what each says and what it did.

Most of them are typed clients inside, which send and ask for protobuf; others print, describe or patch.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.kubectl import Kubectl, serving_kubectl


@pytest.fixture
def kubectl(tmp_path: Path) -> Iterator[Kubectl]:
    with serving_kubectl(tmp_path) as kubectl:
        yield kubectl


SITE = ("deployment", "site", "--image=nginx:1", "--replicas=4", "--port=80")
BUDGET = ("pdb", "site", "--selector=app=site", "--min-available=50%")
SETTINGS = "{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {a: '%d'}}"
NODE = "{apiVersion: v1, kind: Node, metadata: {name: n1}}"
POD = (
    "{apiVersion: v1, kind: Pod, metadata: {name: %s, labels: {app: %s}}, spec: {nodeName: n1, "
    "terminationGracePeriodSeconds: 0, containers: [{name: c, image: x}]}}"
)


def value(kubectl: Kubectl, what: str, path: str) -> str:
    return kubectl("get", *what.split(), "-o", f"jsonpath={{{path}}}")


def set_status(kubectl: Kubectl, what: str, status: dict[str, Any]) -> None:
    """What a controller or a kubelet would do."""
    kubectl("patch", what, "--subresource=status", "--type=merge", "-p", json.dumps({"status": status}))


def test_create_makes_objects_of_many_kinds(kubectl: Kubectl) -> None:
    for arguments, said in (
        ("ns team", "namespace/team created"),
        ("deployment site --image=nginx:1 --replicas=2 --port=80", "deployment.apps/site created"),
        ("configmap settings --from-literal=a=1", "configmap/settings created"),
        ("secret generic pw --from-literal=password=x", "secret/pw created"),
        ("sa robot", "serviceaccount/robot created"),
        ("role reader --verb=get,list --resource=pods", "role.rbac.authorization.k8s.io/reader created"),
        (
            "rolebinding readers --role=reader --serviceaccount=default:robot",
            "rolebinding.rbac.authorization.k8s.io/readers created",
        ),
        ("job once --image=busybox -- true", "job.batch/once created"),
        ("cronjob often --image=busybox --schedule=@hourly -- true", "cronjob.batch/often created"),
        ("job now --from=cronjob/often", "job.batch/now created"),
        ("pdb site --selector=app=site --min-available=50%", "poddisruptionbudget.policy/site created"),
        ("ingress site --rule=a.example.com/=site:80", "ingress.networking.k8s.io/site created"),
        ("quota few --hard=pods=10", "resourcequota/few created"),
    ):
        assert kubectl("create", *arguments.split()) == f"{said}\n"
    assert "already exists" in kubectl("create", "ns", "team", good=False)
    assert kubectl("create", "token", "robot").count(".") == 2
    assert value(kubectl, "secret pw", ".data.password") == "eA=="
    assert value(kubectl, "deploy site", ".spec.template.spec.containers[0].ports[0].containerPort") == "80"
    assert value(kubectl, "pdb site", ".spec.minAvailable") == "50%"


def test_run_expose_and_set(kubectl: Kubectl) -> None:
    kubectl("create", *SITE)
    assert kubectl("run", "one", "--image=nginx:1", "--labels=app=one", "--port=80") == "pod/one created\n"
    assert kubectl("expose", "pod", "one", "--port=80") == "service/one exposed\n"
    assert kubectl("expose", "deploy", "site", "--port=80", "--target-port=web") == "service/site exposed\n"
    assert value(kubectl, "svc site", ".spec.ports[0].targetPort") == "web"
    assert "image updated" in kubectl("set", "image", "deploy/site", "nginx=nginx:2")
    assert "env updated" in kubectl("set", "env", "deploy/site", "A=b")
    assert "updated" in kubectl("set", "resources", "deploy/site", "--limits=cpu=1500m")
    assert value(kubectl, "deploy site", ".spec.template.spec.containers[0].resources.limits.cpu") == "1500m"
    assert "autoscaled" in kubectl("autoscale", "deploy", "site", "--max=5", "--cpu=80%")


def test_edit_patch_label_annotate_replace_and_diff(kubectl: Kubectl) -> None:
    kubectl("create", *SITE)
    kubectl("create", "-f", "-", stdin=SETTINGS % 1)
    assert "labeled" in kubectl("label", "deploy", "site", "tier=front")
    assert "annotated" in kubectl("annotate", "deploy", "site", "note=hello")
    editor = {**os.environ, "KUBE_EDITOR": "sed -i s/hello/bye/"}
    assert "edited" in kubectl("edit", "deploy", "site", environment=editor)
    assert value(kubectl, "deploy site", ".metadata.annotations.note") == "bye"
    assert "patched" in kubectl("patch", "deploy", "site", "-p", '{"spec":{"replicas":3}}')
    operation = json.dumps([{"op": "replace", "path": "/spec/replicas", "value": 4}])
    assert "patched" in kubectl("patch", "deploy", "site", "--type=json", "-p", operation)
    text = SETTINGS % 2
    different = kubectl("diff", "-f", "-", stdin=text, status=1)
    assert '-  a: "1"\n+  a: "2"\n' in different
    assert kubectl("replace", "-f", "-", stdin=text) == "configmap/settings replaced\n"
    assert kubectl("diff", "-f", "-", stdin=text) == ""


def test_get_in_every_form(kubectl: Kubectl) -> None:
    kubectl("create", *SITE)
    kubectl("expose", "deploy", "site", "--port=80")
    kubectl("create", "-f", "-", stdin=SETTINGS % 1)
    for name in "abcd":
        kubectl("create", "configmap", name)
    lines = kubectl("get", "deploy", "site", "-o", "wide").splitlines()
    assert lines[0].split()[:4] == ["NAME", "READY", "UP-TO-DATE", "AVAILABLE"]
    assert lines[1].split()[:2] == ["site", "0/4"] and "nginx:1" in lines[1]
    assert "replicas: 4" in kubectl("get", "deploy", "site", "-o", "yaml")
    assert json.loads(kubectl("get", "deploy", "site", "-o", "json"))["kind"] == "Deployment"
    columns = kubectl("get", "sa,cm", "-o", "custom-columns=:kind,:metadata.name", "--no-headers")
    assert ["ConfigMap", "settings"] in [line.split() for line in columns.splitlines()]
    assert kubectl("get", "cm", "-A", "--chunk-size=2", "-o", "name").count("configmap/") >= 5
    assert kubectl("get", "--raw", "/readyz") == "ok"
    assert "service/site" in kubectl("get", "all")


def test_auth(kubectl: Kubectl) -> None:
    kubectl("create", "role", "reader", "--verb=get,list", "--resource=pods")
    assert kubectl("auth", "can-i", "create", "pods") == "yes\n"
    assert "*.*" in kubectl("auth", "can-i", "--list")
    assert "system:masters" in kubectl("auth", "whoami")
    rules = (
        "{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, "
        "metadata: {name: reader, namespace: default}, "
        "rules: [{apiGroups: [''], resources: [pods], verbs: [get, watch]}]}"
    )
    assert "reconciled" in kubectl("auth", "reconcile", "-f", "-", stdin=rules)
    assert value(kubectl, "role reader", ".rules[*].verbs[*]").split() == ["get", "list", "watch"]


def test_a_node_is_tainted_cordoned_and_drained_as_budgets_allow(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", stdin=NODE)
    kubectl("create", "-f", "-", stdin=POD % ("free", "free"))
    assert kubectl("cordon", "n1") == "node/n1 cordoned\n"
    assert "SchedulingDisabled" in kubectl("get", "nodes")
    assert kubectl("uncordon", "n1") == "node/n1 uncordoned\n"
    assert kubectl("taint", "nodes", "n1", "a=b:NoSchedule") == "node/n1 tainted\n"
    assert "a=b:NoSchedule" in kubectl("describe", "node", "n1")
    assert kubectl("taint", "nodes", "n1", "a-") == "node/n1 untainted\n"
    assert "cannot delete" in kubectl("drain", "n1", good=False)
    drained = kubectl("drain", "n1", "--force", "--timeout=60s")
    assert "pod/free evicted" in drained and "node/n1 drained" in drained
    assert "not found" in kubectl("get", "pod", "free", good=False)
    # The budget has nothing to give: eviction is refused until the time is up.
    kubectl("create", *BUDGET)
    kubectl("create", "-f", "-", stdin=POD % ("kept", "site"))
    ready = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    set_status(kubectl, "pod/kept", ready)
    set_status(kubectl, "pdb/site", {"observedGeneration": 1, "disruptionsAllowed": 0})
    refused = kubectl("drain", "n1", "--force", "--timeout=1s", good=False)
    assert "violate the pod's disruption budget" in refused
    assert "kept" in kubectl("get", "pod", "kept")


def test_describe(kubectl: Kubectl) -> None:
    kubectl("run", "one", "--image=nginx:1", "--labels=app=one", "--port=80", "--expose")
    kubectl("create", *SITE)
    kubectl("set", "resources", "deploy/site", "--limits=cpu=1500m")
    kubectl("create", *BUDGET)
    kubectl("create", "-f", "-", stdin=NODE)
    kubectl("create", "-f", "-", stdin=POD % ("kept", "site"))
    kubectl("create", "rolebinding", "readers", "--role=reader", "--serviceaccount=default:robot")
    pod = kubectl("describe", "pod", "one")
    assert "Service Account:  default" in pod and "QoS Class:                   BestEffort" in pod
    deployment = kubectl("describe", "deployment", "site")
    assert "4 desired" in deployment and "1500m" in deployment
    service = kubectl("describe", "service", "one")
    assert "Selector:                 app=one" in service
    assert "Non-terminated Pods:          (1 in total)" in kubectl("describe", "node", "n1")
    assert "ServiceAccount  robot" in kubectl("describe", "rolebinding", "readers")
    assert "50%" in kubectl("describe", "pdb", "site")


def test_rollout(kubectl: Kubectl) -> None:
    """Of a Deployment whose ReplicaSets a controller would make: here the test makes them."""
    kubectl("create", *SITE)
    uid = value(kubectl, "deploy site", ".metadata.uid")
    for revision in (1, 2):
        replica_set = {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {
                "name": f"site-{revision}",
                "labels": {"app": "site"},
                "annotations": {"deployment.kubernetes.io/revision": str(revision)},
                "ownerReferences": [
                    {
                        "apiVersion": "apps/v1",
                        "kind": "Deployment",
                        "name": "site",
                        "uid": uid,
                        "controller": True,
                    }
                ],
            },
            "spec": {
                "replicas": 0,
                "selector": {"matchLabels": {"app": "site", "pod-template-hash": str(revision)}},
                "template": {
                    "metadata": {"labels": {"app": "site", "pod-template-hash": str(revision)}},
                    "spec": {"containers": [{"name": "nginx", "image": f"nginx:old{revision}"}]},
                },
            },
        }
        kubectl("create", "-f", "-", stdin=json.dumps(replica_set))
    kubectl("annotate", "deploy", "site", "deployment.kubernetes.io/revision=2")
    history = kubectl("rollout", "history", "deploy", "site")
    assert [line.split()[0] for line in history.splitlines()[2:] if line] == ["1", "2"]
    assert "nginx:old1" in kubectl("rollout", "history", "deploy", "site", "--revision=1")
    assert (
        kubectl("rollout", "undo", "deploy", "site", "--to-revision=1")
        == "deployment.apps/site rolled back\n"
    )
    assert value(kubectl, "deploy site", ".spec.template.spec.containers[0].image") == "nginx:old1"
    assert kubectl("rollout", "restart", "deploy", "site") == "deployment.apps/site restarted\n"
    assert kubectl("rollout", "pause", "deploy", "site") == "deployment.apps/site paused\n"
    assert value(kubectl, "deploy site", ".spec.paused") == "true"
    assert kubectl("rollout", "resume", "deploy", "site") == "deployment.apps/site resumed\n"


def test_wait_events_top_logs_and_what_there_is_not(kubectl: Kubectl) -> None:
    kubectl("run", "one", "--image=nginx:1")
    kubectl("create", *SITE)
    kubectl("create", "-f", "-", stdin=SETTINGS % 1)
    path = "--for=jsonpath={.spec.replicas}=4"
    assert "condition met" in kubectl("wait", path, "deploy/site", "--timeout=60s")
    assert "condition met" in kubectl("wait", "--for=create", "cm/settings", "--timeout=60s")
    assert "timed out" in kubectl(
        "wait", "--for=condition=Available", "deploy/site", "--timeout=1s", good=False
    )
    event = (
        "{apiVersion: events.k8s.io/v1, kind: Event, metadata: {name: e, namespace: default}, type: Warning, "
        "eventTime: '2026-01-02T03:04:05.000006Z', action: Testing, reason: Tested, note: Well done, "
        "reportingController: example.com/c, reportingInstance: i, "
        "regarding: {apiVersion: v1, kind: Pod, namespace: default, name: one}}"
    )
    kubectl("create", "-f", "-", stdin=event)
    assert "Warning   Tested   Pod/one" in kubectl("events")
    assert "Well done" in kubectl("get", "events", "--field-selector=reason=Tested")
    assert "Metrics API not available" in kubectl("top", "pods", good=False)
    assert kubectl("logs", "one") == ""
    assert "does not have a host assigned" in kubectl("exec", "one", "--", "ls", good=False)
    kubectl("debug", "one", "--image=busybox", "-c", "dbg")
    assert value(kubectl, "pod one", ".spec.ephemeralContainers[0].name") == "dbg"


def test_delete(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", stdin=SETTINGS % 1)
    kubectl("create", *SITE)
    kubectl("run", "one", "--image=nginx:1", "--port=80", "--expose")
    kubectl("create", "ns", "team")
    assert (
        kubectl("delete", "-f", "-", stdin=SETTINGS % 1)
        == 'configmap "settings" deleted from default namespace\n'
    )
    assert "deleted" in kubectl("delete", "deploy,svc", "--all")
    assert kubectl("get", "deploy", "-o", "name") == ""
    assert "force deleted" in kubectl("delete", "pod", "one", "--force")
    assert kubectl("delete", "ns", "team", "--timeout=60s") == 'namespace "team" deleted\n'
    assert "not found" in kubectl("get", "ns", "team", good=False)
