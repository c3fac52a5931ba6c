"""The fence on the server: an admission policy that knows who holds the Lease.

    write of the operator's service account ──▶ policy ──▶ Lease: is its holder the pod that asks?

A ValidatingAdmissionPolicy with the Lease as its parameter (Kubernetes 1.30 and later). Which pod asks is
known from the token: a token that is mounted into a pod carries the pod's name, signed by the API server, in
the user's extra information. The holder's identity begins with that name and an underscore, as
`LeaseElector` makes it where no other is given.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from reconcile.errors import ConfigurationError
from reconcile.leaderelection.options import LeaseOptions
from reconcile.leaderelection.surroundings import POD_NAME
from reconcile.objects.kinds import resource_type_of
from reconcile.objects.names import dns_subdomain_problems

_API_VERSION = "admissionregistration.k8s.io/v1"
_OPERATIONS = ["CREATE", "UPDATE", "DELETE"]

# Every replica writes Leases: those that wait for the lead too.
_NO_LEASE = (
    "!(request.resource.group == 'coordination.k8s.io' && request.resource.resource == 'leases' "
    "&& request.namespace == '{namespace}')"
)
_POD = f"request.userInfo.?extra[?'{POD_NAME}'][?0].orValue('')"
_HOLDER = "params.spec.?holderIdentity.orValue('')"


def fence_policy(
    name: str,
    *,
    namespace: str,
    service_account: str,
    kinds: Iterable[Any],
    policy_name: str = "",
) -> list[dict[str, Any]]:
    """A ValidatingAdmissionPolicy and its binding, as plain objects to be applied by an administrator.

    They admit writes of the service account only from the pod that holds the Lease, to these kinds; other
    users are not concerned, nor are Leases of this namespace. While there is no Lease the fence is open: with
    `parameterNotFoundAction: Deny` the server refuses everybody's writes of these kinds then, since it asks
    for the parameter before it asks who writes.

    Args:
        name: of the Lease, as in `Manager(leader_election=name)`.
        namespace: of the Lease and of the service account.
        service_account: name of the service account that the operator's pods run as.
        kinds: what to fence: generated types, custom resources or `ResourceType`s, each with all its
            subresources; what the leader alone writes, such as `manager.kinds`.
        policy_name: of both objects; by default `<name>.<namespace>.fence`.
    """
    # The same checks of both names as the election's own.
    options = LeaseOptions(name, namespace=namespace)
    if problems := dns_subdomain_problems(service_account):
        raise ConfigurationError(f"{service_account!r} cannot be a service account: {problems[0]}")
    rules = _resource_rules(kinds)
    if not rules:
        raise ConfigurationError("fence_policy: `kinds` is empty, so nothing would be fenced")
    named = policy_name or f"{options.name}.{namespace}.fence"
    policy = {
        "apiVersion": _API_VERSION,
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": named},
        "spec": {
            "failurePolicy": "Fail",
            "paramKind": {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease"},
            "matchConstraints": {"resourceRules": rules},
            "matchConditions": [
                {
                    "name": "the-operator",
                    "expression": "request.userInfo.username == "
                    f"'system:serviceaccount:{namespace}:{service_account}'",
                },
                {"name": "no-lease", "expression": _NO_LEASE.format(namespace=namespace)},
            ],
            "variables": [
                {"name": "pod", "expression": _POD},
                {"name": "holder", "expression": _HOLDER},
            ],
            "validations": [
                {
                    "expression": "variables.pod != '' && variables.holder.startsWith(variables.pod + '_')",
                    "messageExpression": f"'the Lease {namespace}/{options.name} is held by \"' "
                    "+ variables.holder + '\", and this is a write of \"' + variables.pod + '\"'",
                    "reason": "Forbidden",
                }
            ],
        },
    }
    binding = {
        "apiVersion": _API_VERSION,
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": named},
        "spec": {
            "policyName": named,
            "paramRef": {
                "name": options.name,
                "namespace": namespace,
                "parameterNotFoundAction": "Allow",
            },
            "validationActions": ["Deny"],
        },
    }
    return [policy, binding]


def _resource_rules(kinds: Iterable[Any]) -> list[dict[str, Any]]:
    resources: dict[tuple[str, str], list[str]] = {}
    for kind in kinds:
        found = resource_type_of(kind)
        resources.setdefault((found.group, found.version), []).extend((found.plural, f"{found.plural}/*"))
    return [
        {"apiGroups": [group], "apiVersions": [version], "operations": _OPERATIONS, "resources": plurals}
        for (group, version), plurals in resources.items()
    ]
