"""Conversations about PodSecurity: labels, what is refused and what is warned about, in the server's words.

Every check of every version is asked elsewhere, with upstream's own pods
(`tests/controlplane/test_pod_security_judges_as_upstream.py`).
"""

from __future__ import annotations

from typing import Any

from helpers.differential import Ask, merge, post, put, strategic
from helpers.differential_cases import deployment, pod

Body = dict[str, Any]

_SECURITY, _WARNINGS, _LABELS = (
    "admission: PodSecurity",
    "admission: PodSecurity warnings",
    "admission: PodSecurity labels",
)
_MODES = "pod-security.kubernetes.io/"


def labels(**modes: str) -> Body:
    """`enforce="baseline"`, `warn_version="v1.30"`, …"""
    return {f"{_MODES}{mode.replace('_', '-')}": value for mode, value in modes.items()}


def _labelled(namespace: str, **modes: str | None) -> Ask:
    every = dict.fromkeys(
        f"{_MODES}{mode}{end}" for mode in ("enforce", "audit", "warn") for end in ("", "-version")
    )
    given = labels(**{mode: value for mode, value in modes.items() if value is not None})
    return merge(f"/api/v1/namespaces/{namespace}", {"metadata": {"labels": {**every, **given}}})


_RESTRICTED: Body = {
    "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    "containers": [
        {
            "name": "c",
            "image": "i",
            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        }
    ],
}
_HOST: Body = {"hostNetwork": True, "hostPID": True, "containers": [
    {"name": "c", "image": "i", "ports": [{"containerPort": 80, "hostPort": 80}],
     "securityContext": {"privileged": True, "capabilities": {"add": ["NET_ADMIN", "SYS_TIME"]}}},
    {"name": "d", "image": "i", "securityContext": {"privileged": True}}]}  # fmt: skip


def _until(core: str, body: Body, text: str) -> Ask:
    return Ask("UNTIL", f"{core}/pods?dryRun=All", body, label=text)


def cases(namespace: str) -> dict[str, list[Ask]]:
    core = f"/api/v1/namespaces/{namespace}"
    pods, apps = f"{core}/pods", f"/apis/apps/v1/namespaces/{namespace}"
    dry = {"dryRun": "All"}
    workload = deployment("web", template={"metadata": {"labels": {"a": "b"}}, "spec": _HOST})
    daemons = {
        "metadata": {"name": "d"},
        "spec": {key: workload["spec"][key] for key in ("selector", "template")},
    }
    batch = f"/apis/batch/v1/namespaces/{namespace}"
    job: Body = {
        "metadata": {"name": "j"},
        "spec": {"template": {"spec": {**_HOST, "restartPolicy": "Never"}}},
    }
    other = f"{namespace}-other"
    return {
        "pod security: enforced": [
            post(pods, pod("before", **_HOST)).good(_SECURITY),
            post(pods, pod("before-too", **_HOST)),
            post(pods, pod("plain")),
            _labelled(namespace, enforce="baseline").bad(_WARNINGS),
            _until(core, pod("w", hostPID=True), "violates PodSecurity"),
            post(pods, pod("host", **_HOST)).bad(_SECURITY),
            post(pods, pod("host", **_HOST), **dry).bad(_SECURITY),
            post(pods, {**pod("x", hostIPC=True), "metadata": {"generateName": "gen-"}}).bad(_SECURITY),
            post(pods, pod("fits")).good(_SECURITY),
            post(f"{apps}/deployments", workload, **dry).bad(_WARNINGS),
            merge(f"{pods}/before", {"metadata": {"labels": {"x": "y"}}}).good(_SECURITY),
            strategic(f"{pods}/before", {"spec": {"containers": [{"name": "c", "image": "other"}]}}).bad(
                _SECURITY
            ),
            strategic(
                f"{pods}/fits/ephemeralcontainers",
                {
                    "spec": {
                        "ephemeralContainers": [
                            {"name": "e", "image": "i", "securityContext": {"privileged": True}}
                        ]
                    }
                },
            ).bad(_SECURITY),
            strategic(
                f"{pods}/fits/ephemeralcontainers",
                {"spec": {"ephemeralContainers": [{"name": "e", "image": "i"}]}},
            ).good(_SECURITY),
            _labelled(namespace, enforce="restricted", enforce_version="v1.24").bad(_WARNINGS),
            _until(core, pod("w"), "restricted:v1.24"),
            post(pods, pod("plain-too")).bad(_SECURITY),
            post(pods, pod("strict", **_RESTRICTED)).good(_SECURITY),
            _labelled(namespace, enforce="baseline", enforce_version="v1.24").good(_LABELS),
            _labelled(namespace, enforce="baseline", enforce_version="latest").bad(_WARNINGS),
            _labelled(namespace).good(_LABELS),
        ],
        "pod security: warned about": [
            _labelled(namespace, warn="restricted", audit="baseline").good(_LABELS),
            Ask("UNTIL", f"{pods}?dryRun=All", pod("w"), label="would violate"),
            post(pods, pod("p")).bad(_WARNINGS),
            post(pods, pod("strict", **_RESTRICTED)).good(_SECURITY),
            *(
                post(path, body, **dry).bad(_WARNINGS)
                for path, body in (
                    (f"{apps}/deployments", workload),
                    (f"{apps}/replicasets", {**workload, "kind": "ReplicaSet"}),
                    (f"{apps}/statefulsets", {**workload, "kind": "StatefulSet"}),
                    (f"{apps}/daemonsets", daemons),
                    (f"{batch}/jobs", job),
                    (
                        f"{batch}/cronjobs",
                        {
                            "metadata": {"name": "j"},
                            "spec": {"schedule": "* * * * *", "jobTemplate": {"spec": job["spec"]}},
                        },
                    ),
                    (
                        f"{core}/podtemplates",
                        {
                            "metadata": {"name": "t"},
                            "template": {"metadata": {"labels": {"a": "b"}}, "spec": _HOST},
                        },
                    ),
                    (
                        f"{core}/replicationcontrollers",
                        {
                            "metadata": {"name": "rc"},
                            "spec": {
                                "selector": {"a": "b"},
                                "template": {"metadata": {"labels": {"a": "b"}}, "spec": _HOST},
                            },
                        },
                    ),
                )
            ),
            post(f"{apps}/deployments", deployment("web")).bad(_WARNINGS),
            merge(f"{apps}/deployments/web", {"spec": {"replicas": 2}}).bad(_WARNINGS),
            merge(f"{apps}/deployments/web/scale", {"spec": {"replicas": 3}}),
            merge(f"{apps}/deployments/web/status", {"status": {"replicas": 3}}),
            _labelled(namespace, enforce="baseline", warn="restricted", warn_version="v1.0"),
            _until(core, pod("w", hostPID=True), "violates PodSecurity"),
            post(pods, pod("q")).bad(_WARNINGS),
            _labelled(namespace, enforce="restricted", warn="privileged"),
            _until(core, pod("w"), "violates PodSecurity"),
            post(f"{apps}/deployments", {**workload, "metadata": {"name": "host"}}, **dry).good(_SECURITY),
        ],
        "pod security: labels": [
            *(
                post(
                    "/api/v1/namespaces", {"metadata": {"name": other, "labels": labels(**modes)}}, **dry
                ).good(_LABELS)
                for modes in (
                    {"enforce": "privileged", "audit": "baseline", "warn": "restricted"},
                    {"enforce": "baseline", "enforce_version": "latest"},
                    {"enforce": "baseline", "enforce_version": "v1.99", "warn_version": "v1.0"},
                )
            ),
            *(
                post(
                    "/api/v1/namespaces", {"metadata": {"name": other, "labels": labels(**modes)}}, **dry
                ).bad(_LABELS)
                for modes in (
                    {"enforce": "strict"},
                    {"audit": "Baseline", "warn": ""},
                    {"enforce_version": "1.24"},
                    {"warn_version": "v1.024", "audit_version": "v2.0"},
                    {
                        "enforce": "none",
                        "enforce_version": "newest",
                        "audit": "x",
                        "audit_version": "v1",
                        "warn": "y",
                        "warn_version": "v1.",
                    },
                )
            ),
            _labelled(namespace, enforce="baselin").bad(_LABELS),
            _labelled(namespace, enforce="baseline", audit_version="v1.30").good(_LABELS),
            merge(f"/api/v1/namespaces/{namespace}", {"metadata": {"annotations": {"a": "b"}}}).good(_LABELS),
            put(
                f"/api/v1/namespaces/{namespace}",
                {"metadata": {"name": namespace, "labels": labels(warn="no")}},
            ).bad(_LABELS),
        ],
    }
