"""Built-in kinds: decoding, defaults, and the words of refusals."""

from __future__ import annotations

from typing import Any

import pytest

from reconcile.apiserver.schemas import BuiltinSchema, BuiltinSchemas
from reconcile.apiserver.status import StatusError
from reconcile.objects.identity import GroupVersionKind

SCHEMAS = BuiltinSchemas()


def schema(api_version: str, kind: str) -> BuiltinSchema:
    found = SCHEMAS.schema_for(GroupVersionKind.of(api_version, kind))
    assert found is not None
    return found


def deployment(**spec: Any) -> dict[str, Any]:
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x"}, "spec": spec}


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ({"replicas": "a"}, "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32"),  # noqa: E501
        ({"replicas": 1.5}, "json: cannot unmarshal number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32"),  # noqa: E501
        ({"template": []}, "json: cannot unmarshal array into Go struct field DeploymentSpec.spec.template of type v1.PodTemplateSpec"),  # noqa: E501
        ({"template": {"metadata": {"labels": {"a": 1}}}}, "json: cannot unmarshal number into Go struct field ObjectMeta.spec.template.metadata.labels of type string"),  # noqa: E501
        ({"template": {"metadata": {"creationTimestamp": "foo"}}}, 'parsing time "foo" as "2006-01-02T15:04:05Z07:00": cannot parse "foo" as "2006"'),  # noqa: E501
    ],
)  # fmt: skip
def test_a_value_of_the_wrong_type_is_refused_in_the_words_of_the_server(
    spec: dict[str, Any], text: str
) -> None:
    with pytest.raises(StatusError) as caught:
        schema("apps/v1", "Deployment").check(deployment(**spec))
    expected = f'Deployment in version "v1" cannot be handled as a Deployment: {text}'
    assert (caught.value.code, caught.value.message) == (400, expected)


def test_unknown_fields_are_dropped_and_named() -> None:
    obj = deployment(foo=1, template={"spec": {"containers": [{"name": "a"}, {"name": "b", "bar": 1}]}})
    findings = schema("apps/v1", "Deployment").check(obj)
    assert findings == ['unknown field "spec.foo"', 'unknown field "spec.template.spec.containers[1].bar"']
    assert "foo" not in obj["spec"]


def test_zero_values_are_as_the_server_shows_them() -> None:
    obj = deployment(paused=False, replicas=0, minReadySeconds=0)
    schema("apps/v1", "Deployment").check(obj)
    assert obj["spec"] == {
        "replicas": 0,
        "selector": None,
        "template": {"metadata": {}, "spec": {"containers": None}},
        "strategy": {},
    }


def test_quantities_become_canonical() -> None:
    obj = {
        "kind": "Node",
        "apiVersion": "v1",
        "metadata": {},
        "status": {"capacity": {"cpu": "4000m", "memory": "0.5Gi"}},
    }
    schema("v1", "Node").check(obj)
    assert obj["status"]["capacity"] == {"cpu": "4", "memory": "512Mi"}


def test_a_pod_gets_the_defaults_of_its_parts() -> None:
    obj: dict[str, Any] = {
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": {},
        "spec": {"containers": [{"name": "a", "image": "x"}]},
    }
    pods = schema("v1", "Pod")
    pods.check(obj)
    pods.default(obj)
    assert obj["spec"]["restartPolicy"] == "Always"
    assert obj["spec"]["containers"][0]["imagePullPolicy"] == "Always"
    assert obj["spec"]["terminationGracePeriodSeconds"] == 30


def test_every_served_kind_has_a_schema_that_decodes_nothing() -> None:
    for served in SCHEMAS.served:
        kind = GroupVersionKind(served.group, served.version, served.response_kind.kind)
        found = SCHEMAS.schema_for(kind)
        assert found is not None, kind
        obj = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": {}}
        assert found.check(obj) == []
        found.default(obj)
