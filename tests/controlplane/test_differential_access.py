"""Access control answers as the real server's does: who asks, whether they may, how it is refused."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from helpers.access_builders import LINES
from helpers.access_cases import cases
from helpers.access_servers import (
    RBAC,
    converse,
    guarded_control_plane,
    guarded_servers,
    make_namespace,
    settle,
    until_rules,
)
from helpers.differential import Ask, differences
from helpers.differential_lines import missing

from reconcile import ForbiddenError
from reconcile.api.core.v1 import Node
from reconcile.apiserver.interfaces import User
from reconcile.client.client import Client
from reconcile.testing.control_plane import ControlPlane
from reconcile.testing.control_plane.build import ensure_binaries

pytestmark = [pytest.mark.controlplane, pytest.mark.real_time]
_NAMES = tuple(cases("any"))


@pytest.fixture(scope="module")
def plane(needs_control_plane: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    with guarded_control_plane(tmp_path_factory.mktemp("tokens")) as plane:
        yield plane


@pytest.fixture(scope="module")
def met() -> Iterator[Counter[tuple[str, bool]]]:
    """How often each line was met, in good and bad form; printed at the end."""
    counts: Counter[tuple[str, bool]] = Counter()
    yield counts
    width = max(map(len, LINES))
    print(f"\n{'line':{width}}  good  bad")
    for line in LINES:
        print(f"{line:{width}}  {counts[line, True]:4} {counts[line, False]:4}")


@pytest.mark.parametrize("name", _NAMES)
async def test_both_servers_let_the_same_users_do_the_same(
    name: str, plane: ControlPlane, tmp_path: Path, met: Counter[Any]
) -> None:
    namespace = f"access-{_NAMES.index(name):04}"
    async with guarded_servers(plane, tmp_path) as servers:
        await make_namespace(servers, namespace)
        comparison = await converse(servers, cases(namespace)[name], namespace)
    met.update(comparison.met)
    assert not comparison.found, "\n".join(comparison.found)


def test_every_line_of_access_is_met_in_good_and_bad_form(met: Counter[Any], request: Any) -> None:
    asked = {item.name for item in request.session.items if item.path == request.path}
    if len(asked) < len(_NAMES):
        pytest.skip("only some of the conversations were run")
    # A certificate of another authority ends the connection here; the real server answers 401.
    one_form = {"access: client certificate (bad form)"}
    lines = [line for line in missing(met.elements(), LINES) if line not in one_form]
    assert not lines, f"never met: {', '.join(lines)}"


_ROLE = """
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reconciled, namespace: default}
rules: [{verbs: [%s], apiGroups: [""], resources: [pods]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: reconciled, namespace: default}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reconciled}
subjects: [{kind: User, apiGroup: rbac.authorization.k8s.io, name: bob}]
"""
_KUBECTL = (
    ("auth whoami --token=alice-token -o jsonpath={.status}", ""),
    ("auth whoami --token=nobody-token", ""),
    ("auth whoami --token=carol-token --as=zoe --as-group=one --as-group=two --as-uid=7", ""),
    ("auth can-i list pods --token=bob-token", ""),
    ("auth can-i --list --token=alice-token", ""),
    ("auth can-i --list --token=carol-token", ""),
    ("auth can-i create roles.rbac.authorization.k8s.io/x --token=bob-token", ""),
    ("auth can-i get /metrics --token=bob-token", ""),
    ("auth reconcile -f - --token=carol-token", _ROLE % "get"),
    ("auth can-i get pods --as=bob --token=carol-token", ""),
    ("auth reconcile -f - --token=carol-token", _ROLE % "list, watch"),
    ("auth reconcile -f - --token=carol-token --remove-extra-permissions", _ROLE % "watch"),
    ("get role reconciled -o jsonpath={.rules} --token=carol-token", ""),
    ("get pods --token=alice-token", ""),
    ("get pods --token=wrong-token", ""),
    ("get pods --token=twice-token --as=bob", ""),
    ("delete role,rolebinding reconciled --token=carol-token", ""),
)


async def test_kubectl_says_the_same_of_both_servers(plane: ControlPlane, tmp_path: Path) -> None:
    theirs = tmp_path / "real"
    config = yaml.safe_load(plane.kubeconfig.read_text())
    config["users"] = [{"name": user["name"], "user": {}} for user in config["users"]]
    theirs.write_text(yaml.safe_dump(config))
    program = ensure_binaries().path("kubectl")
    async with guarded_servers(plane, tmp_path) as servers:
        for words, stdin in _KUBECTL:
            said = [
                await asyncio.to_thread(_run, program, kubeconfig, words, stdin)
                for kubeconfig in (theirs, servers.kubeconfig)
            ]
            assert said[0] == said[1], words
            if "reconcile" in words:
                await settle(servers.real, "default")


@pytest.mark.parametrize("groups", [(), ("one", "two"), ("system:masters",)])
async def test_a_client_certificate_says_who_asks(
    groups: tuple[str, ...], plane: ControlPlane, tmp_path: Path
) -> None:
    async with guarded_servers(plane, tmp_path) as servers:
        theirs = await asyncio.to_thread(plane.kubeconfig_for, "cert-user", groups)
        ours = servers.address.write_kubeconfig(tmp_path / "user", user=User("cert-user", groups))
        said: list[list[Any]] = []
        for kubeconfig in (theirs, ours):
            async with Client.from_kubeconfig(kubeconfig) as client:
                who = await ask_who(client)
                # The certificates' own fingerprints.
                (credential,) = who["extra"].pop("authentication.kubernetes.io/credential-id")
                assert credential.startswith("X509SHA256=")
                try:
                    may: object = len(await client.list(Node)) >= 0
                except ForbiddenError as error:
                    may = error.message
                said.append([who, may])
        assert said[0] == said[1]


async def ask_who(client: Client) -> dict[str, Any]:
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    return (await client.create(review))["status"]["userInfo"]


def _run(program: Path, kubeconfig: Path, words: str, stdin: str) -> tuple[int, list[str], list[str]]:
    done = subprocess.run(
        [program, f"--kubeconfig={kubeconfig}", f"--cache-dir={kubeconfig}.cache", *words.split()],
        input=stdin, capture_output=True, text=True, timeout=90, check=False,
        env={**os.environ, "KUBECTL_KUBERC": "false"},
    )  # fmt: skip
    # The rows of a list come in the order of a map.
    return done.returncode, sorted(done.stdout.splitlines()), sorted(done.stderr.splitlines())


@pytest.mark.parametrize("kind", ["clusterroles", "clusterrolebindings", "roles", "rolebindings"])
async def test_a_new_cluster_has_the_same_roles_and_bindings(
    kind: str, plane: ControlPlane, tmp_path: Path
) -> None:
    async with guarded_servers(plane, tmp_path) as servers:
        for name in ("view", "edit", "admin"):
            # Its controller fills them a moment after the start.
            rules = (await servers.ours(Ask("GET", f"{RBAC}/clusterroles/{name}"))).body["rules"]
            await until_rules(servers.real, Ask("UNTIL", f"{RBAC}/clusterroles/{name}", rules))
        query = "?labelSelector=kubernetes.io/bootstrapping=rbac-defaults"
        found: list[dict[str, Any]] = []
        for ask in (servers.real, servers.ours):
            answer = await ask(Ask("GET", f"{RBAC}/{kind}{query}"))
            items = answer.body["items"]
            assert items
            found.append({_key(item): _comparable(item) for item in items})
    real, ours = found
    assert real.keys() == ours.keys()
    wrong = [line for key in real for line in differences(real[key], ours[key], key)]
    assert not wrong, "\n".join(wrong)


def _key(obj: dict[str, Any]) -> str:
    return f"{obj['metadata'].get('namespace', '')}/{obj['metadata']['name']}"


def _comparable(obj: dict[str, Any]) -> dict[str, Any]:
    """Without what the server draws, and managed fields without their times, in their order."""
    metadata = {
        key: value
        for key, value in obj["metadata"].items()
        if key not in ("uid", "resourceVersion", "creationTimestamp", "managedFields")
    }
    managed = sorted(
        ({**entry, "time": ""} for entry in obj["metadata"]["managedFields"]),
        key=lambda entry: entry["manager"],
    )
    return {**obj, "metadata": {**metadata, "managedFields": managed}}
