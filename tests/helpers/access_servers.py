"""Two servers with access control, the real one and the embedded one, asked by many users over HTTPS."""

from __future__ import annotations

import asyncio
import base64
import http.client
import itertools
import json
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from helpers.differential import Answer, Ask, Server, differences
from helpers.differential_compare import Comparison

from reconcile.apiserver import APIServer, ServerOptions
from reconcile.apiserver.access.options import AccessOptions
from reconcile.apiserver.access.secret_tokens import SecretTokens
from reconcile.apiserver.access.tokens import parse_tokens
from reconcile.apiserver.http import Address, HTTPOptions
from reconcile.testing.control_plane import ControlPlane, ControlPlaneOptions

TOKENS = """\
alice-token,alice,uid-alice,"developers,testers"
bob-token,bob,uid-bob
carol-token,carol,uid-carol,"system:masters"
erin-token,erin,uid-erin,"system:authenticated,auditors"
,nobody,uid-nobody
twice-token,first,uid-first
twice-token,second,uid-second
"""
RBAC = "/apis/rbac.authorization.k8s.io/v1"
SAR = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
_WAIT = 90.0


@dataclass(frozen=True, repr=False)
class AskAs(Ask):
    """A question with credentials; without any it is the administrator's, by certificate.

    Attributes:
        headers: header fields, in order.
        certified: the connection shows the administrator's certificate.
    """

    headers: tuple[tuple[str, str], ...] = ()
    certified: bool = True

    def __repr__(self) -> str:
        return f"{super().__repr__()} {[value for _, value in self.headers]}"


def by(user: str, question: Ask) -> AskAs:
    """The question asked with this user's token (`alice`); an empty name asks without any."""
    headers = (("Authorization", f"Bearer {user}-token"),) if user else ()
    return _with(question, headers, certified=False)


def with_token(token: str, question: Ask) -> AskAs:
    """The question asked with a token; `$token(label)` stands for one that was answered."""
    return _with(question, (("Authorization", f"Bearer {token}"),), certified=False)


def acting(question: Ask, *headers: tuple[str, str]) -> AskAs:
    """The question with `Impersonate-…` headers."""
    before = question if isinstance(question, AskAs) else _with(question, (), certified=True)
    named = tuple((f"Impersonate-{name}", value) for name, value in headers)
    return replace(before, headers=(*before.headers, *named))


def _with(question: Ask, headers: tuple[tuple[str, str], ...], *, certified: bool) -> AskAs:
    return AskAs(
        question.method, question.path, question.body, question.content_type, question.accept,
        question.meets, question.label, headers, certified,
    )  # fmt: skip


SETTLE = Ask("SETTLE", "")
"""Waits until the real server's authorizer has heard of everything that was written.

Beside it there are UNTIL, which waits until a role has the rules of the body, FILLED, until a secret has a
token, and GONE, until a token is not taken any more.
"""


class _Connections:
    """Connections to one HTTPS server, with and without the administrator's certificate."""

    def __init__(self, url: str, certificate: Path, key: Path) -> None:
        self._address = urlsplit(url)
        self._contexts = {True: _context(), False: _context()}
        self._contexts[True].load_cert_chain(certificate, key)
        self._idle: dict[bool, list[http.client.HTTPSConnection]] = {True: [], False: []}

    def ask(self, question: Ask) -> Answer:
        certified = question.certified if isinstance(question, AskAs) else True
        idle = self._idle[certified]
        try:
            connection = idle.pop()
        except IndexError:
            connection = self._connect(certified)
        try:
            answer = self._exchange(connection, question)
        except (http.client.HTTPException, OSError):
            # Closed by the server since it was last used.
            connection.close()
            connection = self._connect(certified)
            answer = self._exchange(connection, question)
        idle.append(connection)
        return answer

    def _connect(self, certified: bool) -> http.client.HTTPSConnection:
        assert self._address.hostname is not None
        return http.client.HTTPSConnection(
            self._address.hostname, self._address.port, context=self._contexts[certified], timeout=_WAIT
        )

    def _exchange(self, connection: http.client.HTTPSConnection, question: Ask) -> Answer:
        connection.putrequest(question.method, question.path, skip_accept_encoding=True)
        connection.putheader("Accept", question.accept)
        connection.putheader("User-Agent", "test")
        for name, value in question.headers if isinstance(question, AskAs) else ():
            connection.putheader(name, value)
        body = None
        if question.body is not None:
            body = question.body if isinstance(question.body, bytes) else json.dumps(question.body).encode()
            connection.putheader("Content-Type", question.content_type)
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        raw = response.read()
        try:
            decoded: Any = json.loads(raw)
        except ValueError:
            decoded = raw.decode(errors="replace")
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, decoded, tuple(response.headers.get_all("Warning") or ()), headers)


def _context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def server_at(url: str, certificate: Path, key: Path) -> Server:
    connections = _Connections(url, certificate, key)
    tokens: dict[str, str] = {}

    async def ask(question: Ask) -> Answer:
        if isinstance(question, AskAs):
            question = replace(
                question, headers=tuple((name, _filled(value, tokens)) for name, value in question.headers)
            )
        if isinstance(question.body, dict) and "$token(" in json.dumps(question.body):
            question = replace(question, body=json.loads(_filled(json.dumps(question.body), tokens)))
        answer = await asyncio.to_thread(connections.ask, question)
        if question.label and isinstance(answer.body, dict):
            tokens[question.label] = _token_in(answer.body) or "none"
        return replace(answer, body=_comparable(question, answer.body, tokens))

    return ask


def _token_in(body: dict[str, Any]) -> str | None:
    """The token of a token request's answer, or of a secret."""
    if body.get("kind") == "Secret":
        return base64.b64decode((body.get("data") or {}).get("token") or "").decode()
    return (body.get("status") or {}).get("token") if isinstance(body.get("status"), dict) else None


def _comparable(question: Ask, body: Any, tokens: Mapping[str, str]) -> Any:
    """The body with tokens by their labels; rules in an order, since those of maps come in none."""
    text = json.dumps(body)
    for label, token in tokens.items():
        text = text.replace(token, f"<token {label}>")
    body = json.loads(text)
    if question.path.endswith("/selfsubjectrulesreviews") and isinstance(body.get("status"), dict):
        for rules in ("resourceRules", "nonResourceRules"):
            body["status"].get(rules, []).sort(key=json.dumps)
    return body


def _filled(text: str, tokens: Mapping[str, str]) -> str:
    for label, token in tokens.items():
        text = text.replace(f"$token({label})", token)
    return text


@contextmanager
def guarded_control_plane(directory: Path) -> Iterator[ControlPlane]:
    """A real server with RBAC, a token file and the controller of aggregated roles."""
    file = directory / "tokens.csv"
    file.write_text(TOKENS)
    options = ControlPlaneOptions(
        apiserver_flags=(f"--token-auth-file={file}",),
        controllers=("clusterrole-aggregation-controller", "serviceaccount-token-controller"),
    )
    with ControlPlane(options) as plane:
        yield plane


OPTIONS = ServerOptions(
    garbage_collection=False,
    namespace_deletion=False,
    service_accounts=False,
    policy_status=False,
    access=AccessOptions(tokens=parse_tokens(TOKENS)),
)


@dataclass(frozen=True)
class GuardedServers:
    """Attributes: kubeconfig: of the embedded server, without a user; address: of the same."""

    real: Server
    ours: Server
    embedded: APIServer
    kubeconfig: Path
    address: Address


_numbers = itertools.count()


@asynccontextmanager
async def guarded_servers(plane: ControlPlane, directory: Path) -> AsyncIterator[GuardedServers]:
    """The real server and a new embedded one."""
    async with APIServer(OPTIONS) as server, asyncio.TaskGroup() as tasks:
        # Of what `service_accounts` turns on the real server of the tests has this alone.
        filling = tasks.create_task(SecretTokens(server.storage, server.access).run())
        address = await server.serve(options=HTTPOptions(tls=True))
        certificate, key = directory / "admin.crt", directory / "admin.key"
        certificate.write_bytes(address.client_certificate)
        key.write_bytes(address.client_key)
        kubeconfig = replace(address, client_certificate=b"", client_key=b"").write_kubeconfig(
            directory / "ours"
        )
        yield GuardedServers(
            server_at(plane.url, plane.admin_certificate, plane.admin_key),
            server_at(address.url, certificate, key),
            server,
            kubeconfig,
            address,
        )
        filling.cancel()


async def make_namespace(servers: GuardedServers, namespace: str) -> None:
    for ask in (servers.real, servers.ours):
        await ask(Ask("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}}))
        account = {"metadata": {"name": "default"}}
        await ask(Ask("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts", account))


async def settle(ask: Server, namespace: str) -> None:
    """Until the server's authorizer has seen all roles and bindings that were written before."""
    name = f"settle-{next(_numbers)}"
    reference = {"apiGroup": "rbac.authorization.k8s.io", "name": name}
    subjects = [{"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": name}]
    places = (("ClusterRole", f"{RBAC}/cluster"), ("Role", f"{RBAC}/namespaces/{namespace}/"))
    for kind, place in places:
        rule = {"verbs": ["settle"], "apiGroups": [""], "resources": [kind.lower()]}
        metadata = {"name": name}
        await ask(Ask("POST", f"{place}roles", {"metadata": metadata, "rules": [rule]}))
        binding = {"metadata": metadata, "roleRef": {**reference, "kind": kind}, "subjects": subjects}
        await ask(Ask("POST", f"{place}rolebindings", binding))
    async with asyncio.timeout(_WAIT):
        for kind, _ in places:
            wanted = {"verb": "settle", "resource": kind.lower(), "namespace": namespace}
            review = {"spec": {"user": name, "resourceAttributes": wanted}}
            while not (await ask(Ask("POST", SAR, review))).body["status"]["allowed"]:
                await asyncio.sleep(0.02)
    for _, place in places:
        for plural in ("rolebindings", "roles"):
            await ask(Ask("DELETE", f"{place}{plural}/{name}"))


async def converse(servers: GuardedServers, questions: Sequence[Ask], namespace: str) -> Comparison:
    """Put the questions to both, one after the other; messages of refusals must agree to the letter."""
    comparison = Comparison(servers.real, servers.ours)
    for question in questions:
        if question.method == "SETTLE":
            await asyncio.gather(*(settle(ask, namespace) for ask in (servers.real, servers.ours)))
            continue
        if question.method == "UNTIL":
            await asyncio.gather(*(until_rules(ask, question) for ask in (servers.real, servers.ours)))
            continue
        if question.method == "FILLED":
            await asyncio.gather(*(_until_filled(ask, question) for ask in (servers.real, servers.ours)))
            continue
        if question.method == "GONE":
            await asyncio.gather(*(_until_gone(ask, question.path) for ask in (servers.real, servers.ours)))
            continue
        real, ours = await comparison.ask(question)
        found = differences(_refusal(real), _refusal(ours))
        if found:
            comparison.found.append("\n    ".join((f"to the letter: {question}", *found)))
    return comparison


async def until_rules(ask: Server, question: Ask) -> None:
    """Until the role of the question's path has the rules of its body."""
    async with asyncio.timeout(_WAIT):
        while ((await ask(Ask("GET", question.path))).body.get("rules") or []) != question.body:
            await asyncio.sleep(0.02)


async def _until_filled(ask: Server, question: Ask) -> None:
    """Until a secret has its token, by the label of which it is known then."""
    async with asyncio.timeout(_WAIT):
        while "token" not in (await ask(Ask("GET", question.path))).body.get("data", {}):
            await asyncio.sleep(0.02)
    await ask(replace(question, method="GET"))


async def _until_gone(ask: Server, token: str) -> None:
    """The real server remembers for ten seconds that a token was good."""
    async with asyncio.timeout(_WAIT):
        while (await ask(with_token(token, Ask("GET", "/version")))).status != 401:
            await asyncio.sleep(0.2)


def _refusal(answer: Answer) -> dict[str, Any]:
    if answer.status not in (401, 403) or not isinstance(answer.body, dict):
        return {}
    kept = {name: (answer.headers or {}).get(name) for name in ("x-content-type-options", "content-type")}
    return {"message": answer.body.get("message"), "details": answer.body.get("details"), **kept}
