"""Pod Security: levels by labels, what they say of pods, and the smaller rules of admission for pods."""

from __future__ import annotations

import asyncio
from typing import Any

from helpers.asking import MERGE, asking

from reconcile.apiserver.admission.classes import merged_tolerations
from reconcile.apiserver.admission.pod_updates import features_needed
from reconcile.apiserver.pod_security.evaluation import CHECKS, checks_of, findings, in_detail
from reconcile.apiserver.pod_security.levels import Level, Policy, policy_of

PODS = "/api/v1/namespaces/strict/pods"
_PREFIX = "pod-security.kubernetes.io/"


def pod(**spec: Any) -> Any:
    return {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}], **spec}}


def test_who_enforces_a_level_is_warned_of_it_too() -> None:
    policy, errors = policy_of({f"{_PREFIX}enforce": "baseline", f"{_PREFIX}enforce-version": "v1.30"})
    assert policy == Policy(enforce=Level("baseline", 30), warn=Level("baseline", 30)) and not errors
    policy, _ = policy_of({f"{_PREFIX}enforce": "baseline", f"{_PREFIX}warn": "privileged"})
    assert policy.warn == Level()


def test_a_wrong_label_enforces_the_strictest_and_warns_of_nothing() -> None:
    policy, errors = policy_of({f"{_PREFIX}enforce": "strict", f"{_PREFIX}warn": "x"})
    assert (str(policy.enforce), str(policy.warn)) == ("restricted:latest", "privileged:latest")
    assert [error.field for error in errors] == [
        f"metadata.labels[{_PREFIX}{mode}]" for mode in ("enforce", "warn")
    ]


def test_a_restricted_check_stands_in_the_place_of_the_baseline_one() -> None:
    newest = checks_of(Level("restricted"))
    replaced = {"capabilities_baseline", "hostPathVolumes", "procMount", "seccompProfile_baseline"}
    assert set(newest) == set(CHECKS) - replaced
    assert "allowPrivilegeEscalation" not in checks_of(Level("restricted", 7))
    assert checks_of(Level("privileged")) == {}
    assert list(checks_of(Level("restricted", 99))) == list(newest)


def test_what_is_against_a_pod_is_said_in_upstreams_words() -> None:
    spec = {"hostPID": True, "containers": [{"name": "a"}, {"name": "b", "ports": [{"hostPort": 1}]}]}
    found = findings(Level("baseline"), {}, spec)
    assert in_detail(found) == ('host namespaces (hostPID=true), hostPort (container "b" uses hostPort 1)')


async def test_a_namespace_refuses_and_warns_as_its_labels_say() -> None:
    async with asking() as ask:
        labels = {f"{_PREFIX}enforce": "baseline", f"{_PREFIX}warn": "restricted"}
        await ask.made({"metadata": {"name": "strict", "labels": labels}}, "/api/v1/namespaces")
        await asyncio.sleep(1)
        refused = await ask("POST", PODS, pod(hostNetwork=True))
        assert refused.message == (
            'pods "p" is forbidden: violates PodSecurity "baseline:latest": '
            "host namespaces (hostNetwork=true)"
        )
        made = await ask("POST", PODS, pod())
        assert made.status == 201
        assert 'would violate PodSecurity \\"restricted:latest\\"' in made.headers["warning"]


async def test_a_stricter_namespace_names_the_pods_that_are_there() -> None:
    async with asking() as ask:
        await ask.made({"metadata": {"name": "strict"}}, "/api/v1/namespaces")
        await asyncio.sleep(1)
        await ask.made(pod(hostPID=True), PODS)
        labels = {"metadata": {"labels": {f"{_PREFIX}enforce": "baseline"}}}
        answer = await ask("PATCH", "/api/v1/namespaces/strict", labels, MERGE)
        assert answer.status == 200
        assert "p: host namespaces" in answer.headers["warning"]


def test_tolerations_that_others_include_are_dropped() -> None:
    narrow = {"key": "a", "operator": "Equal", "value": "x", "effect": "NoSchedule"}
    wide = {"key": "a", "operator": "Exists"}
    other = {"key": "b", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 5}
    assert merged_tolerations([narrow, other, wide, dict(other)]) == [other, wide]
    longer = {**other, "tolerationSeconds": 9}
    assert merged_tolerations([other, longer]) == [longer]


def test_an_update_says_what_its_node_must_be_capable_of() -> None:
    def init(cpu: str, **more: Any) -> Any:
        return {"name": "i", "resources": {"requests": {"cpu": cpu}}, **more}

    assert features_needed({"initContainers": [init("2")]}, {"initContainers": [init("1")]}) == [
        "InPlacePodVerticalScalingInitContainers"
    ]
    sidecar = {"restartPolicy": "Always"}
    assert not features_needed(
        {"initContainers": [init("2", **sidecar)]}, {"initContainers": [init("1", **sidecar)]}
    )
    assert features_needed({"resources": {"limits": {"cpu": "1"}}}, {}) == [
        "InPlacePodLevelResourcesVerticalScaling"
    ]
