"""What a test needs of the machine it runs on."""

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from typing import Literal, get_args

import pytest

from reconcile.testing.control_plane import BinariesUnavailableError, ensure_binaries

Requirement = Literal["controlplane", "kind"]

REQUIRE_VARIABLE = "RECONCILE_REQUIRE"

_ENGINE_TIMEOUT_SECONDS = 30.0


def require(requirement: Requirement) -> None:
    """Skips the running test, with the reason, on a machine that lacks what it needs.

    Where the environment variable `RECONCILE_REQUIRE` (a comma-separated list) names the requirement, the
    test fails instead. `"controlplane"`: executables for `ControlPlane`, which are built at the first call.
    `"kind"`: a container engine that answers. To be called from a test or a fixture, best of session scope:
    the machine is then asked once.

    Raises `ValueError` for a requirement that is not known, in the argument or in the variable.
    """
    known: tuple[Requirement, ...] = get_args(Requirement)
    must_be_met = {name.strip() for name in os.environ.get(REQUIRE_VARIABLE, "").split(",")} - {""}
    if unknown := {requirement, *must_be_met} - set(known):
        raise ValueError(
            f"unknown requirement {', '.join(sorted(unknown))}; one of {', '.join(known)} is meant"
        )
    problem = _problem(requirement)
    if problem is None:
        return
    if requirement in must_be_met:
        pytest.fail(f"{REQUIRE_VARIABLE} names {requirement}: {problem}", pytrace=False)
    pytest.skip(f"needs {requirement}: {problem}")


def _problem(requirement: Requirement) -> str | None:
    probes: Mapping[Requirement, Callable[[], str | None]] = {
        "controlplane": _control_plane_problem,
        "kind": _kind_problem,
    }
    return probes[requirement]()


def _control_plane_problem() -> str | None:
    try:
        ensure_binaries()
    except BinariesUnavailableError as error:
        return str(error)
    return None


def _kind_problem() -> str | None:
    engine = shutil.which("docker")
    if engine is None:
        return "no `docker` in PATH; install a container engine"
    try:
        done = subprocess.run(
            [engine, "version"], capture_output=True, text=True, timeout=_ENGINE_TIMEOUT_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return f"`docker version` did not answer within {_ENGINE_TIMEOUT_SECONDS:g} s; restart the engine"
    if done.returncode != 0:
        return f"`docker version` failed, start the engine: {done.stderr.strip()}"
    return None
