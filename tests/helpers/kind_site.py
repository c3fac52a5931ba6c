"""A site in a kind cluster: a Deployment behind a Service, and a pod that asks it by its name in DNS."""

from __future__ import annotations

from helpers.kind_cluster import OPERATOR_IMAGE, Lived

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


def says(lived: Lived, name: str) -> str:
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
