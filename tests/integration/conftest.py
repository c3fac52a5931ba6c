"""One suite, two servers: every test with a `session` runs on the embedded server and on a real one.

    async def test_something(session: Session) -> None:
        await session.client.create(session.config_map("a"))

The embedded server is met twice: in the process, and behind HTTPS as every other client meets it. What one
of them alone can do is said by a marker with the reason: `@pytest.mark.only_on("real", reason="…")`.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.servers import Server, Session

from reconcile.testing.control_plane import ControlPlane, ControlPlaneOptions
from reconcile.testing.requirements import require

SERVERS = ("embedded", "embedded-http", "real")
# What the embedded server does by itself as well.
_CONTROLLERS = (
    "garbage-collector-controller",
    "namespace-controller",
    "serviceaccount-controller",
    "root-ca-certificate-publisher-controller",
)


@pytest.fixture(scope="session")
def real_plane() -> Iterator[ControlPlane]:
    """etcd, kube-apiserver and the few controllers that the embedded server has too; one for all tests."""
    with _started() as plane:
        yield plane


@pytest.fixture(scope="module")
def fresh_plane() -> Iterator[ControlPlane]:
    """As `real_plane`, for the tests of one module: no custom kind of another one is published there."""
    with _started() as plane:
        yield plane


def _started() -> ControlPlane:
    require("controlplane")
    options = ControlPlaneOptions(
        controllers=_CONTROLLERS,
        # One kind is read from etcd alone, so that a compaction shows at once.
        apiserver_flags=("--watch-cache-sizes=podtemplates#0",),
    )
    return ControlPlane(options)


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Server:
    plane = request.getfixturevalue("real_plane") if request.param == "real" else None
    return Server(request.param, plane, tmp_path)


@pytest.fixture
def session(server: Server) -> Session:
    """Open while the test runs."""
    return Session(server)


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """A test's session is opened on the test's own event loop."""
    session = pyfuncitem.funcargs.get("session")
    if isinstance(session, Session):
        test = pyfuncitem.obj

        async def in_session(**arguments: Any) -> None:
            async with session:
                await test(**arguments)

        pyfuncitem.obj = in_session
    return (yield)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tests of this folder meet real servers, and so real time."""
    for item in items:
        if "integration" not in item.path.parts:
            continue
        item.add_marker(pytest.mark.real_time)
        only = item.get_closest_marker("only_on")
        if only is not None and not only.kwargs.get("reason"):
            raise pytest.UsageError(f"{item.nodeid}: only_on needs a reason")
        if only is not None and isinstance(item, pytest.Function):
            parameter = item.callspec.params.get("server") if hasattr(item, "callspec") else None
            if parameter is not None and parameter not in only.args:
                item.add_marker(pytest.mark.skip(reason=only.kwargs["reason"]))
