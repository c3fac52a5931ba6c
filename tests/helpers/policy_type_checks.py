"""Policies whose expressions fit what they match, or do not, in every way that is told apart."""

from __future__ import annotations

from typing import Any

Body = dict[str, Any]

POLICIES = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"

_FIELD = {"type": "string"}
DEFINITION: Body = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "checks.types.example.com"},
    "spec": {
        "group": "types.example.com",
        "scope": "Namespaced",
        "names": {"plural": "checks", "singular": "check", "kind": "Check", "listKind": "CheckList"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "spec": {
                                "type": "object",
                                "properties": {
                                    "text": _FIELD,
                                    "count": {"type": "integer"},
                                    "either": {"x-kubernetes-int-or-string": True},
                                    "at": {"type": "string", "format": "date-time"},
                                    "open": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                                    "map": {"type": "object", "additionalProperties": _FIELD},
                                    "list": {
                                        "type": "array",
                                        "items": {"type": "object", "properties": {"a-b": _FIELD}},
                                    },
                                    "pod": {
                                        "type": "object",
                                        "x-kubernetes-embedded-resource": True,
                                        "x-kubernetes-preserve-unknown-fields": True,
                                    },
                                },
                            }
                        },
                    }
                },
            }
        ],
    },
}

_DEPLOYMENTS = ("apps", "v1", "deployments")
_PODS = ("", "v1", "pods")
_CUSTOM = ("types.example.com", "v1", "checks")
_EXPRESSIONS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "deployments": (
        _DEPLOYMENTS,
        (
            "object.spec.replicas > 1",
            "object.spec.replicas > 'a'",
            "object.spec.nothing == 1",
            "object.metadata.name.contains(object.metadata.generation)",
            "object.metadata.labels['a'] == 5",
            "object.metadata.labels.a == 'b'",
            "object.metadata.creationTimestamp < timestamp('2020-01-01T00:00:00Z')",
            "object.metadata.creationTimestamp == 'x'",
            "object.spec.template.spec.containers.all(c, c.image.contains('a'))",
            "object.spec.template.spec.containers.all(c, c.image > 1 || c.nope)",
            "object.spec.template.spec.containers[0].resources.limits['cpu'] == '1'",
            "object.spec.template.spec.containers[0].ports[0].containerPort == 'http'",
            "[object.spec.strategy.rollingUpdate].all(r, r.maxSurge == 1 || r.maxSurge == 'a')",
            "object.spec.template.spec.volumes[0].emptyDir.sizeLimit == '1'",
            "object.spec == oldObject.spec",
            "object.spec == object.metadata",
            "object == 1",
            "has(object.spec.nope)",
            "object.spec.?replicas.orValue(1) > 0",
            "object.spec.?nope.orValue(1) > 0",
            "dyn(request.operation) == 1",
            "request.userInfo.groups.exists(g, g == object.spec.replicas)",
            "namespaceObject.metadata.name == object.spec.replicas",
            "namespaceObject.spec.finalizers == object.spec",
            "authorizer.group('').resource('pods').check('get').allowed()",
            "authorizer.requestResource.check('get').allowed()",
            "params.data['a'] == 'b'",
            "object.spec == variables.known",
            "object.status.conditions.exists(c, c.lastTransitionTime > 5)",
            "object.spec.template.metadata.annotations.size() > object.metadata",
            "object.metadata.ownerReferences[0].controller == 'yes'",
            "object.metadata.managedFields[0].fieldsV1.nope",
            "[object.spec, object.metadata].size() > 0",
            "object.spec.selector.matchLabels.all(k, object.spec.template.metadata.labels[k] == 1)",
        ),
    ),
    "pods": (
        _PODS,
        (
            "object.spec.nodeName == 1",
            "object.spec.containers[0].env[0].valueFrom.secretKeyRef.key > 1",
            "object.spec.containers[0].livenessProbe.httpGet.port == 80",
            "object.spec.securityContext.runAsUser > 0u",
            "object.data",
        ),
    ),
    "custom": (
        _CUSTOM,
        (
            "object.spec.text > 1",
            "object.spec.count > 'a'",
            "object.spec.either > 1 || object.spec.either > 'a'",
            "object.spec.at > 'a'",
            "object.spec.open.anything",
            "object.spec.map.a > 1",
            "object.spec.list[0].a__dash__b > 1",
            "object.spec.list[0]['a-b'] > 1",
            "object.spec.pod.kind == 1",
            "object.spec.pod.metadata.name == 1",
            "object.spec.nope",
            "object.kind == 1",
            "object.metadata.name == 1",
            "object.metadata.labels['a'] == 1",
        ),
    ),
    # Without a group any group's resource of that version is meant, as a REST mapper finds it.
    "any group": (("", "v1", "jobs"), ("object.spec.parallelism == 'a'",)),
    "singular": (("apps", "v1", "deployment"), ("object.spec.replicas == 'a'",)),
    "unknown": (("apps", "v1", "nothing"), ("object.spec.replicas == 'a'",)),
    "all versions": (("apps", "*", "deployments"), ("object.spec.replicas == 'a'",)),
    "subresource": (("apps", "v1", "deployments/scale"), ("object.spec.replicas == 'a'",)),
}


def _policy(name: str, rules: list[Body], validations: list[Body], **spec: Any) -> Body:
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": f"types-{name}"},
        "spec": {
            # Nothing is bound to them.
            "matchConstraints": {"resourceRules": rules},
            "validations": validations,
            **spec,
        },
    }


def _rule(group: str, version: str, *resources: str) -> Body:
    return {
        "apiGroups": [group],
        "apiVersions": [version],
        "operations": ["CREATE"],
        "resources": list(resources),
    }


def policies() -> list[Body]:
    """The policies, each with a name of its own."""
    made: list[Body] = []
    for name, (rule, texts) in _EXPRESSIONS.items():
        for index, text in enumerate(texts):
            more: Body = {"paramKind": {"apiVersion": "v1", "kind": "ConfigMap"}} if "params" in text else {}
            if "variables" in text:
                more["variables"] = [{"name": "known", "expression": "1"}]
            # What is stored must be bool where types are not known: these are what they compare to.
            whole = [{"expression": f"dyn({text}) == true"}]
            made.append(_policy(f"{name.replace(' ', '-')}-{index}", [_rule(*rule)], whole, **more))
    bad = [{"expression": "object.spec.replicas == 'a'"}]
    made.append(_policy("several", [_rule("apps", "v1", "statefulsets", "deployments", "daemonsets")], bad))
    many = ("pods", "services", "secrets", "configmaps", "nodes", "endpoints", "events", "limitranges",
            "namespaces", "persistentvolumes", "resourcequotas", "serviceaccounts")  # fmt: skip
    made.append(_policy("many", [_rule("", "v1", *many)], bad))
    made.append(_policy("two-rules", [_rule("apps", "v1", "replicasets"), _rule("batch", "v1", "jobs")], bad))
    made.append(
        _policy(
            "messages",
            [_rule("apps", "v1", "deployments")],
            [
                {"expression": "true", "messageExpression": "string(object.spec.replicas)"},
                {"expression": "true", "messageExpression": "string(object.spec.nope)"},
                {"expression": "object.nope == 1", "messageExpression": "'a'", "message": "m"},
            ],
        )
    )
    made.append(
        _policy(
            "variables",
            [_rule("apps", "v1", "deployments")],
            [
                {"expression": "variables.count > 'a'"},
                {"expression": "variables.broken == 1"},
                {"expression": "variables.spec.nope == 1"},
                {"expression": "variables.names.all(n, n > 1)"},
                {"expression": "variables.twice == object.spec"},
            ],
            variables=[
                {"name": "count", "expression": "object.spec.replicas"},
                {"name": "broken", "expression": "object.spec.nope"},
                {"name": "spec", "expression": "object.spec"},
                {"name": "names", "expression": "object.spec.template.spec.containers.map(c, c.name)"},
                {"name": "twice", "expression": "variables.count * 2"},
            ],
        )
    )
    for index, (version, kind) in enumerate((("apps/v1", "Deployment"), ("a.b/v1", "Nothing"))):
        given = {"paramKind": {"apiVersion": version, "kind": kind}}
        text = [{"expression": "params.spec.replicas == 'a' || params.nope == 1"}]
        made.append(_policy(f"params-{index}", [_rule("", "v1", "pods")], text, **given))
    return made
