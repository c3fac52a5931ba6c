"""Access control of the embedded server, part by part: rules, roles and bindings, tokens, who asks."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconcile.apiserver import AccessOptions, APIServer, ServerOptions, service_account
from reconcile.apiserver.access.attributes import Attributes
from reconcile.apiserver.access.authentication import Authentication
from reconcile.apiserver.access.bootstrap import ensure_bootstrap, reconciled
from reconcile.apiserver.access.gate import Gate
from reconcile.apiserver.access.rbac import RBAC as RoleBased
from reconcile.apiserver.access.requests import attributes_of
from reconcile.apiserver.access.rules import Rule, compact, uncovered
from reconcile.apiserver.access.service_account_tokens import ServiceAccountTokens
from reconcile.apiserver.access.tokens import parse_tokens, read_token_file
from reconcile.apiserver.access.user import authenticated, user_info
from reconcile.apiserver.handlers.messages import Request, Response
from reconcile.apiserver.interfaces import Access, User
from reconcile.apiserver.storage import Storage
from reconcile.client.transport import TransportRequest
from reconcile.errors import ConfigurationError
from reconcile.runtime import SimulatedRuntime

RBAC = "/apis/rbac.authorization.k8s.io/v1"
ALICE = User("alice", ("testers",))
TOKENS = 'alice-token,alice,1,"testers"\n'


class Asked:
    """One server, asked by many."""

    def __init__(self, server: APIServer) -> None:
        self.server = server

    async def __call__(
        self, method: str, path: str, body: Any = None, *, user: User | None = None, **headers: str
    ) -> tuple[int, Any]:
        admin = user is None and "authorization" not in headers
        transport = self.server.transport() if admin else self.server.transport(user)
        path, _, query = path.partition("?")
        pairs = tuple(
            (key, value) for key, _, value in (each.partition("=") for each in query.split("&") if each)
        )
        sent = None if body is None else json.dumps(body).encode()
        fields = {**headers, **({"content-type": "application/json"} if sent else {})}
        response = await transport.send(TransportRequest(method, path, pairs, fields, sent))
        raw = await response.read()
        return response.status, json.loads(raw) if raw.startswith(b"{") else raw.decode()

    async def grant(self, name: str, *rules: dict[str, Any], to: str = "alice") -> None:
        """A ClusterRole with these rules, bound to a user everywhere."""
        await self("POST", f"{RBAC}/clusterroles", {"metadata": {"name": name}, "rules": list(rules)})
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name}
        subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": to}
        binding = {"metadata": {"name": name}, "roleRef": reference, "subjects": [subject]}
        await self("POST", f"{RBAC}/clusterrolebindings", binding)


@asynccontextmanager
async def guarded(**options: Any) -> AsyncIterator[Asked]:
    access = AccessOptions(tokens=parse_tokens(TOKENS), **options)
    async with APIServer(ServerOptions(access=access), runtime=SimulatedRuntime(1)) as server:
        yield Asked(server)


def rule(verbs: str, resources: str) -> dict[str, Any]:
    return {"verbs": verbs.split(), "apiGroups": [""], "resources": resources.split()}


@pytest.mark.parametrize(
    ("held", "verb", "resource", "name", "allowed"),
    [
        (Rule(("get",), ("",), ("pods",)), "get", "pods", "", True),
        (Rule(("get",), ("",), ("pods",)), "get", "pods/log", "", False),
        (Rule(("get",), ("",), ("pods/log",)), "get", "pods/log", "a", True),
        (Rule(("get",), ("",), ("*/log",)), "get", "pods/log", "a", True),
        (Rule(("get",), ("",), ("*/log",)), "get", "pods", "a", False),
        (Rule(("*",), ("*",), ("*",)), "anything", "things/sub", "a", True),
        (Rule(("get",), ("",), ("pods",), ("a",)), "get", "pods", "a", True),
        (Rule(("get",), ("",), ("pods",), ("a",)), "get", "pods", "", False),
        (Rule(("get",), ("apps",), ("pods",)), "get", "pods", "", False),
        (Rule(("get",), paths=("*",)), "get", "pods", "", False),
    ],
)
def test_a_rule_allows_what_it_names(held: Rule, verb: str, resource: str, name: str, allowed: bool) -> None:
    plural, _, subresource = resource.partition("/")
    assert held.allows(Attributes(ALICE, verb, plural, subresource=subresource, name=name)) is allowed


def test_what_is_not_covered_is_told_in_the_smallest_pieces_put_together_again() -> None:
    held = [Rule(("get",), ("",), ("pods",)), Rule(("*",), paths=("/a/*",))]
    wanted = [Rule(("get", "list", "watch"), ("",), ("pods",)), Rule(("get",), paths=("/a/b", "/c"))]
    missing = compact(uncovered(held, wanted))
    assert [str(each) for each in missing] == [
        '{NonResourceURLs:["/c"], Verbs:["get"]}',
        '{APIGroups:[""], Resources:["pods"], Verbs:["list" "watch"]}',
    ]


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/api/v1/pods", ("list", "pods", "", "", "")),
        ("GET", "/api/v1/namespaces/a/pods/b/log", ("get", "pods", "log", "a", "b")),
        ("GET", "/api/v1/namespaces/a", ("get", "namespaces", "", "a", "a")),
        ("GET", "/api/v1/namespaces/a/status", ("get", "namespaces", "status", "a", "a")),
        ("GET", "/api/v1/watch/pods", ("watch", "pods", "", "", "")),
        (
            "DELETE",
            "/apis/apps/v1/namespaces/a/deployments",
            ("deletecollection", "deployments", "", "a", ""),
        ),
        ("HEAD", "/api/v1/nodes/x", ("get", "nodes", "", "", "x")),
        (
            "PATCH",
            "/apis/apps/v1/namespaces/a/deployments/b/scale/c",
            ("patch", "deployments", "scale", "a", "b"),
        ),
        ("OPTIONS", "/api/v1/pods", ("", "pods", "", "", "")),
    ],
)
def test_what_a_request_wants_follows_from_its_path(
    method: str, path: str, expected: tuple[str, ...]
) -> None:
    found = attributes_of(Request(method, path), ALICE)
    assert (found.verb, found.resource, found.subresource, found.namespace, found.name) == expected


def test_a_token_file_is_read_as_kube_apiserver_reads_it(tmp_path: Path) -> None:
    file = tmp_path / "tokens.csv"
    file.write_text('a,alice,1,"x,y"\n\nb,bob,2\n,nobody,3\na,anna,4\n')
    assert read_token_file(file) == {"a": User("anna", (), "4"), "b": User("bob", (), "2")}
    file.write_text("a,alice\n")
    with pytest.raises(ConfigurationError, match="at least 3 columns"):
        read_token_file(file)
    with pytest.raises(ConfigurationError, match="cannot read"):
        read_token_file(tmp_path / "none.csv")


def test_who_is_known_is_authenticated() -> None:
    assert authenticated(ALICE).groups == ("testers", "system:authenticated")
    assert authenticated(User("system:anonymous")).groups == ()
    assert user_info(User("a")) == {"username": "a"}


async def test_rights_count_from_the_moment_they_are_given_until_they_are_taken() -> None:
    async with guarded() as asked:
        assert (await asked("GET", "/api/v1/pods", user=ALICE))[0] == 403
        await asked.grant("reader", rule("list", "pods"))
        assert (await asked("GET", "/api/v1/pods", user=ALICE))[0] == 200
        before = asked.server.snapshot()
        await asked("DELETE", f"{RBAC}/clusterrolebindings/reader")
        assert (await asked("GET", "/api/v1/pods", user=ALICE))[0] == 403
        await asked.server.restore(before)
        assert (await asked("GET", "/api/v1/pods", user=ALICE))[0] == 200
        await asked("PUT", f"{RBAC}/clusterroles/reader", {"metadata": {"name": "reader"}, "rules": []})
        assert (await asked("GET", "/api/v1/pods", user=ALICE))[0] == 403


async def test_without_access_control_everybody_may_do_everything() -> None:
    async with APIServer(runtime=SimulatedRuntime(1)) as server:
        asked = Asked(server)
        assert (await asked("GET", "/api/v1/pods", user=User("nobody")))[0] == 200
        assert (await asked("GET", f"{RBAC}/clusterroles"))[1]["items"] == []


async def test_always_allow_knows_who_asks_and_lets_everybody_in() -> None:
    async with guarded(authorization="AlwaysAllow") as asked:
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
        _, body = await asked("POST", path, review, authorization="Bearer alice-token")
        assert body["status"]["userInfo"]["username"] == "alice"
        assert (await asked("GET", "/api/v1/pods", authorization="Bearer wrong"))[0] == 401
        assert (await asked("GET", "/api/v1/pods", authorization="Basic x"))[0] == 200


async def test_nobody_is_anonymous_where_that_is_off() -> None:
    async with guarded(anonymous=False) as asked:
        assert (await asked("GET", "/version", authorization=""))[0] == 401


async def test_a_start_gives_back_what_default_roles_lost_and_keeps_what_they_gained() -> None:
    async with guarded() as asked:
        path = f"{RBAC}/clusterroles/system:discovery"
        _, role = await asked("GET", path)
        whole = role["rules"]
        extra = {"verbs": ["get"], "nonResourceURLs": ["/more"]}
        await asked("PUT", path, {**role, "rules": [extra]})
        await asked("DELETE", f"{RBAC}/clusterroles/view")
        protected = f"{RBAC}/clusterroles/system:node"
        _, node = await asked("GET", protected)
        node["metadata"]["annotations"]["rbac.authorization.kubernetes.io/autoupdate"] = "false"
        await asked("PUT", protected, {**node, "rules": []})
        await ensure_bootstrap(asked.server.access)
        _, role = await asked("GET", path)
        assert role["rules"][0] == extra
        assert not uncovered([_rule(each) for each in role["rules"]], [_rule(each) for each in whole])
        assert (await asked("GET", f"{RBAC}/clusterroles/view"))[0] == 200
        assert (await asked("GET", protected))[1].get("rules") in (None, [])


def _rule(rule: dict[str, Any]) -> Rule:
    return Rule(tuple(rule["verbs"]), paths=tuple(rule["nonResourceURLs"]))


def test_a_default_binding_gets_back_its_subjects() -> None:
    expected = {
        "metadata": {"name": "a"},
        "roleRef": {"name": "r"},
        "subjects": [{"name": "x"}, {"name": "y"}],
    }
    existing = {**expected, "subjects": [{"name": "y"}, {"name": "z"}]}
    made = reconciled(existing, expected)
    assert made is not None
    assert made["subjects"] == [{"name": "y"}, {"name": "z"}, {"name": "x"}]
    assert reconciled(made, expected) is None


async def test_a_token_is_good_at_a_server_with_the_same_key_alone(tmp_path: Path) -> None:
    options = ServerOptions(access=AccessOptions(), data_dir=tmp_path / "data")
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview"}
    path = "/apis/authentication.k8s.io/v1/tokenreviews"
    async with APIServer(options) as server:
        _, made = await Asked(server)(
            "POST", "/api/v1/namespaces/default/serviceaccounts/default/token",
            {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}},
        )  # fmt: skip
        token = made["status"]["token"]
        _, keys = await Asked(server)("GET", "/openid/v1/jwks")
    async with APIServer(options) as again:
        _, body = await Asked(again)("POST", path, {**review, "spec": {"token": token}})
        assert body["status"]["authenticated"]
        assert (await Asked(again)("GET", "/openid/v1/jwks"))[1] == keys
    assert (tmp_path / "data/service-account.key").stat().st_mode & 0o077 == 0
    async with guarded() as asked:
        _, body = await asked("POST", path, {**review, "spec": {"token": token}})
        assert body["status"]["error"] == "[invalid bearer token, invalid signature, no keys found]"


async def test_the_published_key_verifies_tokens() -> None:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    def unpacked(text: str) -> int:
        return int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))

    async with guarded() as asked:
        _, keys = await asked("GET", "/openid/v1/jwks")
        _, discovery = await asked("GET", "/.well-known/openid-configuration")
        token = asked.server.access.tokens.sign({"sub": "x"})
    assert discovery["issuer"] == "https://kubernetes.default.svc.cluster.local"
    (key,) = keys["keys"]
    public = ec.EllipticCurvePublicNumbers(
        unpacked(key["x"]), unpacked(key["y"]), ec.SECP256R1()
    ).public_key()
    head, _, signature = token.rpartition(".")
    number = unpacked(signature)
    encoded = encode_dss_signature(number >> 256, number & (1 << 256) - 1)
    public.verify(encoded, head.encode(), ec.ECDSA(hashes.SHA256()))


async def test_tokens_expire_by_the_servers_clock() -> None:
    async with guarded() as asked:
        access, tokens = asked.server.access, asked.server.access.tokens
        account = access.read("serviceaccounts", "default", "default")
        assert account is not None
        now = asked.server.runtime.now().timestamp()
        claims = {
            "aud": list(tokens.audiences),
            "kubernetes.io": {
                "namespace": "default",
                "serviceaccount": {"name": "default", "uid": account["metadata"]["uid"]},
            },
        }
        for times, problem in (
            ({"exp": now + 1, "nbf": now}, ""),
            ({"exp": now - 30}, ""),
            ({"exp": now - 61}, "service account token has expired"),
            ({"exp": now + 99, "nbf": now + 61}, "service account token is not valid yet"),
            ({"exp": now + 99, "iat": now + 61}, "service account token is issued in the future"),
        ):
            authorization = f"Bearer {tokens.sign({**claims, **times})}"
            verdict = access.authentication.identify(None, authorization, access)
            assert verdict.error == (f"[invalid bearer token, {problem}]" if problem else "")


async def test_the_same_seed_makes_the_same_tokens() -> None:
    made: list[str] = []
    for _ in range(2):
        async with guarded() as asked:
            made.append(asked.server.access.tokens.sign({"sub": "x"}))
    assert made[0] == made[1]


async def test_a_service_accounts_user_needs_no_token_in_the_process() -> None:
    async with guarded() as asked:
        await asked.grant("reader", rule("list", "pods"), to="system:serviceaccount:default:robot")
        user = service_account("default", "robot")
        assert (await asked("GET", "/api/v1/pods", user=user))[0] == 200
        assert (await asked("GET", "/api/v1/secrets", user=user))[0] == 403


_PATHS = st.text("/apisvwtch1%2F.*\u00e9:", max_size=24).map(lambda text: f"/{text}")
_WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=16)


@settings(max_examples=150, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from(("GET", "POST", "DELETE", "OPTIONS", "")),
    _PATHS,
    st.one_of(_WORDS, _WORDS.map(lambda text: f"Bearer {text}.{text}.{text}")),
    st.lists(st.tuples(st.sampled_from(("user", "group", "uid", "extra-", "extra-a%")), _WORDS), max_size=4),
)
def test_whatever_is_asked_the_gate_answers(
    method: str, path: str, authorization: str, impersonated: list[tuple[str, str]]
) -> None:
    tokens = ServiceAccountTokens(SimulatedRuntime(1))
    gate = Gate(Authentication({}, tokens, anonymous=True), RoleBased(Storage()))
    headers = tuple((f"impersonate-{name}", value) for name, value in impersonated)
    query = (("fieldSelector", authorization), ("watch", path))
    request = Request(method, path, query, {"authorization": authorization}, user=None, impersonation=headers)
    # Nobody may do anything here, so that nothing passes, and no token is good, so that nothing is looked up.
    answer = gate.enter(request, cast("Access", None))
    assert isinstance(answer, Response)
    assert answer.status in (400, 401, 403) or (answer.status == 500 and b"RequestInfo" in answer.body)
