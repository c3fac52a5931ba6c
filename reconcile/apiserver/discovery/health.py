"""`/healthz`, `/livez` and `/readyz` with the checks of a kube-apiserver, and `/metrics/slis`.

The checks have the names by which scripts wait for one of them. Here all are one: the server has started.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from reconcile.apiserver.handlers.messages import Request, Response, text_response

_HOOKS = tuple(
    f"poststarthook/{name}"
    for name in (
        "start-apiserver-admission-initializer", "generic-apiserver-start-informers",
        "priority-and-fairness-config-consumer", "priority-and-fairness-filter",
        "storage-object-count-tracker-hook", "start-apiextensions-informers",
        "start-apiextensions-controllers", "crd-informer-synced", "start-system-namespaces-controller",
        "peer-endpoint-reconciler-controller", "start-cluster-authentication-info-controller",
        "start-kube-apiserver-identity-lease-controller",
        "start-kube-apiserver-identity-lease-garbage-collector", "storage-readiness",
        "start-legacy-token-tracking-controller", "start-service-ip-repair-controllers",
        "rbac/bootstrap-roles", "scheduling/bootstrap-system-priority-classes",
        "priority-and-fairness-config-producer", "bootstrap-controller",
        "start-kubernetes-service-cidr-controller", "start-kube-aggregator-informers",
        "apiservice-status-local-available-controller", "apiservice-status-remote-available-controller",
        "apiservice-registration-controller", "apiservice-discovery-controller",
        "kube-apiserver-autoregistration",
    )
)  # fmt: skip
_LAST = (
    "autoregister-completion",
    "poststarthook/apiservice-openapi-controller",
    "poststarthook/apiservice-openapiv3-controller",
)
_LIVE = ("ping", "log", "loopback-serving-certificate", "etcd", *_HOOKS, *_LAST)
CHECKS = {
    "/healthz": _LIVE,
    "/livez": _LIVE,
    "/readyz": ("ping", "log", "etcd", "etcd-readiness", "informer-sync", *_HOOKS, *_LAST, "shutdown"),
}
"""The checks of each path, in their order."""
METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"
_NOT_STARTED = "informer-sync"


class Health:
    """Answers the health paths.

    Arguments:
        ready: whether `/readyz` says so.
    """

    def __init__(self, ready: Callable[[], bool]) -> None:
        self._ready = ready

    def paths(self) -> Iterator[str]:
        """Every path, for the index of the server."""
        for root, checks in CHECKS.items():
            yield root
            for check in checks:
                yield f"{root}/{check}"

    def answer(self, request: Request) -> Response | None:
        path = request.path
        for root, checks in CHECKS.items():
            if path == root:
                return self._all(request, root, checks)
            if path.startswith(f"{root}/") and path[len(root) + 1 :] in checks:
                return self._one(root, path[len(root) + 1 :])
        if path == "/metrics/slis":
            response = text_response(self._metrics())
            response.headers["content-type"] = METRICS_TYPE
            response.headers.pop("x-content-type-options", None)
            return response
        return None

    def _good(self, root: str, check: str) -> bool:
        return root != "/readyz" or check != _NOT_STARTED or self._ready()

    def _one(self, root: str, check: str) -> Response:
        if not self._good(root, check):
            return text_response("internal server error: not started yet\n", 500)
        response = text_response("ok")
        response.headers.pop("x-content-type-options", None)
        return response

    def _all(self, request: Request, root: str, checks: tuple[str, ...]) -> Response:
        excluded = {value for name, value in request.query if name == "exclude"}
        lines: list[str] = []
        failed = False
        for check in checks:
            if check in excluded:
                lines.append(f"[+]{check} excluded: ok")
            elif self._good(root, check):
                lines.append(f"[+]{check} ok")
            else:
                lines.append(f"[-]{check} failed: reason withheld")
                failed = True
        unknown = sorted(excluded - set(checks))
        if unknown:
            names = ",".join(f'"{name}"' for name in unknown)
            lines.append(f"warn: some health checks cannot be excluded: no matches for {names}")
        name = root.strip("/")
        if failed:
            return text_response("\n".join([*lines, f"{name} check failed", ""]), 500)
        if not any(key == "verbose" for key, _ in request.query):
            return text_response("ok")
        return text_response("\n".join([*lines, f"{name} check passed", ""]))

    def _metrics(self) -> str:
        """The last result of each check, as a kube-apiserver's `/metrics/slis` has it."""
        found = sorted((check, root.strip("/"), root) for root, checks in CHECKS.items() for check in checks)
        lines = [
            "# HELP kubernetes_healthcheck [STABLE] This metric records the result of a single healthcheck.",
            "# TYPE kubernetes_healthcheck gauge",
            *(
                f'kubernetes_healthcheck{{name="{check}",type="{name}"}} {int(self._good(root, check))}'
                for check, name, root in found
            ),
        ]
        return "\n".join([*lines, ""])
