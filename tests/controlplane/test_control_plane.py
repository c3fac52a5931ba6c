"""The control plane that other tests stand on: what it promises, asked of real components."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from reconcile.testing.control_plane import (
    KUBERNETES_VERSION,
    ComponentFailedError,
    ControlPlane,
    ControlPlaneError,
    ControlPlaneOptions,
    KubectlError,
)

pytestmark = [pytest.mark.controlplane, pytest.mark.usefixtures("needs_control_plane")]

Answer = TypeVar("Answer")

REPLICATION = {
    "replicas": 2,
    "selector": {"matchLabels": {"app": "web"}},
    "template": {
        "metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [{"name": "web", "image": "web"}]},
    },
}
DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web"},
    "spec": REPLICATION,
}
REPLICA_SET = {
    "apiVersion": "apps/v1",
    "kind": "ReplicaSet",
    "metadata": {"name": "alone"},
    "spec": REPLICATION,
}
NODE = {
    "apiVersion": "v1",
    "kind": "Node",
    "metadata": {"name": "machine"},
    "status": {
        "allocatable": {"cpu": "4", "memory": "8Gi", "pods": "100"},
        "conditions": [{"type": "Ready", "status": "True"}],
    },
}


def config_map(name: str) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}})


def eventually(ask: Callable[[], Answer], seconds: float = 30.0) -> Answer:
    """What `ask` returns as soon as that is true; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (answer := ask()):
        assert time.monotonic() < deadline, "the condition did not become true in time"
        threading.Event().wait(0.05)
    return answer


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def items(plane: ControlPlane, *what: str) -> list[dict[str, Any]]:
    return json.loads(plane.kubectl("get", *what, "--output=json"))["items"]


def test_kubectl_reaches_a_server_of_the_expected_version(control_plane: ControlPlane) -> None:
    version = json.loads(control_plane.kubectl("version", "--output=json"))
    if "KUBEBUILDER_ASSETS" not in os.environ:
        assert version["serverVersion"]["gitVersion"] == KUBERNETES_VERSION
        assert version["clientVersion"]["gitVersion"] == KUBERNETES_VERSION
    assert "default" in control_plane.kubectl("get", "namespaces")


def test_a_refused_kubectl_raises_with_what_it_wrote(control_plane: ControlPlane) -> None:
    with pytest.raises(KubectlError) as raised:
        control_plane.kubectl("get", "configmap", "absent")
    assert raised.value.returncode == 1
    assert "NotFound" in raised.value.stderr


def test_other_users_may_do_what_rbac_grants(control_plane: ControlPlane) -> None:
    alice = control_plane.kubeconfig_for("alice", ["developers"])

    def may_list_pods() -> bool:
        try:
            control_plane.kubectl("get", "pods", kubeconfig=alice)
        except KubectlError as error:
            assert "Forbidden" in error.stderr
            return False
        return True

    assert not may_list_pods()
    control_plane.kubectl("create", "role", "pod-reader", "--verb=list", "--resource=pods")
    control_plane.kubectl("create", "rolebinding", "developers", "--role=pod-reader", "--group=developers")
    eventually(may_list_pods)


def test_pods_are_admitted_without_controllers(control_plane: ControlPlane) -> None:
    control_plane.kubectl("run", "lonely", "--image=lonely")
    assert items(control_plane, "pods")[0]["metadata"]["name"] == "lonely"


def test_storage_can_be_looked_into(control_plane: ControlPlane) -> None:
    control_plane.kubectl("create", "--filename=-", stdin=config_map("stored"))
    stored = control_plane.etcd_get("/registry/configmaps/default/stored")
    assert stored is not None
    assert b"stored" in stored
    assert "/registry/configmaps/default/stored" in control_plane.etcd.keys("/registry/configmaps/")
    assert control_plane.etcd_get("/registry/configmaps/default/absent") is None


def test_an_event_is_in_the_audit_log_when_its_answer_is() -> None:
    with ControlPlane(ControlPlaneOptions(audit_level="RequestResponse")) as plane:
        plane.kubectl("create", "--filename=-", stdin=config_map("audited"))
        created = [
            event
            for event in plane.audit_events()
            if event["verb"] == "create" and event["objectRef"]["resource"] == "configmaps"
            if event["user"]["username"] == "admin"
        ]
    assert [event["responseObject"]["metadata"]["name"] for event in created] == ["audited"]


def test_no_audit_log_is_an_error_that_names_the_option(control_plane: ControlPlane) -> None:
    with pytest.raises(ControlPlaneError, match="audit_level"):
        control_plane.audit_events()


class TestRestart:
    def test_keeps_address_and_data(self, control_plane: ControlPlane) -> None:
        url = control_plane.url
        before = control_plane.processes["kube-apiserver"].pid
        control_plane.kubectl("create", "--filename=-", stdin=config_map("kept"))
        control_plane.restart_apiserver()
        assert control_plane.url == url
        assert control_plane.processes["kube-apiserver"].pid != before
        assert "kept" in control_plane.kubectl("get", "configmaps")

    def test_a_stopped_server_is_not_there_until_it_is_started(self, control_plane: ControlPlane) -> None:
        control_plane.stop_apiserver(kill=True)
        with pytest.raises(KubectlError):
            control_plane.kubectl("get", "namespaces")
        control_plane.start_apiserver()
        assert control_plane.kubectl("get", "namespaces")
        with pytest.raises(ControlPlaneError, match="runs already"):
            control_plane.start_apiserver()

    @pytest.mark.parametrize(
        "flags", [(), ("--watch-cache=false",)], ids=["restarted", "without-watch-cache"]
    )
    def test_a_watch_from_before_a_compaction_is_gone(self, flags: tuple[str, ...]) -> None:
        with ControlPlane(ControlPlaneOptions(apiserver_flags=flags)) as plane:
            created = json.loads(
                plane.kubectl("create", "--filename=-", "--output=json", stdin=config_map("first"))
            )
            # Two, since the revision that is compacted at is kept, and a watch starts after its version.
            for name in ("second", "third"):
                plane.kubectl("create", "--filename=-", stdin=config_map(name))
            assert plane.compact_etcd() > int(created["metadata"]["resourceVersion"]) + 1
            if not flags:
                plane.restart_apiserver()
            path = "/api/v1/configmaps?watch=true&timeoutSeconds=20&resourceVersion="
            watch = plane.kubectl("get", f"--raw={path}{created['metadata']['resourceVersion']}")
        event = json.loads(watch.splitlines()[0])
        assert (event["type"], event["object"]["code"]) == ("ERROR", 410)


class TestControllers:
    def test_a_deployment_gets_its_replica_set_and_pods(self) -> None:
        with ControlPlane(ControlPlaneOptions(controllers=("*",))) as plane:
            plane.kubectl("create", "--filename=-", stdin=json.dumps(DEPLOYMENT))
            eventually(lambda: len(items(plane, "pods")) == 2)
            (replica_set,) = items(plane, "replicasets")
        assert replica_set["metadata"]["ownerReferences"][0]["name"] == "web"

    def test_a_controller_that_is_switched_off_does_nothing(self) -> None:
        with ControlPlane(ControlPlaneOptions(controllers=("*", "-deployment-controller"))) as plane:
            plane.kubectl("create", "--filename=-", stdin=json.dumps(DEPLOYMENT))
            plane.kubectl("create", "--filename=-", stdin=json.dumps(REPLICA_SET))
            eventually(lambda: len(items(plane, "pods")) == 2)
            names = [replica_set["metadata"]["name"] for replica_set in items(plane, "replicasets")]
        assert names == ["alone"]

    def test_the_scheduler_binds_pods(self) -> None:
        with ControlPlane(ControlPlaneOptions(scheduler=True)) as plane:
            assert set(plane.processes) == {"etcd", "kube-apiserver", "kube-scheduler"}
            plane.kubectl("create", "--filename=-", stdin=json.dumps(NODE))
            # Admission marks a new node; the controller that would take the mark away does not run.
            plane.kubectl("taint", "node", "machine", "node.kubernetes.io/not-ready:NoSchedule-")
            plane.kubectl("run", "web", "--image=web")
            eventually(lambda: items(plane, "pods")[0]["spec"].get("nodeName") == "machine")


class TestLifetime:
    def test_a_component_that_ends_is_reported_with_its_last_lines(self) -> None:
        plane = ControlPlane(ControlPlaneOptions(apiserver_flags=("--no-such-flag",)))
        with pytest.raises(ComponentFailedError, match="unknown flag: --no-such-flag") as raised:
            plane.start()
        assert raised.value.component == "kube-apiserver"
        assert not plane.directory.exists()

    def test_a_component_that_is_late_is_reported(self) -> None:
        with pytest.raises(ComponentFailedError, match=r"not ready within 0\.01 s"):
            ControlPlane(ControlPlaneOptions(start_timeout=0.01)).start()

    def test_runs_once(self) -> None:
        with ControlPlane() as plane:
            processes = plane.processes
            with pytest.raises(RuntimeError, match="runs once"):
                plane.start()
            assert plane.kubectl("get", "namespaces")
        plane.stop()
        assert not any(is_running(process.pid) for process in processes.values())
        assert not plane.directory.exists()
        with pytest.raises(ControlPlaneError, match="does not run"):
            plane.kubectl("get", "namespaces")

    def test_a_given_directory_is_kept(self, tmp_path: Path) -> None:
        directory = tmp_path / "plane"
        with ControlPlane(ControlPlaneOptions(directory=directory)) as plane:
            assert plane.directory == directory
        assert (directory / "kube-apiserver.log").stat().st_size > 0
        with pytest.raises(FileExistsError, match="not empty"):
            ControlPlane(ControlPlaneOptions(directory=directory)).start()

    def test_outlives_the_thread_that_started_it(self) -> None:
        plane = ControlPlane()
        starter = threading.Thread(target=plane.start)
        starter.start()
        starter.join()
        try:
            assert plane.kubectl("get", "namespaces")
        finally:
            plane.stop()

    @pytest.mark.real_time
    async def test_is_an_asynchronous_context_manager(self) -> None:
        async with ControlPlane() as plane:
            assert await asyncio.to_thread(plane.kubectl, "get", "namespaces")
        assert not plane.directory.exists()

    @pytest.mark.real_time
    async def test_a_cancelled_start_leaves_nothing(self) -> None:
        def started() -> list[int]:
            try:
                return [process.pid for process in plane.processes.values()]
            except ControlPlaneError:
                return []

        plane = ControlPlane()
        entering = asyncio.create_task(plane.__aenter__())
        while not (pids := started()):
            await asyncio.sleep(0.01)
        entering.cancel()
        with pytest.raises(asyncio.CancelledError):
            await entering
        assert not any(is_running(pid) for pid in pids)
        assert not plane.directory.exists()

    @pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a process cannot be tied to its parent")
    def test_processes_die_with_a_killed_parent(self, tmp_path: Path) -> None:
        program = (
            "import sys\n"
            "from pathlib import Path\n"
            "from reconcile.testing.control_plane import ControlPlane, ControlPlaneOptions\n"
            "plane = ControlPlane(ControlPlaneOptions(directory=Path(sys.argv[1])))\n"
            "plane.start()\n"
            "print(*(process.pid for process in plane.processes.values()), flush=True)\n"
            "sys.stdin.read()\n"
        )
        parent = subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        with parent:
            assert parent.stdout is not None
            pids = parent.stdout.readline().split()
            assert len(pids) == 2
            assert all(is_running(int(pid)) for pid in pids)
            parent.send_signal(signal.SIGKILL)
        eventually(lambda: not any(is_running(int(pid)) for pid in pids))
