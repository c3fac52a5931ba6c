"""What an election asks the server about itself before it begins; and the policy that it can be fenced by."""

from __future__ import annotations

import io
import json
import socket
from pathlib import Path
from typing import Any

import pytest
from helpers.fake_transport import FakeResponse, FakeTransport

from reconcile.api.apps.v1 import Deployment
from reconcile.api.core.v1 import ConfigMap, Secret
from reconcile.client import Client
from reconcile.client.transport import TransportRequest
from reconcile.errors import ConfigurationError, TransportError
from reconcile.leaderelection import fence_policy, role_rules, surroundings
from reconcile.leaderelection.preflight import check_rights
from reconcile.leaderelection.surroundings import ask_who_we_are, own_namespace
from reconcile.manager.logs import make_logger
from reconcile.objects.identity import ObjectKey
from reconcile.runtime import SimulatedRuntime

KEY = ObjectKey("shop", "operator")
POD = "authentication.kubernetes.io/pod-name"


def test_in_a_pod_the_lease_is_in_its_namespace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surroundings, "SERVICE_ACCOUNT", tmp_path)
    with pytest.raises(ConfigurationError, match='say it, as in leader_election="my-namespace/operator"'):
        own_namespace("operator")
    (tmp_path / "namespace").write_text("shop\n")
    assert own_namespace("operator") == "shop"


def client_of(*answers: Any) -> Client:
    return Client(FakeTransport(*answers), runtime=SimulatedRuntime(1))


def review(**user: Any) -> dict[str, Any]:
    return {"status": {"userInfo": user}}


@pytest.mark.parametrize(
    ("answer", "user", "pod"),
    [
        (review(username="u", extra={POD: ["operator-0"], "other": ["x"]}), "u", "operator-0"),
        (review(username="u"), "u", ""),
        (review(username="u", extra={POD: []}), "u", ""),
        ({}, "", ""),
        ({"status": {"userInfo": "nobody"}}, "", ""),
        (FakeResponse(404, b"{}"), "", ""),
        (FakeResponse(200, b"no json"), "", ""),
        (TransportError("away"), "", ""),
    ],
)
async def test_the_server_knows_which_pod_we_are(answer: Any, user: str, pod: str) -> None:
    caller = await ask_who_we_are(client_of(*[answer] * 9))
    assert (caller.user, caller.pod) == (user, pod)
    assert caller.name == (pod or socket.gethostname())


async def rights(*lacking: str, fails: bool = False) -> str:
    """What is logged for a user without these verbs, given as `verb resource`."""

    def answer(request: TransportRequest) -> Any:
        if fails:
            return FakeResponse(403, b"{}")
        asked = json.loads(request.body or b"")["spec"]["resourceAttributes"]
        assert asked["namespace"] == "shop"
        return {"status": {"allowed": f"{asked['verb']} {asked['resource']}" not in lacking}}

    log = io.StringIO()
    client = client_of(*[answer] * 6)
    logger = make_logger(client.runtime, format="json", level="debug", stream=log)
    await check_rights(client, KEY, "alice", logger, watch=True)
    return log.getvalue()


async def test_nothing_is_said_when_nothing_is_missing() -> None:
    assert await rights() == ""


async def test_what_is_needed_is_an_error_that_says_what_to_add() -> None:
    with pytest.raises(ConfigurationError) as caught:
        await rights("create leases", "get leases", "update leases", "watch leases")
    assert str(caught.value) == (
        "leader election: alice may not create or get or update leases.coordination.k8s.io in the namespace "
        "shop. Add to a Role there that is bound to it:\n\n"
        "- apiGroups: [coordination.k8s.io]\n"
        "  resources: [leases]\n"
        "  verbs: [create]\n"
        "- apiGroups: [coordination.k8s.io]\n"
        "  resources: [leases]\n"
        "  resourceNames: [operator]\n"
        "  verbs: [get, update]"
    )


async def test_what_is_of_use_is_a_warning() -> None:
    (line,) = (await rights("watch leases", "create events")).splitlines()
    said = json.loads(line)
    assert said["level"] == "warning"
    assert said["message"] == (
        "leader election works, but alice may not watch leases.coordination.k8s.io nor create "
        "events.events.k8s.io in the namespace shop"
    )
    assert said["rules"][0] == {
        "apiGroups": ["coordination.k8s.io"],
        "resources": ["leases"],
        "resourceNames": ["operator"],
        "verbs": ["watch"],
    }


async def test_a_server_that_is_not_to_be_asked_stops_nothing() -> None:
    assert "could not be asked for" in await rights(fails=True)


def test_the_rules_of_a_role() -> None:
    assert role_rules("operator") == [
        {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create"]},
        {
            "apiGroups": ["coordination.k8s.io"],
            "resources": ["leases"],
            "resourceNames": ["operator"],
            "verbs": ["get", "update", "watch"],
        },
        {"apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": ["create", "patch"]},
    ]


def test_a_policy_fences_kinds_with_their_subresources_by_group() -> None:
    policy, binding = fence_policy(
        "operator", namespace="shop", service_account="robot", kinds=[ConfigMap, Deployment, Secret]
    )
    assert policy["metadata"]["name"] == binding["metadata"]["name"] == "operator.shop.fence"
    assert binding["spec"]["paramRef"] == {
        "name": "operator",
        "namespace": "shop",
        "parameterNotFoundAction": "Allow",
    }
    operations = ["CREATE", "UPDATE", "DELETE"]
    assert policy["spec"]["matchConstraints"]["resourceRules"] == [
        {
            "apiGroups": [""],
            "apiVersions": ["v1"],
            "operations": operations,
            "resources": ["configmaps", "configmaps/*", "secrets", "secrets/*"],
        },
        {
            "apiGroups": ["apps"],
            "apiVersions": ["v1"],
            "operations": operations,
            "resources": ["deployments", "deployments/*"],
        },
    ]
    conditions = [each["expression"] for each in policy["spec"]["matchConditions"]]
    assert "request.userInfo.username == 'system:serviceaccount:shop:robot'" in conditions


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "Operator"}, "cannot name a Lease"),
        ({"namespace": "x y"}, "cannot be a namespace"),
        ({"service_account": "o'r"}, "cannot be a service account"),
        ({"kinds": []}, "nothing would be fenced"),
        ({"kinds": ["configmaps"]}, "is not a kind"),
    ],
)
def test_a_policy_that_cannot_work_is_refused(arguments: dict[str, Any], message: str) -> None:
    given: dict[str, Any] = {
        "name": "operator",
        "namespace": "shop",
        "service_account": "robot",
        "kinds": [ConfigMap],
        **arguments,
    }
    with pytest.raises(ConfigurationError, match=message):
        fence_policy(given.pop("name"), **given)
