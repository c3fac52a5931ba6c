"""Generated definitions on a real API server: it takes them, and says of objects what the models say."""

from __future__ import annotations

import asyncio
import collections
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from random import Random
from typing import Any, Literal

import pytest
from helpers.crd_models import CASES, Case
from helpers.crd_objects import Kind, Verdicts, server_paths
from helpers.kubectl import Kubectl
from helpers.large_model import Monitor

from examples.operators.database import Database
from reconcile import Client, CustomResource, Model
from reconcile.crd import generate, install_crds, to_yaml
from reconcile.crd.install import CRD
from reconcile.errors import APIError, NotFoundError
from reconcile.testing.control_plane import ControlPlane
from reconcile.testing.control_plane.build import ensure_binaries

pytestmark = [
    pytest.mark.controlplane,
    pytest.mark.real_time,
    pytest.mark.timeout(900),
]

AT_ONCE = 8
"""Requests under way."""

LAST_APPLIED_LIMIT = 262144
"""Bytes of all annotations of an object; `kubectl apply` keeps the whole object in one."""


@pytest.fixture(scope="module")
def kubectl(control_plane: ControlPlane) -> Kubectl:
    return Kubectl(ensure_binaries().path("kubectl"), control_plane.kubeconfig)


@asynccontextmanager
async def connected(plane: ControlPlane) -> AsyncIterator[Client]:
    async with Client.from_kubeconfig(plane.kubeconfig) as client:
        yield client


async def installed(client: Client, models: list[type[CustomResource]]) -> None:
    """Definitions that are there, served, and structural."""
    await install_crds(client, models, timeout=120)
    for generated in generate(models):
        name = generated.definition["metadata"]["name"]
        found = await client.get(CRD, name)
        assert not [
            each for each in found["status"]["conditions"] if each["type"] == "NonStructuralSchema"
        ], name


async def verdict(client: Client, wire: Mapping[str, Any], *, strict: bool) -> tuple[Any, str]:
    """The paths that the server refuses; None where it takes the object. Nothing is stored."""
    try:
        validation: Literal["Strict", "Ignore"] = "Strict" if strict else "Ignore"
        await client.create(dict(wire), dry_run=True, field_validation=validation)
    except APIError as error:
        return server_paths(error.causes, str(error)), str(error)
    return None, ""


# -- the classic example -----------------------------------------------------------------------------------


class DatabaseSpec(Model):
    size: Literal["small", "medium", "large"]
    """How much machine it gets."""
    backup: bool = False


class DatabaseStatus(Model):
    phase: str | None = None
    endpoint: str | None = None


class Classic(
    CustomResource, group="classic.example.com", version="v1", kind="Database", short_names=["cdb"]
):
    """A database."""

    spec: DatabaseSpec
    status: DatabaseStatus | None = None


async def test_the_classic_database_is_established_explained_printed_and_validated(
    control_plane: ControlPlane, kubectl: Kubectl
) -> None:
    async with connected(control_plane) as client:
        await installed(client, [Classic])
        resource = Classic.__resource_type__
        assert resource.plural == "databases"

        def manifest(name: str, **spec: Any) -> str:
            metadata = {"name": name, "namespace": "default"}
            return json.dumps(
                {"apiVersion": resource.api_version, "kind": "Database", "metadata": metadata, "spec": spec}
            )

        await asyncio.to_thread(kubectl, "apply", "-f", "-", stdin=manifest("good", size="small"))
        refused = await asyncio.to_thread(
            kubectl, "apply", "-f", "-", stdin=manifest("bad", size="huge"), good=False
        )
        assert "spec.size: Unsupported value" in refused and '"small", "medium", "large"' in refused
        unknown = await asyncio.to_thread(
            kubectl, "apply", "-f", "-", stdin=manifest("bad", size="small", sise=1), good=False
        )
        assert 'unknown field "spec.sise"' in unknown
        assert (await client.get(Classic, "default/good")).spec == DatabaseSpec(size="small", backup=False)
        listed = await asyncio.to_thread(kubectl, "get", "cdb", "-n", "default")
        assert listed.split()[:2] == ["NAME", "AGE"] and "good" in listed
        # kubectl reads the server's OpenAPI, which follows the definition by a moment.
        explained = await _explained(kubectl, "databases.spec", resource.api_version, "size")
        assert "size" in explained and "-required-" in explained and "enum: small, medium, large" in explained


async def _explained(kubectl: Kubectl, path: str, api_version: str, word: str) -> str:
    last = ""
    async with asyncio.timeout(120):
        while True:
            arguments = ("explain", path, f"--api-version={api_version}")
            try:
                last = await asyncio.to_thread(kubectl, *arguments)
            except AssertionError as error:
                last = str(error)
            if word in last:
                return last
            await asyncio.sleep(0.2)


async def test_the_examples_database_is_printed_with_its_columns(
    control_plane: ControlPlane, kubectl: Kubectl
) -> None:
    async with connected(control_plane) as client:
        await installed(client, [Database])
        obj = {
            "apiVersion": "example.com/v1",
            "kind": "Database",
            "metadata": {"name": "printed", "namespace": "default"},
            "spec": {"size": "large"},
        }
        await client.create(obj)
        listed = await asyncio.to_thread(kubectl, "get", "databases.example.com", "-n", "default")
        assert listed.splitlines()[0].split() == ["NAME", "SIZE", "PHASE", "AGE"]
        assert listed.splitlines()[1].split()[:2] == ["printed", "large"]


# -- every kind of the catalogue ---------------------------------------------------------------------------


async def ask_of_all(plane: ControlPlane, each: int) -> None:
    """Draw, break, ask both, compare; print what was exercised.

    Args:
        each: how many objects are drawn of each kind; as many are broken.
    """
    counts: collections.Counter[str] = collections.Counter()
    exercised: collections.Counter[str] = collections.Counter(
        {feature: 0 for case in CASES for feature in case.features.values()}
    )
    wrong: list[str] = []
    async with connected(plane) as client:
        await installed(client, [case.model for case in CASES])
        for case in CASES:
            await _ask_of_one(client, Kind(case), each, counts, exercised, wrong)
    unasked = counts.pop("known to differ, not asked", 0)
    print(f"\n{len(CASES)} kinds, {sum(counts.values())} objects judged:", dict(counts))
    print(f"and {unasked} that Python and the server are known to judge otherwise, not asked")
    width = max(map(len, exercised))
    for feature, number in sorted(exercised.items()):
        print(f"  {feature:<{width}} {number:>5}")
    assert not wrong, f"{len(wrong)} disagreements\n" + "\n".join(wrong[:20])
    assert all(exercised.values()), [feature for feature, number in exercised.items() if not number]


async def _ask_of_one(
    client: Client,
    kind: Kind,
    each: int,
    counts: collections.Counter[str],
    exercised: collections.Counter[str],
    wrong: list[str],
) -> None:
    gate = asyncio.Semaphore(AT_ONCE)
    drawn = kind.drawn(each)
    assert len(drawn) == each, f"{kind.case.name}: only {len(drawn)} objects could be drawn"

    async def good(wire: dict[str, Any]) -> None:
        async with gate:
            paths, said = await verdict(client, wire, strict=True)
        counts["drawn and accepted"] += 1
        exercised.update(kind.features_in(wire))
        if paths is not None:
            wrong.append(f"{kind.case.name}: drawn and refused: {wire.get('spec')}: {said}")

    async def bad(wire: dict[str, Any], number: int) -> None:
        """Break it until both refuse it."""
        for _, changed in zip(range(40), kind.broken(wire, Random(number)), strict=False):
            if kind.known(wire, changed):
                counts["known to differ, not asked"] += 1
                continue
            python, words = kind.judged_by_python(changed)
            async with gate:
                server, said = await verdict(client, changed, strict=False)
            judged = Verdicts(changed, python, server, f"{words}\n{said}")
            if not judged.agree:
                wrong.append(
                    f"{kind.case.name}: {changed.get('spec')}\n  Python: {python}\n  server: {server} {said}"
                )
                return
            if python is not None:
                counts["broken and refused by both, at the same field"] += 1
                exercised.update(kind.features_in(changed))
                return
            counts["changed and accepted by both"] += 1

    async with asyncio.TaskGroup() as group:
        for number, wire in enumerate(drawn):
            group.create_task(good(wire))
            group.create_task(bad(wire, number))


@pytest.mark.parametrize("share", [6])
async def test_a_share_of_drawn_and_broken_objects_is_judged_alike(
    control_plane: ControlPlane, share: int
) -> None:
    await ask_of_all(control_plane, share)


@pytest.mark.nightly
async def test_thousands_of_drawn_and_broken_objects_are_judged_alike(control_plane: ControlPlane) -> None:
    await ask_of_all(control_plane, 60)


async def test_what_the_server_fills_in_is_what_python_fills_in(control_plane: ControlPlane) -> None:
    def read(case: Case, wire: Mapping[str, Any]) -> dict[str, Any]:
        found = case.model.model_validate_json(json.dumps(wire))
        return found.model_dump(mode="json", by_alias=True, exclude={"metadata", "status"})

    async with connected(control_plane) as client:
        await installed(client, [case.model for case in CASES])
        for case in CASES:
            kind = Kind(case)
            (drawn,) = kind.drawn(1)
            least = kind.without_defaults(drawn)
            answer = await client.create(least, dry_run=True, field_validation="Strict")
            assert read(case, answer) == read(case, least), case.name


@pytest.mark.parametrize("case", [case for case in CASES if case.refused], ids=lambda case: case.name)
async def test_what_is_wrong_in_one_place_is_named_by_both(control_plane: ControlPlane, case: Case) -> None:
    kind = Kind(case)
    async with connected(control_plane) as client:
        await installed(client, [case.model])
        for spec, path in case.refused:
            wire = kind.of_spec(spec)
            python, words = kind.judged_by_python(wire)
            server, said = await verdict(client, wire, strict=False)
            assert python is not None and any(path in each for each in python), (spec, words)
            assert server is not None and any(path in each for each in server), (spec, said)


@pytest.mark.parametrize("case", [case for case in CASES if case.updates], ids=lambda case: case.name)
async def test_transitions_are_judged_alike(control_plane: ControlPlane, case: Case) -> None:
    kind = Kind(case)
    async with connected(control_plane) as client:
        await installed(client, [case.model])
        for number, (before, after, path) in enumerate(case.updates):
            old, new = kind.of_spec(before), kind.of_spec(after)
            for wire in (old, new):
                wire["metadata"]["name"] = f"update-{case.name.lower()}-{number}"
            created = await client.create(old)
            changed = {**new, "metadata": created["metadata"]}
            python, _ = kind.judged_by_python(new, old)
            try:
                await client.update(changed, dry_run=True)
                server = None
            except APIError as error:
                server = server_paths(error.causes, str(error))
            expected = frozenset({path}) if path else None
            assert (python, server) == (expected, expected), (before, after)


# -- a large model -----------------------------------------------------------------------------------------


async def test_a_large_kind_with_cut_descriptions_can_be_applied_by_kubectl(
    control_plane: ControlPlane, kubectl: Kubectl
) -> None:
    (whole,) = generate([Monitor])
    refused = await asyncio.to_thread(
        kubectl, "apply", "-f", "-", stdin=to_yaml(whole.definition), good=False
    )
    assert "metadata.annotations: Too long" in refused
    (generated,) = generate([Monitor], max_description=0)
    text = to_yaml(generated.definition)
    await asyncio.to_thread(kubectl, "apply", "-f", "-", stdin=text)
    name = generated.definition["metadata"]["name"]
    async with connected(control_plane) as client:
        found = await client.get(CRD, name)
        annotation = found["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"]
        assert len(annotation) < LAST_APPLIED_LIMIT
        await installed(client, [Monitor])
        await client.delete(CRD, name)
        async with asyncio.timeout(120):
            while True:
                try:
                    await client.get(CRD, name)
                except NotFoundError:
                    break
                await asyncio.sleep(0.2)
