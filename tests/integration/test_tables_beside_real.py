"""kubectl get shows of every built-in kind what it shows on a real server, and of what a server publishes."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from helpers.kubectl_script import plain
from helpers.one_of_each_kind import one_of_each_kind
from helpers.serving import embedded_in_thread

from reconcile.testing.control_plane import ControlPlane
from reconcile.testing.control_plane.build import ensure_binaries

SPACE = "table-rows"
# Kinds and fields that the samples do not have, for their cells.
MORE = """
{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingAdmissionPolicyBinding, metadata: {name: b1}, spec: {policyName: p, validationActions: [Deny], paramRef: {name: n, parameterNotFoundAction: Deny}}}
{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingAdmissionPolicyBinding, metadata: {name: b2}, spec: {policyName: p, validationActions: [Deny], paramRef: {namespace: x, selector: {matchLabels: {b: c, a: b}, matchExpressions: [{key: k, operator: In, values: [v, w]}]}, parameterNotFoundAction: Deny}}}
{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingAdmissionPolicyBinding, metadata: {name: b3}, spec: {policyName: p, validationActions: [Deny]}}
{apiVersion: admissionregistration.k8s.io/v1, kind: MutatingAdmissionPolicy, metadata: {name: p1}, spec: {failurePolicy: Ignore, reinvocationPolicy: Never, paramKind: {apiVersion: v1, kind: ConfigMap}, matchConstraints: {resourceRules: [{apiGroups: [example.com], apiVersions: [v1], operations: [CREATE], resources: [nothing]}]}, mutations: [{patchType: ApplyConfiguration, applyConfiguration: {expression: 'Object{}'}}]}}
{apiVersion: admissionregistration.k8s.io/v1, kind: MutatingAdmissionPolicyBinding, metadata: {name: b1}, spec: {policyName: p, paramRef: {namespace: x, name: n, parameterNotFoundAction: Deny}}}
{apiVersion: flowcontrol.apiserver.k8s.io/v1, kind: PriorityLevelConfiguration, metadata: {name: l1}, spec: {type: Limited, limited: {nominalConcurrencyShares: 3, limitResponse: {type: Queue, queuing: {queues: 9, handSize: 2, queueLengthLimit: 5}}}}}
{apiVersion: networking.k8s.io/v1, kind: IPAddress, metadata: {name: 192.168.7.9}, spec: {parentRef: {group: apps, resource: deployments, namespace: a, name: b}}}
{apiVersion: networking.k8s.io/v1, kind: IngressClass, metadata: {name: c1, annotations: {ingressclass.kubernetes.io/is-default-class: 'true'}}, spec: {controller: example.com/x, parameters: {apiGroup: example.com, kind: K, name: n, scope: Cluster}}}
{apiVersion: resource.k8s.io/v1, kind: DeviceClass, metadata: {name: d1}, spec: {}}
{apiVersion: resource.k8s.io/v1, kind: ResourceClaim, metadata: {name: r1}, spec: {devices: {requests: [{name: a, exactly: {deviceClassName: d1}}]}}}
{apiVersion: resource.k8s.io/v1, kind: ResourceClaimTemplate, metadata: {name: r1}, spec: {spec: {devices: {requests: [{name: a, exactly: {deviceClassName: d1}}]}}}}
{apiVersion: resource.k8s.io/v1, kind: ResourceSlice, metadata: {name: s1}, spec: {driver: d.example.com, nodeName: n1, pool: {name: p, generation: 1, resourceSliceCount: 1}, devices: [{name: x}]}}
{apiVersion: storage.k8s.io/v1, kind: CSIDriver, metadata: {name: d2}, spec: {podInfoOnMount: true, storageCapacity: true, volumeLifecycleModes: [Persistent, Ephemeral]}}
{apiVersion: storage.k8s.io/v1, kind: CSINode, metadata: {name: n1}, spec: {drivers: [{name: a, nodeID: b, topologyKeys: [t]}]}}
{apiVersion: storage.k8s.io/v1, kind: CSIStorageCapacity, metadata: {name: c1}, storageClassName: s, capacity: 1Gi}
{apiVersion: storage.k8s.io/v1, kind: VolumeAttachment, metadata: {name: a1}, spec: {attacher: x, nodeName: n1, source: {persistentVolumeName: v}}}
{apiVersion: storage.k8s.io/v1, kind: VolumeAttributesClass, metadata: {name: v1}, driverName: d.example.com, parameters: {a: b}}
""".strip()  # noqa: E501
PUBLISHED = (
    "apiservices.apiregistration.k8s.io",
    "flowschemas.flowcontrol.apiserver.k8s.io",
    "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io",
    "servicecidrs.networking.k8s.io",
    "services --namespace=default",
    "configmap extension-apiserver-authentication --namespace=kube-system",
    "configmap kube-apiserver-legacy-service-account-token-tracking --namespace=kube-system",
)


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with embedded_in_thread(tmp_path_factory.mktemp("tables")) as kubeconfig:
        yield kubeconfig


def kubectl(kubeconfig: Path, *arguments: str, text: str = "") -> str:
    command = [str(ensure_binaries().path("kubectl")), f"--kubeconfig={kubeconfig}", *arguments]
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, f"{arguments}: {done.stderr}"
    return done.stdout


def a_request() -> str:
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    made = builder.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    return base64.b64encode(made.public_bytes(serialization.Encoding.PEM)).decode()


def rows(kubeconfig: Path, objects: list[dict[str, Any]]) -> list[str]:
    """The lines of `kubectl get` for each object, without what varies."""
    manifest = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    of_them = [f"--namespace={SPACE}", "--filename=-"]
    kubectl(kubeconfig, "create", "namespace", SPACE)
    try:
        kubectl(kubeconfig, "create", *of_them, text=manifest)
        shown = plain(kubectl(kubeconfig, "get", *of_them, "--output=wide", text=manifest))
        # The administrators' names differ, and who asks for a certificate is shown.
        return shown.replace(" kubernetes-admin ", " admin ").splitlines()
    finally:
        kubectl(kubeconfig, "delete", *of_them, "--wait=false", "--ignore-not-found", text=manifest)


def test_rows_of_every_kind_are_those_of_a_real_server(embedded: Path, real_plane: ControlPlane) -> None:
    objects = [
        each
        for each in one_of_each_kind(SPACE, "tablerow", a_request())
        # The real server of the tests has nobody who counts.
        if each["kind"] != "ResourceQuota"
    ]
    objects += [yaml.safe_load(line) for line in MORE.splitlines()]
    ours, theirs = rows(embedded, objects), rows(real_plane.kubeconfig, objects)
    assert len(ours) > 2 * len({each["kind"] for each in objects})
    assert ours == theirs


@pytest.mark.parametrize("what", PUBLISHED)
def test_a_server_publishes_of_itself_what_a_real_one_does(
    what: str, embedded: Path, real_plane: ControlPlane
) -> None:
    arguments = ["get", *what.split(), "--no-headers"]
    ours, theirs = (
        plain(kubectl(each, *arguments)).splitlines() for each in (embedded, real_plane.kubeconfig)
    )
    # Other tests have objects of these kinds on the real server, too.
    assert ours
    assert [line for line in ours if line not in theirs] == []
