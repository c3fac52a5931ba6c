"""Conversations about limit ranges: what they give, and what they refuse.

Admission of the real server hears of them by a watch, so each conversation first posts something, dry, until
it is refused on account of the object.
"""

from __future__ import annotations

from typing import Any

from helpers.differential import Ask, merge, post, strategic
from helpers.differential_cases import pod

Body = dict[str, Any]

_RANGER, _DEFAULTS = "admission: LimitRanger", "admission: LimitRanger defaults"


def container(
    name: str = "c", *, requests: Body | None = None, limits: Body | None = None, **more: Any
) -> Body:
    made: Body = {"name": name, "image": "nginx:1", **more}
    resources = {
        key: value for key, value in (("requests", requests), ("limits", limits)) if value is not None
    }
    return {**made, "resources": resources} if resources else made


def sized(cpu: str, memory: str, name: str = "c", **more: Any) -> Body:
    amounts = {"cpu": cpu, "memory": memory}
    return container(name, requests=amounts, limits=amounts, **more)


def claim(name: str, storage: str, **spec: Any) -> Body:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": storage}},
            **spec,
        },
    }


def until_refused(path: str, body: Body, text: str) -> Ask:
    return Ask("UNTIL", f"{path}?dryRun=All", body, label=text)


def limit_range(name: str, *limits: Body) -> Body:
    return {
        "apiVersion": "v1",
        "kind": "LimitRange",
        "metadata": {"name": name},
        "spec": {"limits": list(limits)},
    }


def cases(namespace: str) -> dict[str, list[Ask]]:
    core = f"/api/v1/namespaces/{namespace}"
    pods, ranges, claims = f"{core}/pods", f"{core}/limitranges", f"{core}/persistentvolumeclaims"
    dry = {"dryRun": "All"}
    wide = container(requests={"cpu": "2"}, limits={"cpu": "2"})
    return {
        "limit ranges: defaults": [
            post(
                ranges,
                limit_range(
                    "defaults",
                    {
                        "type": "Container",
                        "default": {"cpu": "500m", "memory": "512Mi"},
                        "defaultRequest": {"cpu": "250m", "ephemeral-storage": "1Gi"},
                        "max": {"cpu": "1"},
                    },
                ),
            ),
            until_refused(pods, pod("w", containers=[wide]), "maximum cpu usage"),
            post(pods, pod("none")).good(_DEFAULTS),
            post(pods, pod("some", containers=[container(limits={"cpu": "1"})])).good(_DEFAULTS),
            post(
                pods,
                pod(
                    "two",
                    containers=[container("a"), container("b", requests={"memory": "1Mi"})],
                    initContainers=[container("i"), container("s", restartPolicy="Always")],
                ),
            ).good(_DEFAULTS),
            post(
                pods,
                {**pod("noted"), "metadata": {"name": "noted", "annotations": {"a": "b"}}},
            ).good(_DEFAULTS),
            post(
                pods,
                pod(
                    "all",
                    containers=[
                        container(
                            requests={"cpu": "1m", "memory": "1", "ephemeral-storage": "1"},
                            limits={"cpu": "1m", "memory": "1"},
                        )
                    ],
                ),
            ).good(_DEFAULTS),
            post(pods, {**pod("x"), "metadata": {"generateName": "gen-"}}, **dry).good(_DEFAULTS),
            post(pods, pod("wide", containers=[wide])).bad(_RANGER),
            merge(f"{pods}/none", {"metadata": {"labels": {"x": "y"}}}).good(_RANGER),
            strategic(
                f"{pods}/none/resize",
                {"spec": {"containers": [{"name": "c", "resources": {"requests": {"cpu": "300m"}}}]}},
            ).good(_RANGER),
            strategic(
                f"{pods}/none/resize",
                {"spec": {"containers": [{"name": "c", "resources": {"limits": {"cpu": "2"}}}]}},
            ).bad(_RANGER),
        ],
        "limit ranges: containers": [
            post(
                ranges,
                limit_range(
                    "containers",
                    {
                        "type": "Container",
                        "min": {"cpu": "100m", "memory": "1Mi"},
                        "max": {"cpu": "1", "memory": "1Gi"},
                        "maxLimitRequestRatio": {"cpu": "2"},
                    },
                ),
            ),
            until_refused(pods, pod("w", containers=[wide]), "maximum cpu usage"),
            *(
                post(pods, pod("p", containers=[container(requests=requests, limits=limits)]), **dry).good(
                    _RANGER
                )
                for requests, limits in (
                    ({"cpu": "500m", "memory": "1Mi"}, {"cpu": "1", "memory": "1Mi"}),
                    ({"cpu": "100m", "memory": "2Mi"}, {"cpu": "200m", "memory": "1Gi"}),
                    (None, None),
                    (None, {"cpu": "1"}),
                )
            ),
            *(
                post(pods, pod("p", containers=[container(requests=requests, limits=limits)]), **dry).bad(
                    _RANGER
                )
                for requests, limits in (
                    ({"cpu": "99m", "memory": "1Mi"}, {"cpu": "150m", "memory": "1Mi"}),
                    ({"cpu": "50m"}, None),
                    ({"cpu": "1"}, {"cpu": "1100m"}),
                    ({"cpu": "100m"}, {"cpu": "201m"}),
                    ({"cpu": "300m"}, {"cpu": "1"}),
                    ({"memory": "512Ki"}, {"memory": "2Gi"}),
                    ({"cpu": "0"}, {"cpu": "1"}),
                    ({"cpu": "1500m", "memory": "3Gi"}, {"cpu": "1500m", "memory": "3Gi"}),
                )
            ),
            post(
                pods,
                pod("p", initContainers=[container("i", requests={"cpu": "1"}, limits={"cpu": "3"})]),
                **dry,
            ).bad(_RANGER),
            post(pods, {**pod("x", containers=[wide]), "metadata": {"generateName": "gen-"}}).bad(_RANGER),
            post(
                f"{core}/replicationcontrollers",
                {
                    "metadata": {"name": "rc"},
                    "spec": {
                        "selector": {"a": "b"},
                        "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [wide]}},
                    },
                },
            ).good(_RANGER),
        ],
        "limit ranges: pods": [
            post(
                ranges,
                limit_range(
                    "pods",
                    {
                        "type": "Pod",
                        "min": {"cpu": "200m"},
                        "max": {"cpu": "2", "memory": "2Gi"},
                        "maxLimitRequestRatio": {"memory": "1500m"},
                    },
                ),
            ),
            until_refused(pods, pod("w"), "minimum cpu usage"),
            *(
                post(pods, pod("p", **spec), **dry).good(_RANGER)
                for spec in (
                    {"containers": [sized("1", "1Gi"), sized("500m", "512Mi", "b")]},
                    {"containers": [sized("1", "1Gi")], "initContainers": [sized("2", "2Gi", "i")]},
                    {
                        "containers": [sized("1", "1Gi")],
                        "initContainers": [
                            sized("500m", "512Mi", "s", restartPolicy="Always"),
                            sized("1", "1Gi", "i"),
                        ],
                    },
                    {
                        "containers": [container()],
                        "resources": {
                            "requests": {"cpu": "1", "memory": "1Gi"},
                            "limits": {"cpu": "1", "memory": "1Gi"},
                        },
                    },
                )
            ),
            *(
                post(pods, pod("p", **spec), **dry).bad(_RANGER)
                for spec in (
                    {},
                    {"containers": [sized("1", "1Gi"), sized("1500m", "2Gi", "b")]},
                    {"containers": [sized("100m", "1Gi")]},
                    {"containers": [sized("1", "1Gi")], "initContainers": [sized("3", "1Gi", "i")]},
                    {
                        "containers": [sized("1", "1Gi")],
                        "initContainers": [
                            sized("1", "1Gi", "s", restartPolicy="Always"),
                            sized("1500m", "1Gi", "i"),
                        ],
                    },
                    {
                        "containers": [
                            container(
                                requests={"cpu": "1", "memory": "1Gi"}, limits={"cpu": "1", "memory": "2Gi"}
                            )
                        ]
                    },
                    {
                        "containers": [container()],
                        "resources": {"requests": {"cpu": "3"}, "limits": {"cpu": "3"}},
                    },
                )
            ),
        ],
        "limit ranges: claims": [
            post(
                ranges,
                limit_range(
                    "claims",
                    {"type": "PersistentVolumeClaim", "min": {"storage": "1Gi"}, "max": {"storage": "5Gi"}},
                ),
            ),
            until_refused(claims, claim("w", "10Gi"), "maximum storage usage"),
            post(claims, claim("fits", "2Gi")).good(_RANGER),
            post(claims, claim("small", "512Mi")).bad(_RANGER),
            post(claims, claim("large", "6Gi")).bad(_RANGER),
            merge(f"{claims}/fits", {"metadata": {"labels": {"x": "y"}}}).good(_RANGER),
            merge(f"{claims}/fits", {"spec": {"resources": {"requests": {"storage": "8Gi"}}}}).bad(_RANGER),
        ],
    }
