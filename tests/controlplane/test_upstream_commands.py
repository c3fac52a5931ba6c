"""Kubernetes' own suite of kubectl commands before the embedded server and a real kube-controller-manager.

Which functions of it are left out, and why, is in helpers/upstream_commands.py.
"""

from __future__ import annotations

import shutil

import pytest
from helpers.upstream_commands import LEFT_OUT, PROGRAMS, run_commands
from helpers.upstream_world import upstream_world

from reconcile.testing.control_plane.build import ensure_binaries
from reconcile.testing.requirements import require

_AT_LEAST = 80
_WITHIN = 2 * 3600


@pytest.mark.nightly
@pytest.mark.real_time
@pytest.mark.timeout(_WITHIN + 1200)
def test_upstreams_kubectl_commands_do_on_the_embedded_server_what_they_do_upstream(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    require("controlplane")
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        pytest.skip(f"upstream's suite of kubectl commands calls {', '.join(missing)}")
    binaries = ensure_binaries()
    with upstream_world(tmp_path_factory.mktemp("commands"), binaries, commands=True) as world:
        outcome = run_commands(world, binaries, within=_WITHIN)
        assert world.running() == ["server", "kube-controller-manager"]
        assert "Traceback" not in world.logs()["server"]
    print(f"functions: {len(outcome.run)} run, {len(outcome.run) - len(outcome.failed)} passed")
    print(f"single checks that succeeded: {outcome.checks}")
    for name, reason in LEFT_OUT.items():
        print(f"left out: {name}: {reason}")
    assert not outcome.failed, "\n\n".join(f"{name}:\n{text}" for name, text in outcome.failed.items())
    assert len(outcome.run) >= _AT_LEAST
