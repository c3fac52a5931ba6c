"""What the controllers do in the end is the same beside a kube-controller-manager and in the embedded server.

Both are asked the same until they agree: how long a controller takes is no behaviour.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from helpers.differential import Answer, Ask, delete, embedded_server, get, merge, post, real_server
from helpers.differential_compare import Comparison
from helpers.differential_lines import CONTROLLERS, missing
from helpers.differential_storage import config_map

from reconcile.apiserver import APIServer
from reconcile.apiserver.interfaces import User
from reconcile.testing.control_plane import ControlPlane, ControlPlaneOptions

pytestmark = [pytest.mark.controlplane, pytest.mark.real_time]

Body = dict[str, Any]
_ADMIN = User("admin", ("system:masters", "system:authenticated"))
_WITHIN = 120.0
_RUN = (
    "garbage-collector-controller", "namespace-controller", "serviceaccount-controller",
    "root-ca-certificate-publisher-controller", "ttl-after-finished-controller",
    "persistentvolumeclaim-protection-controller",
)  # fmt: skip


@pytest.fixture(scope="module")
def plane(needs_control_plane: None) -> Iterator[ControlPlane]:
    with ControlPlane(ControlPlaneOptions(controllers=_RUN)) as started:
        yield started


@pytest.fixture(scope="module")
def met() -> Iterator[Counter[tuple[str, bool]]]:
    counts: Counter[tuple[str, bool]] = Counter()
    yield counts
    lines = (f"{line}: good {counts[line, True]}, bad {counts[line, False]}" for line in CONTROLLERS)
    print("\n" + "\n".join(lines))


class Both:
    """The two servers in one conversation."""

    def __init__(self, comparison: Comparison, met: Counter[tuple[str, bool]]) -> None:
        self._comparison = comparison
        self._met = met

    async def asked(self, *questions: Ask) -> None:
        """Ask both what must succeed; what is answered depends on how far their controllers were by then."""
        for question in questions:
            for answer in await self._comparison.put(question):
                assert answer.status < 300, f"{question}: {answer.body}"

    async def agree(self, path: str, wanted: set[str] | int, *lines: tuple[str, bool]) -> None:
        """Both answer with these names at last (or with this status), and go on to."""
        async with asyncio.timeout(_WITHIN):
            while True:
                answers = await self._comparison.put(get(path))
                if all(_shows(answer, wanted) for answer in answers):
                    break
                await asyncio.sleep(0.1)
        self._met.update(lines)

    async def agree_to_refuse(self, question: Ask) -> None:
        """Both come to refuse it."""
        async with asyncio.timeout(_WITHIN):
            while not all(answer.status >= 400 for answer in await self._comparison.put(question)):
                await asyncio.sleep(0.1)

    async def conditions(self, path: str, *texts: str) -> None:
        """Both come to say this in the conditions of an object, and say the same."""
        shown: list[Any] = []
        async with asyncio.timeout(_WITHIN):
            while not shown or not all(text in str(each) for each in shown for text in texts):
                answers = await self._comparison.put(get(path))
                shown = [_conditions(answer) for answer in answers]
                await asyncio.sleep(0.1)
        assert shown[0] == shown[1]


def _conditions(answer: Answer) -> list[Body]:
    found = answer.body.get("status", {}).get("conditions") or []
    return [{key: value for key, value in each.items() if key != "lastTransitionTime"} for each in found]


def _shows(answer: Answer, wanted: set[str] | int) -> bool:
    if isinstance(wanted, int):
        return answer.status == wanted
    return answer.status == 200 and {item["metadata"]["name"] for item in answer.body["items"]} == wanted


@asynccontextmanager
async def talking(plane: ControlPlane, met: Counter[Any], namespace: str) -> AsyncIterator[Both]:
    real = real_server(plane.url, plane.admin_certificate, plane.admin_key)
    async with APIServer() as server:
        both = Both(Comparison(real, embedded_server(server.transport(_ADMIN))), met)
        await both.asked(post("/api/v1/namespaces", {"metadata": {"name": namespace}}))
        await both.agree(f"/api/v1/namespaces/{namespace}/serviceaccounts", {"default"})
        await both.agree(f"/api/v1/namespaces/{namespace}/configmaps", {"kube-root-ca.crt"})
        yield both


def owned(name: str, *owners: str, **more: Any) -> Body:
    references = [
        {"apiVersion": "v1", "kind": "Secret", "name": owner, "uid": f"$uid({owner})", **more}
        for owner in owners
    ]
    made = config_map(name)
    made["metadata"]["ownerReferences"] = references
    return made


def owner(core: str, name: str) -> Ask:
    return post(f"{core}/secrets", {"metadata": {"name": name}}).named(name)


_ROOT = "kube-root-ca.crt"
_BACKGROUND, _FOREGROUND, _ORPHAN = (
    f"controllers: garbage collection, {name}" for name in ("background", "foreground", "orphan")
)
_CROSS, _SPACES = "controllers: owners in other namespaces", "controllers: deletion of namespaces"


async def test_dependents_go_when_no_owner_is_left(plane: ControlPlane, met: Counter[Any]) -> None:
    core = "/api/v1/namespaces/collected-1"
    maps = f"{core}/configmaps"
    async with talking(plane, met, "collected-1") as both:
        await both.asked(owner(core, "a"), owner(core, "b"))
        for each in (owned("one", "a"), owned("two", "a", "b"), owned("held", "a"), config_map("free")):
            await both.asked(post(maps, each))
        await both.asked(merge(f"{maps}/held", {"metadata": {"finalizers": ["example.com/held"]}}))
        await both.asked(delete(f"{core}/secrets/a", {"propagationPolicy": "Background"}))
        # The second has another owner, of the third only a finalizer is left.
        await both.agree(maps, {"two", "held", "free", _ROOT}, (_BACKGROUND, True), (_BACKGROUND, False))
        await both.asked(merge(f"{maps}/held", {"metadata": {"finalizers": None}}))
        await both.asked(delete(f"{core}/secrets/b", {"propagationPolicy": "Background"}))
        await both.agree(maps, {"free", _ROOT}, (_BACKGROUND, True))


async def test_owners_wait_for_dependents_that_block_them(plane: ControlPlane, met: Counter[Any]) -> None:
    core = "/api/v1/namespaces/collected-2"
    maps, secrets = f"{core}/configmaps", f"{core}/secrets"
    async with talking(plane, met, "collected-2") as both:
        await both.asked(owner(core, "a"), owner(core, "b"))
        blocking = owned("blocking", "a", blockOwnerDeletion=True)
        blocking["metadata"]["finalizers"] = ["example.com/held"]
        lazy = owned("lazy", "b")
        lazy["metadata"]["finalizers"] = ["example.com/held"]
        await both.asked(post(maps, blocking), post(maps, owned("other", "a")), post(maps, lazy))
        for name in ("a", "b"):
            await both.asked(delete(f"{secrets}/{name}", {"propagationPolicy": "Foreground"}))
        # One dependent does not block its owner, the other does.
        await both.agree(secrets, {"a"}, (_FOREGROUND, True), (_FOREGROUND, False))
        await both.agree(maps, {"blocking", "lazy", _ROOT})
        await both.asked(merge(f"{maps}/blocking", {"metadata": {"finalizers": None}}))
        await both.agree(secrets, set(), (_FOREGROUND, True))
        await both.agree(maps, {"lazy", _ROOT})


async def test_orphans_stay_without_their_owner(plane: ControlPlane, met: Counter[Any]) -> None:
    core = "/api/v1/namespaces/collected-3"
    maps = f"{core}/configmaps"
    async with talking(plane, met, "collected-3") as both:
        await both.asked(owner(core, "a"), owner(core, "b"), post(maps, owned("one", "a")))
        await both.asked(post(maps, owned("two", "a", "b")))
        await both.asked(delete(f"{core}/secrets/a", {"propagationPolicy": "Orphan"}))
        await both.agree(f"{core}/secrets", {"b"}, (_ORPHAN, True))
        await both.asked(delete(f"{core}/secrets/b", {"propagationPolicy": "Background"}))
        # What is owned by another still goes with that one.
        await both.agree(maps, {"one", _ROOT}, (_ORPHAN, False))


async def test_an_owner_in_another_namespace_is_no_owner(plane: ControlPlane, met: Counter[Any]) -> None:
    core = "/api/v1/namespaces/collected-4"
    async with talking(plane, met, "collected-4") as both:
        await both.asked(
            post("/api/v1/namespaces/default/secrets", {"metadata": {"name": "far"}}).named("far")
        )
        await both.asked(post(f"{core}/secrets", {"metadata": {"name": "near"}}).named("near"))
        await both.asked(post(f"{core}/configmaps", owned("one", "far")))
        await both.asked(post(f"{core}/configmaps", owned("two", "near")))
        await both.agree(f"{core}/configmaps", {"two", _ROOT}, (_CROSS, False), (_CROSS, True))
        await both.asked(delete("/api/v1/namespaces/default/secrets/far"))


async def test_a_namespace_goes_with_its_content(plane: ControlPlane, met: Counter[Any]) -> None:
    path = "/api/v1/namespaces/collected-5"
    async with talking(plane, met, "collected-5") as both:
        held = config_map("held")
        held["metadata"]["finalizers"] = ["example.com/held"]
        await both.asked(post(f"{path}/configmaps", held), post(f"{path}/configmaps", config_map("free")))
        await both.asked(post(f"{path}/secrets", {"metadata": {"name": "s"}}))
        await both.asked(delete(path))
        await both.agree(f"{path}/configmaps", {"held"}, (_SPACES, False))
        await both.agree(f"{path}/secrets", set())
        await both.asked(merge(f"{path}/configmaps/held", {"metadata": {"finalizers": None}}))
        await both.agree(path, 404, (_SPACES, True))


async def test_a_namespace_says_what_it_waits_for(plane: ControlPlane, met: Counter[Any]) -> None:
    path = "/api/v1/namespaces/collected-8"
    held = {"metadata": {"finalizers": ["example.com/b", "example.com/a"]}}
    pod = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i:1"}]}}
    async with talking(plane, met, "collected-8") as both:
        await both.asked(
            post(f"{path}/pods", pod),
            post(f"{path}/configmaps", config_map("one")),
            post(f"{path}/configmaps", config_map("two")),
            post(f"{path}/secrets", {"metadata": {"name": "s"}}),
        )
        for name in ("pods/p", "configmaps/one", "configmaps/two", "secrets/s"):
            await both.asked(merge(f"{path}/{name}", held))
        await both.asked(delete(path))
        # Of pods nothing is said, and nothing else is deleted while there are some.
        await both.conditions(path, "All content successfully removed")
        await both.asked(merge(f"{path}/pods/p", {"metadata": {"finalizers": None}}))
        await both.conditions(path, "configmaps. has 2", "secrets. has 1", "example.com/a in 3")
        for name in ("configmaps/one", "configmaps/two", "secrets/s"):
            await both.asked(merge(f"{path}/{name}", {"metadata": {"finalizers": None}}))
        await both.agree(path, 404, (_SPACES, True))


async def test_a_namespace_whose_content_may_not_go_says_who_refuses(
    plane: ControlPlane, met: Counter[Any]
) -> None:
    path, policies = "/api/v1/namespaces/collected-9", "/apis/admissionregistration.k8s.io/v1"
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["secrets"], "operations": ["DELETE"]}
    policy = {
        "metadata": {"name": "keeps-secrets"},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {"resourceRules": [rule]},
            "validations": [{"expression": "false", "message": "secrets are kept"}],
        },
    }
    selector = {"matchLabels": {"kubernetes.io/metadata.name": "collected-9"}}
    binding = {
        "metadata": {"name": "keeps-secrets"},
        "spec": {
            "policyName": "keeps-secrets",
            "validationActions": ["Deny"],
            "matchResources": {"namespaceSelector": selector},
        },
    }
    async with talking(plane, met, "collected-9") as both:
        await both.asked(
            post(f"{path}/secrets", {"metadata": {"name": "s"}}),
            post(f"{policies}/validatingadmissionpolicies", policy),
            post(f"{policies}/validatingadmissionpolicybindings", binding),
        )
        # A real server hears of a policy some time after it is made.
        await both.agree_to_refuse(delete(f"{path}/secrets/s", dryRun="All"))
        await both.asked(delete(path))
        await both.conditions(path, "ContentDeletionFailed")
        await both.asked(delete(f"{policies}/validatingadmissionpolicybindings/keeps-secrets"))
        await both.asked(delete(f"{policies}/validatingadmissionpolicies/keeps-secrets"))
        await both.agree(path, 404, (_SPACES, True))


async def test_accounts_and_roots_are_put_back(plane: ControlPlane, met: Counter[Any]) -> None:
    core = "/api/v1/namespaces/collected-6"
    accounts, roots = "controllers: service accounts", "controllers: root CA"
    async with talking(plane, met, "collected-6") as both:
        await both.asked(post(f"{core}/serviceaccounts", {"metadata": {"name": "mine"}}))
        await both.asked(post(f"{core}/configmaps", config_map("mine")))
        for path in ("serviceaccounts/mine", "configmaps/mine"):
            await both.asked(delete(f"{core}/{path}"))
        for kind, name in (("serviceaccounts", "default"), ("configmaps", _ROOT)):
            await both.asked(delete(f"{core}/{kind}/{name}"))
        await both.agree(f"{core}/serviceaccounts", {"default"}, (accounts, True), (accounts, False))
        await both.agree(f"{core}/configmaps", {_ROOT}, (roots, True), (roots, False))


async def test_finished_jobs_go_after_their_time(plane: ControlPlane, met: Counter[Any]) -> None:
    jobs = "/apis/batch/v1/namespaces/collected-7/jobs"
    line = "controllers: TTL of finished jobs"
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i:1"}]}}
    done = {
        "status": {
            "startTime": "2026-01-01T00:00:00Z",
            "completionTime": "2026-01-01T00:00:01Z",
            "succeeded": 1,
            "conditions": [
                {"type": kind, "status": "True", "lastTransitionTime": "2026-01-01T00:00:01Z"}
                for kind in ("SuccessCriteriaMet", "Complete")
            ],
        }
    }
    async with talking(plane, met, "collected-7") as both:
        for name, seconds in (("soon", 0), ("never", None), ("running", 0)):
            spec: Body = {"template": template}
            if seconds is not None:
                spec["ttlSecondsAfterFinished"] = seconds
            await both.asked(post(jobs, {"metadata": {"name": name}, "spec": spec}))
        for name in ("soon", "never"):
            await both.asked(merge(f"{jobs}/{name}/status", done))
        await both.agree(jobs, {"never", "running"}, (line, True), (line, False))


def test_every_controller_is_met_in_good_and_bad_form(met: Counter[tuple[str, bool]], request: Any) -> None:
    asked = [item for item in request.session.items if item.path == request.path]
    if len(asked) < 10:
        pytest.skip("only some of the conversations were run")
    assert not missing(met.elements(), CONTROLLERS), missing(met.elements(), CONTROLLERS)
