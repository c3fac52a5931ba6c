"""The stand-ins that Go's envtest starts, started as it starts them."""

from __future__ import annotations

import json
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from click.testing import CliRunner

from reconcile.cli.commands import cli
from reconcile.testing.control_plane.certificates import CertificateAuthority, ServiceAccountKeys
from reconcile.testing.control_plane.ports import free_port

_WITHIN = 120.0


@pytest.fixture(scope="module")
def assets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("a folder") / "assets"
    for _ in range(2):
        result = CliRunner().invoke(cli, ["envtest-assets", str(folder)])
        assert result.exit_code == 0 and str(folder) in result.output
    return folder


@contextmanager
def running(*command: str | Path) -> Iterator[subprocess.Popen[bytes]]:
    """The process, which must end with 0 when it is told to."""
    # A folder of the name of the package must not take its place.
    with subprocess.Popen([*command], cwd=Path(__file__).parents[1] / "unit") as process:
        try:
            yield process
        finally:
            process.terminate()
            code = process.wait(_WITHIN)
    assert code == 0


def healthy(url: str, context: ssl.SSLContext | None = None) -> bytes:
    end = time.monotonic() + _WITHIN
    while True:
        try:
            with urlopen(url, timeout=_WITHIN, context=context) as answer:
                return answer.read()
        except OSError:
            assert time.monotonic() < end, url
            time.sleep(0.05)


def test_the_flags_that_envtest_looks_for_are_told(assets: Path) -> None:
    for name, there, missing in (
        ("kube-apiserver", "--secure-port", "--insecure-port"),
        ("etcd", "--data-dir", "--unsafe-no-fsync"),
    ):
        said = subprocess.run([assets / name, "--help"], capture_output=True, text=True, check=True).stdout
        flags = {line.split()[0] for line in said.splitlines()}
        assert there in flags and missing not in flags


def test_etcd_says_that_it_is_well(assets: Path, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    flags = (f"--data-dir={tmp_path}", "--listen-peer-urls=http://127.0.0.1:0", f"--listen-client-urls={url}")
    process = subprocess.Popen([assets / "etcd", *flags])
    try:
        for _ in range(2):
            assert json.loads(healthy(f"{url}/health"))["health"] == "true"
    finally:
        process.terminate()
        process.wait(_WITHIN)


def test_it_ends_with_who_started_it(assets: Path, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    program = f"'{assets}/etcd' --listen-client-urls={url} & echo started; read wait"
    with subprocess.Popen(["sh", "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"started\n"
        healthy(f"{url}/health")
        parent.kill()
    end = time.monotonic() + _WITHIN
    with pytest.raises(OSError):
        while time.monotonic() < end:
            urlopen(f"{url}/health", timeout=_WITHIN).close()
            time.sleep(0.05)


def test_a_server_with_the_certificates_keys_and_modes_of_its_flags(assets: Path, tmp_path: Path) -> None:
    serving, clients = CertificateAuthority("serving"), CertificateAuthority("clients")
    served = serving.issue_server("kube-apiserver", ["127.0.0.1", "localhost"])
    (tmp_path / "apiserver.crt").write_bytes(served.certificate)
    (tmp_path / "apiserver.key").write_bytes(served.key)
    (tmp_path / "clients.crt").write_bytes(clients.pair.certificate)
    (tmp_path / "sa-signer.key").write_bytes(ServiceAccountKeys.generate().private)
    port = free_port()
    url = f"https://127.0.0.1:{port}"

    def known(user: str, *groups: str) -> ssl.SSLContext:
        pair = clients.issue_client(user, groups)
        (tmp_path / "client.pem").write_bytes(pair.certificate + pair.key)
        context = ssl.create_default_context(cadata=serving.pair.certificate.decode())
        context.load_cert_chain(tmp_path / "client.pem")
        return context

    def ask(context: ssl.SSLContext, path: str, body: Any = None) -> tuple[int, Any]:
        data = None if body is None else json.dumps(body).encode()
        request = Request(url + path, data, {"Content-Type": "application/json"})
        try:
            with urlopen(request, timeout=_WITHIN, context=context) as answer:
                return answer.status, json.load(answer)
        except HTTPError as error:
            return error.code, json.load(error)

    flags = (
        "--allow-privileged=true",
        "--authorization-mode=RBAC",
        "--bind-address=127.0.0.1",
        f"--cert-dir={tmp_path}",
        f"--client-ca-file={tmp_path}/clients.crt",
        "--disable-admission-plugins=ServiceAccount",
        "--etcd-servers=http://127.0.0.1:1",
        f"--secure-port={port}",
        f"--service-account-issuer={url}/",
        f"--service-account-key-file={tmp_path}/sa-signer.crt",
        f"--service-account-signing-key-file={tmp_path}/sa-signer.key",
        "--service-cluster-ip-range=10.0.0.0/24",
        "--feature-gates=NotKnownHere=true",
    )
    with running(assets / "kube-apiserver", *flags):
        admin, alice = known("admin", "system:masters"), known("alice")
        assert healthy(f"{url}/healthz", admin) == b"ok"
        account = {"metadata": {"name": "robot"}}
        assert ask(admin, "/api/v1/namespaces/default/serviceaccounts", account)[0] == 201
        status, refused = ask(alice, "/api/v1/namespaces/default/serviceaccounts", account)
        assert status == 403 and 'User "alice" cannot create' in refused["message"]
        # Nothing makes service accounts, and nothing asks for one.
        pod = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "main", "image": "app:1"}]}}
        status, made = ask(admin, "/api/v1/namespaces/default/pods", pod)
        assert status == 201 and "serviceAccountName" not in made["spec"]
        status, token = ask(admin, "/api/v1/namespaces/default/serviceaccounts/robot/token", {"spec": {}})
        assert status == 201
        status, configuration = ask(admin, "/.well-known/openid-configuration")
        assert status == 200 and configuration["issuer"] == f"{url}/"
        trusting = ssl.create_default_context(cadata=serving.pair.certificate.decode())
        bearing = Request(
            f"{url}/api/v1/namespaces", headers={"Authorization": f"Bearer {token['status']['token']}"}
        )
        with pytest.raises(HTTPError) as denied:
            urlopen(bearing, timeout=_WITHIN, context=trusting)
        assert "system:serviceaccount:default:robot" in json.load(denied.value)["message"]
