"""A real cluster whose deployments, replica sets and pods' places are these examples' work."""

from __future__ import annotations

from typing import Any

import pytest
from helpers.kind_cluster import NAMESPACE, OPERATORS, Lived
from helpers.kind_site import SITE, says

pytestmark = [pytest.mark.kind, pytest.mark.timeout(3000), pytest.mark.nightly]


def _running(lived: Lived) -> list[dict[str, Any]]:
    pods = lived.get("pods", "-l", "app=site").get("items", [])
    return [pod for pod in pods if not pod["metadata"].get("deletionTimestamp")]


@pytest.fixture(scope="module")
def site(lived: Lived) -> Lived:
    """The site is served."""
    lived.kubectl("apply", "-f", "-", text=SITE)
    lived.rolled_out("site")
    return lived


def test_the_cluster_is_up_and_a_deployment_is_served(site: Lived) -> None:
    assert says(site, "ask-first") == "first"
    scheduled = site.get("events", "--field-selector", "reason=Scheduled,involvedObject.kind=Pod")["items"]
    assert scheduled, "no pod was given its node by our scheduler"


def test_it_rolls_and_rolls_back(site: Lived) -> None:
    site.kubectl("set", "env", "deployment/site", "SAYS=second")
    site.rolled_out("site")
    assert says(site, "ask-second") == "second"
    site.kubectl("rollout", "undo", "deployment/site")
    site.rolled_out("site")
    assert says(site, "ask-third") == "first"


def test_it_goes_on_without_the_pods_that_lead(site: Lived) -> None:
    for operator in OPERATORS:
        holder = site.get("lease", operator, "-n", NAMESPACE)["spec"]["holderIdentity"]
        pod = holder.rsplit("_", 1)[0]
        site.kubectl("delete", "pod", pod, "-n", NAMESPACE, "--grace-period=0", "--force")
    site.kubectl("scale", "deployment/site", "--replicas=5")
    site.rolled_out("site")
    assert len(_running(site)) == 5
    for operator in OPERATORS:
        site.rolled_out(operator, NAMESPACE)


def test_it_outlives_a_node(site: Lived) -> None:
    node = f"{site.cluster.name}-worker2"
    site.container("stop", node)
    site.eventually(
        "the site runs elsewhere",
        lambda: (
            len(
                [
                    pod
                    for pod in _running(site)
                    if pod["spec"].get("nodeName") != node
                    and any(
                        each["type"] == "Ready" and each["status"] == "True"
                        for each in pod["status"].get("conditions") or []
                    )
                ]
            )
            == 5
        ),
    )
    assert says(site, "ask-fourth") == "first"
    site.container("start", node)
