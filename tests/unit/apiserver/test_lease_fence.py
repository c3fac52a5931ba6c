"""The fence of a lease on the embedded server: a policy that knows from the token which pod writes."""

from typing import Any

from helpers.asking import CONFIG_MAPS, Asker, asking, config_map

from reconcile.api.core.v1 import ConfigMap
from reconcile.apiserver import AccessOptions
from reconcile.leaderelection import fence_policy

ADMISSION = "/apis/admissionregistration.k8s.io/v1"
RBAC = "/apis/rbac.authorization.k8s.io/v1"


async def allow_everything(ask: Asker) -> None:
    rule = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}
    await ask.made({"metadata": {"name": "operator"}, "rules": [rule]}, f"{RBAC}/clusterroles")
    body = {
        "metadata": {"name": "operator"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "operator"},
        "subjects": [{"kind": "ServiceAccount", "namespace": "default", "name": "operator"}],
    }
    await ask.made(body, f"{RBAC}/clusterrolebindings")


async def token_of(ask: Asker, pod: str) -> dict[str, str]:
    """The header with the token that a kubelet would mount into the pod."""
    spec = {"serviceAccountName": "operator", "containers": [{"name": "c", "image": "i"}]}
    made = await ask.made({"metadata": {"name": pod}, "spec": spec}, "/api/v1/namespaces/default/pods")
    bound = {"apiVersion": "v1", "kind": "Pod", "name": pod, "uid": made["metadata"]["uid"]}
    request = {"spec": {"audiences": [], "boundObjectRef": bound}}
    path = "/api/v1/namespaces/default/serviceaccounts/operator/token"
    answer = await ask("POST", path, request)
    return {"authorization": f"Bearer {answer.body['status']['token']}"}


async def test_only_the_pod_that_holds_the_lease_may_write() -> None:
    async with asking(access=AccessOptions()) as ask:
        await ask.made({"metadata": {"name": "operator"}}, "/api/v1/namespaces/default/serviceaccounts")
        await allow_everything(ask)
        leader, other = await token_of(ask, "pod-a"), await token_of(ask, "pod-b")
        policy, binding = fence_policy(
            "operator", namespace="default", service_account="operator", kinds=[ConfigMap]
        )
        await ask.made(policy, f"{ADMISSION}/validatingadmissionpolicies")
        await ask.made(binding, f"{ADMISSION}/validatingadmissionpolicybindings")
        writer = Asker(ask.server, ask.server.transport(None))

        async def write(name: str, headers: dict[str, str]) -> Any:
            return await writer("POST", CONFIG_MAPS, config_map(name), headers)

        assert (await write("before", other)).status == 201, "without a Lease the fence is open"
        lease = {"metadata": {"name": "operator"}, "spec": {"holderIdentity": "pod-a_1"}}
        await ask.made(lease, "/apis/coordination.k8s.io/v1/namespaces/default/leases")
        assert (await write("a", leader)).status == 201
        refused = await write("b", other)
        assert refused.status == 403
        assert 'the Lease default/operator is held by "pod-a_1", and this is a write of "pod-b"' in (
            refused.message
        )
        assert (await ask("POST", CONFIG_MAPS, config_map("c"))).status == 201, "others are not concerned"
        await writer.transport.close()
