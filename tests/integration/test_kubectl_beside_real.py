"""kubectl says the same before the embedded server and before a real one: status, output, errors."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from helpers.kubectl_script import Step, run
from helpers.serving import embedded_in_thread

from reconcile.testing.control_plane import ControlPlane
from reconcile.testing.control_plane.build import ensure_binaries

WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: %d
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: web
          image: "nginx:%d"
          ports: [{containerPort: 80, name: http}]
          resources: {limits: {cpu: 100m}}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: http}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: conf}
data: {a: "1", b: |
    several
    lines
    }
"""
CONF = "{apiVersion: v1, kind: ConfigMap, metadata: {name: %s}, data: {a: '%s'}}"
NODE = """
{apiVersion: v1, kind: Node, metadata: {name: script-node, labels: {zone: a}},
 status: {capacity: {cpu: "4", memory: 8Gi, pods: "110"}, addresses: [{type: InternalIP, address: 127.0.0.1}],
          daemonEndpoints: {kubeletEndpoint: {Port: 1}}}}
"""
POD = """
{apiVersion: v1, kind: Pod, metadata: {name: %s, labels: {app: %s}},
 spec: {%sterminationGracePeriodSeconds: 0, containers: [{name: main, image: a:1}, {name: side, image: b:1}]}}
"""
CRD = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: gadgets.script.example.com}
spec:
  group: script.example.com
  scope: Namespaced
  names: {plural: gadgets, kind: Gadget, shortNames: [gd], categories: [all]}
  versions:
    - name: v1
      served: true
      storage: true
      subresources: {status: {}, scale: {specReplicasPath: .spec.count, statusReplicasPath: .status.count}}
      additionalPrinterColumns:
        - {name: Size, type: string, jsonPath: .spec.size}
        - {name: Age, type: date, jsonPath: .metadata.creationTimestamp}
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              description: What is wanted.
              required: [size]
              properties:
                size: {type: string, enum: [small, large], description: How large it is.}
                count: {type: integer, minimum: 0, maximum: 5, default: 1}
            status: {type: object, properties: {count: {type: integer}}}
          x-kubernetes-validations:
            - {rule: "self.spec.size != 'large' || self.spec.count < 4", message: large ones are few}
"""
GADGET = "{apiVersion: script.example.com/v1, kind: Gadget, metadata: {name: %s}, spec: %s}"
EVENT = """
{apiVersion: events.k8s.io/v1, kind: Event, metadata: {name: e, namespace: script}, type: Warning,
 eventTime: "2026-01-02T03:04:05.000006Z", action: Testing, reason: Tested, note: Well done,
 reportingController: example.com/c, reportingInstance: i,
 regarding: {apiVersion: v1, kind: Pod, namespace: script, name: one}}
"""
BUDGET = """
{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: kept}, spec: {minAvailable: 1,
 selector: {matchLabels: {app: kept}}}}
"""
ROLLED_OUT = (
    '{"status":{"observedGeneration":99,"replicas":5,"updatedReplicas":5,"readyReplicas":5,'
    '"availableReplicas":5}}'
)
BACKGROUND = "--cascade=background"

STEPS = [
    Step("create ns script"),
    Step("create ns script"),
    Step("wait --for=create serviceaccount/default --timeout=60s"),
    Step("wait --for=create cm/kube-root-ca.crt --timeout=60s"),
    # apply, and what it says when there is nothing to do
    Step("apply -f -", WEB % (2, 1)),
    Step("apply -f -", WEB % (2, 1)),
    Step("diff -f -", WEB % (3, 2)),
    Step("apply -f - --dry-run=server", WEB % (3, 2)),
    Step("apply -f -", WEB % (3, 2)),
    Step("apply view-last-applied cm/conf"),
    Step("apply --server-side -f -", CONF % ("ssa", 1)),
    Step("apply --server-side --field-manager=two -f -", CONF % ("ssa", 2)),
    Step("apply --server-side --field-manager=two --force-conflicts -f -", CONF % ("ssa", 2)),
    Step("get cm ssa -o yaml --show-managed-fields"),
    Step("apply -f -", "{apiVersion: v1, kind: ConfigMap, metadata: {name: wrong}, datta: {a: b}}"),
    Step(
        "apply -f - --validate=ignore",
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: wrong}, datta: {}}",
    ),
    Step("apply -f -", CONF % ("UPPER_case", 1)),
    Step("create -f -", CONF % ("conf", 1)),
    # get, in its forms
    Step("get deploy"),
    Step("get deploy,svc,cm -o wide"),
    Step("get all"),
    Step("get deploy web -o yaml"),
    Step("get svc web -o json"),
    Step("get cm -o name"),
    Step("get cm -l app=web"),
    Step("get cm nothing"),
    Step("get nothing"),
    Step("get deploy -o jsonpath={.items[*].spec.replicas}"),
    Step("get deploy -o custom-columns=NAME:.metadata.name,IMAGE:.spec.template.spec.containers[*].image"),
    Step("get deploy --show-labels --sort-by=.metadata.name"),
    Step("get cm --field-selector=metadata.name=conf --chunk-size=1"),
    Step("get cm --field-selector=data.a=1"),
    Step("get cm -l a==b,,"),
    Step("get --raw /readyz"),
    Step("get --raw /nothing"),
    Step("describe deploy web"),
    Step("describe svc web"),
    Step("describe cm conf"),
    Step("describe ns script"),
    # change
    Step("edit deploy web", editor="s/tier/tier/"),
    Step("edit cm conf", editor="s/several/many/"),
    Step('patch deploy web -p {"spec":{"replicas":4}}'),
    Step('patch deploy web -p {"spec":{"template":{"spec":{"containers":[{"name":"web","image":"x:3"}]}}}}'),
    Step('patch deploy web --type=json -p [{"op":"test","path":"/spec/replicas","value":9}]'),
    Step('patch deploy web --type=json -p [{"op":"replace","path":"/spec/replicas","value":5}]'),
    Step('patch deploy web --type=merge -p {"spec":{"selector":{"matchLabels":{"app":"other"}}}}'),
    Step("patch cm nothing -p {}"),
    Step("scale deploy web --replicas=5"),
    Step("scale deploy web --replicas=2 --current-replicas=1"),
    Step("set image deploy/web web=nginx:4"),
    Step("set env deploy/web A=b"),
    Step("set resources deploy/web --limits=cpu=200m"),
    Step("label cm conf x=y"),
    Step("label cm conf x=z"),
    Step("label cm conf x=z --overwrite"),
    Step("label cm conf x-"),
    Step("annotate cm conf note=hello"),
    Step("annotate cm conf note=bye"),
    Step("replace -f -", CONF % ("conf", 9)),
    Step("replace -f -", CONF % ("nothing", 9)),
    Step("get deploy web -o jsonpath={.spec}"),
    # rollout
    Step(f"patch deploy web --subresource=status --type=merge -p {ROLLED_OUT}"),
    Step("rollout status deploy/web --timeout=60s"),
    Step("rollout pause deploy/web"),
    Step("rollout pause deploy/web"),
    Step("rollout resume deploy/web"),
    Step("rollout history deploy/web"),
    Step("rollout undo deploy/web"),
    Step("rollout restart deploy/web"),
    Step("wait --for=jsonpath={.spec.replicas}=5 deploy/web --timeout=60s"),
    Step("autoscale deploy web --max=5 --cpu=80%"),
    Step("get hpa web -o yaml"),
    Step("expose deploy web --port=81 --name=again"),
    # make
    Step("create deployment site --image=nginx:1 --replicas=2 --port=80"),
    Step("create configmap settings --from-literal=a=1"),
    Step("create secret generic pw --from-literal=password=x"),
    Step("get secret pw -o yaml"),
    Step("describe secret pw"),
    Step("create sa robot"),
    Step("create role reader --verb=get,list --resource=pods"),
    Step("create rolebinding readers --role=reader --serviceaccount=script:robot"),
    Step("describe rolebinding readers"),
    Step("create job once --image=busybox -- true"),
    Step("get job once -o yaml"),
    Step("create cronjob often --image=busybox --schedule=@hourly -- true"),
    Step("create cronjob wrong --image=busybox --schedule=never -- true"),
    Step("create ingress site --rule=a.example.com/=site:80"),
    Step("describe ingress site"),
    Step("create quota few --hard=services.loadbalancers=3"),
    Step("run one --image=nginx:1 --labels=app=one --port=80"),
    Step("get pod one -o yaml"),
    Step("get pods -o wide"),
    Step("describe pod one"),
    Step("run one --image=nginx:1"),
    # explain, discovery, access
    Step("explain deploy.spec.replicas"),
    Step("explain pod --recursive"),
    Step("explain pod.spec.nothing"),
    Step("api-resources --no-headers --sort-by=name", without="example.com"),
    Step("api-resources --namespaced=false -o name --api-group=apps"),
    Step("api-versions", without="example.com"),
    Step("auth can-i create pods"),
    Step("auth can-i get nothing"),
    # a custom kind
    Step("apply -f -", CRD),
    Step("wait --for=condition=Established crd/gadgets.script.example.com --timeout=60s"),
    Step("apply -f -", GADGET % ("g", "{size: small}")),
    # A real server finds errors of several fields in no order of its own.
    Step("apply -f -", GADGET % ("bad", "{size: huge}")),
    Step("apply -f -", GADGET % ("bad", "{size: small, count: 9}")),
    Step("apply -f -", GADGET % ("bad", "{size: large, count: 4}")),
    Step("apply -f -", GADGET % ("bad", "{size: small, more: 1}")),
    Step("get gd"),
    Step("get gadgets.script.example.com g -o yaml"),
    Step("describe gadget g"),
    Step("scale gd g --replicas=3"),
    Step('patch gd g --type=merge -p {"spec":{"count":7}}'),
    Step('patch gd g -p {"spec":{"count":2}}'),
    Step('patch gd g --type=merge --subresource=status -p {"status":{"count":2}}'),
    Step("explain gadget.spec"),
    Step("get crd gadgets.script.example.com"),
    Step("describe crd gadgets.script.example.com"),
    Step("delete crd gadgets.script.example.com --timeout=60s"),
    Step("get gd"),
    # nodes, and what has no kubelet behind it
    Step("create -f -", NODE),
    Step("replace --subresource=status -f -", NODE),
    Step("describe node script-node"),
    Step("apply -f -", POD % ("free", "free", "nodeName: script-node, ")),
    Step("apply -f -", POD % ("unbound", "unbound", "")),
    Step("logs unbound -c main"),
    Step("logs unbound -c nothing"),
    Step("logs unbound"),
    Step("exec unbound -c main -- ls"),
    Step("attach unbound -c main"),
    Step("port-forward pod/unbound 18999:80"),
    Step("logs free -c main"),
    Step("exec free -c main -- ls"),
    Step("cp free:/etc/hosts /tmp/reconcile-hosts -c main"),
    Step("logs nothing"),
    Step("exec nothing -- ls"),
    Step("top pods"),
    Step("top nodes"),
    Step("debug free --image=busybox -c dbg"),
    Step("cordon script-node"),
    Step("get node script-node"),
    Step("uncordon script-node"),
    Step("taint nodes script-node a=b:NoSchedule"),
    Step("taint nodes script-node a-"),
    Step("drain script-node"),
    Step("apply -f -", BUDGET),
    Step("apply -f -", POD % ("kept", "kept", "nodeName: script-node, ")),
    Step(
        "patch pod kept --subresource=status --type=merge -p "
        '{"status":{"phase":"Running","conditions":[{"type":"Ready","status":"True"}]}}'
    ),
    Step(
        "patch pdb kept --subresource=status --type=merge -p "
        '{"status":{"observedGeneration":1,"disruptionsAllowed":0}}'
    ),
    Step("get pods"),
    # events
    Step("create -f -", EVENT),
    Step("events"),
    Step("get events --field-selector=reason=Tested"),
    # delete
    Step("delete cm conf"),
    Step("delete cm conf"),
    Step("delete cm conf --ignore-not-found"),
    Step(f"delete deploy,svc --all {BACKGROUND}", any_order=True),
    Step("delete pod free --force"),
    Step("delete pod kept --wait=false"),
    Step("get pod kept"),
    Step("delete pod kept --force"),
    Step("delete pod unbound one --now"),
    Step("delete node script-node"),
    Step("delete cm --all --field-selector=metadata.name=settings"),
    Step("delete ns script --timeout=120s"),
    Step("get cm"),
    Step("create -f -", CONF % ("late", 1)),
]


@pytest.mark.timeout(1500)
def test_every_command_says_the_same_of_both(real_plane: ControlPlane, tmp_path: Path) -> None:
    program = ensure_binaries().path("kubectl")
    with embedded_in_thread(tmp_path) as kubeconfig:
        with ThreadPoolExecutor(2) as both:
            ours, theirs = both.map(
                lambda path: list(run(program, path, STEPS)), (kubeconfig, real_plane.kubeconfig)
            )
        different = [
            f"{mine}\n======== the real server's\n{other}"
            for mine, other in zip(ours, theirs, strict=True)
            if mine != other
        ]
    assert not different, f"{len(different)} of {len(STEPS)} commands differ\n\n" + "\n\n\n".join(different)
