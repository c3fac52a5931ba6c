"""A real cluster whose deployments, replica sets and pods' places are these examples' work."""

from __future__ import annotations

from typing import Any

import pytest
from helpers.kind_cluster import NAMESPACE, OPERATOR_IMAGE, OPERATORS, Lived

pytestmark = [pytest.mark.kind, pytest.mark.timeout(3000), pytest.mark.nightly]

SITE = f"""
apiVersion: apps/v1
kind: Deployment
metadata: {{name: site}}
spec:
  replicas: 3
  selector: {{matchLabels: {{app: site}}}}
  template:
    metadata: {{labels: {{app: site}}}}
    spec:
      terminationGracePeriodSeconds: 1
      tolerations:
      - {{key: node.kubernetes.io/not-ready, operator: Exists, effect: NoExecute, tolerationSeconds: 5}}
      - {{key: node.kubernetes.io/unreachable, operator: Exists, effect: NoExecute, tolerationSeconds: 5}}
      containers:
      - name: site
        image: {OPERATOR_IMAGE}
        imagePullPolicy: IfNotPresent
        command: [python3, -c]
        args:
        - |
          import os
          from http.server import BaseHTTPRequestHandler, HTTPServer
          class Handler(BaseHTTPRequestHandler):
              def do_GET(self):
                  self.send_response(200)
                  self.end_headers()
                  self.wfile.write(os.environ["SAYS"].encode())
          HTTPServer(("", 8000), Handler).serve_forever()
        env: [{{name: SAYS, value: first}}]
        readinessProbe:
          httpGet: {{path: /, port: 8000}}
          periodSeconds: 1
          timeoutSeconds: 5
---
apiVersion: v1
kind: Service
metadata: {{name: site}}
spec:
  selector: {{app: site}}
  ports: [{{port: 80, targetPort: 8000}}]
"""

ASK = (
    "import urllib.request as r, time\n"
    "for _ in range(120):\n"
    "    try:\n"
    "        print(r.urlopen('http://site.default.svc.cluster.local', timeout=5).read().decode()); break\n"
    "    except OSError: time.sleep(1)\n"
)


def _says(lived: Lived, name: str) -> str:
    """What a pod of its own is answered by the Service, found by its name in DNS."""
    lived.kubectl(
        "run", name, f"--image={OPERATOR_IMAGE}", "--image-pull-policy=IfNotPresent", "--restart=Never",
        "--command", "--", "python3", "-c", ASK,
    )  # fmt: skip
    lived.eventually(f"{name} is done", lambda: _phase(lived, name) in ("Succeeded", "Failed"))
    said = lived.kubectl("logs", name).strip()
    lived.kubectl("delete", "pod", name, "--wait=false")
    return said


def _phase(lived: Lived, pod: str) -> str:
    return lived.get("pod", pod).get("status", {}).get("phase", "")


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
    assert _says(site, "ask-first") == "first"
    scheduled = site.get("events", "--field-selector", "reason=Scheduled,involvedObject.kind=Pod")["items"]
    assert scheduled, "no pod was given its node by our scheduler"


def test_it_rolls_and_rolls_back(site: Lived) -> None:
    site.kubectl("set", "env", "deployment/site", "SAYS=second")
    site.rolled_out("site")
    assert _says(site, "ask-second") == "second"
    site.kubectl("rollout", "undo", "deployment/site")
    site.rolled_out("site")
    assert _says(site, "ask-third") == "first"


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
    assert _says(site, "ask-fourth") == "first"
    site.container("start", node)
