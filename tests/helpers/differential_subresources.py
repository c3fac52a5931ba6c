"""Questions about subresources and about custom resources."""

from __future__ import annotations

import base64
import copy
from functools import cache
from typing import Any

from helpers.differential import Ask, apply, delete, get, merge, post, put
from helpers.differential_cases import deployment, pod
from helpers.drawn_definitions import WIDGETS

Body = dict[str, Any]


def _s(name: str) -> str:
    return f"subresource: {name}"


def _c(name: str) -> str:
    return f"custom: {name}"


@cache
def signing_request() -> str:
    """A PEM certificate request in base64; the same for both servers."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "example")])
    made = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return base64.b64encode(made.public_bytes(serialization.Encoding.PEM)).decode()


def cases(namespace: str) -> dict[str, list[Ask]]:
    core = f"/api/v1/namespaces/{namespace}"
    pods, web = f"{core}/pods", f"/apis/apps/v1/namespaces/{namespace}/deployments/web"
    return {
        "subresources: status and scale": _status_and_scale(web),
        "subresources: of pods": _of_pods(pods),
        "subresources: approval": _approval(namespace),
        "subresources: finalize, token": _finalize_and_token(namespace, core),
        "custom: schema to selectable fields": _custom(namespace),
        "custom: several versions, names": _versions(namespace),
        "custom: defaults of several versions": _defaults_of_versions(namespace),
    }


def _status_and_scale(web: str) -> list[Ask]:
    scale = {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "web"}}
    return [
        post(web.removesuffix("/web"), deployment()),
        get(f"{web}/status").good(_s("status")),
        merge(f"{web}/status", {"status": {"replicas": 2, "readyReplicas": 1}}).good(_s("status")),
        merge(f"{web}/status", {"status": {"replicas": -1}}).bad(_s("status")),
        put(f"{web}/status", {**deployment(), "metadata": {"name": "other"}}).bad(_s("status")),
        get(f"{web}/scale").good(_s("scale")),
        put(f"{web}/scale", {**scale, "spec": {"replicas": 3}}).good(_s("scale")),
        merge(f"{web}/scale", {"spec": {"replicas": 4}}).good(_s("scale")),
        merge(f"{web}/scale", {"spec": {"replicas": -4}}).bad(_s("scale")),
        merge(f"{web}/scale", {"spec": {"replicas": "x"}}).bad(_s("scale")),
        put(f"{web}/scale", {**scale, "metadata": {"name": "x"}}).bad(_s("scale")),
        put(f"{web}/scale", {**scale, "metadata": {"name": "web", "resourceVersion": "1"}}).bad(_s("scale")),
        put(f"{web}/scale", deployment()).bad(_s("scale")),
        get(f"{web}/nonsense").bad(_s("scale")),
        merge(f"{web}/scale", {"spec": {"replicas": 6}}, dryRun="All"),
        get(web),
    ]


def _of_pods(pods: str) -> list[Ask]:
    p = f"{pods}/p"
    binding = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "p"}}
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "p"}}
    debug = {"name": "d", "image": "busybox"}
    bind, evict = _s("binding"), _s("eviction")
    ephemeral, resize = _s("ephemeralcontainers"), _s("resize")
    resources = {"limits": {"cpu": "2"}, "requests": {"cpu": "2"}}

    def resized(resources: Body) -> Ask:
        container = {"name": "c", "image": "nginx:1", "resources": resources}
        return merge(f"{p}/resize", {"spec": {"containers": [container]}})

    cpu = {"limits": {"cpu": "1"}, "requests": {"cpu": "1"}}
    return [
        post(pods, pod(containers=[{"name": "c", "image": "nginx:1", "resources": cpu}])),
        resized(resources).good(resize),
        resized({}).bad(resize),
        post(f"{p}/binding", binding).bad(bind),
        post(f"{p}/binding", {**binding, "target": {"kind": "Pod", "name": "n"}}).bad(bind),
        post(f"{p}/binding", {**binding, "target": {"kind": "Node", "name": ""}}).bad(bind),
        post(f"{pods}/none/binding", {**binding, "target": {"name": "n"}}).bad(bind),
        post(f"{p}/binding", {**binding, "target": {"kind": "Node", "name": "n1"}}).good(bind),
        post(f"{p}/binding", {**binding, "target": {"kind": "Node", "name": "n1"}}).bad(bind),
        merge(f"{p}/status", {"status": {"phase": "Running"}}),
        merge(
            f"{p}/ephemeralcontainers",
            {"spec": {"ephemeralContainers": [{**debug, "targetContainerName": "c"}]}},
        ).good(ephemeral),
        merge(f"{p}/ephemeralcontainers", {"spec": {"ephemeralContainers": []}}).bad(ephemeral),
        merge(f"{p}/ephemeralcontainers", {"spec": {"ephemeralContainers": [{"name": "X"}]}}).bad(ephemeral),
        merge(p, {"spec": {"ephemeralContainers": [debug]}}).bad(ephemeral),
        resized(resources),
        post(f"{p}/eviction", {**eviction, "metadata": {"name": "x"}}).bad(evict),
        post(f"{pods}/none/eviction", {**eviction, "metadata": {"name": "none"}}).bad(evict),
        post(f"{p}/eviction", eviction, dryRun="All").good(evict),
        post(f"{p}/eviction", eviction).good(evict),
        get(p),
        delete(p, gracePeriodSeconds=0),
    ]


def _approval(namespace: str) -> list[Ask]:
    requests = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
    name, approval = f"of-{namespace}", _s("approval")
    spec = {"request": signing_request(), "signerName": "example.com/s", "usages": ["client auth"]}
    body = {
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest",
        "metadata": {"name": name},
        "spec": spec,
    }
    yes = {"type": "Approved", "status": "True", "reason": "r", "message": "m"}
    url = f"{requests}/{name}/approval"
    return [
        post(requests, body),
        merge(url, {"status": {"conditions": [yes]}}, dryRun="All").good(approval),
        get(url).good(approval),
        put(url, {**body, "metadata": {"name": "x"}}).bad(approval),
        merge(f"{requests}/none/approval", {"status": {}}).bad(approval),
        delete(f"{requests}/{name}"),
    ]


def _finalize_and_token(namespace: str, core: str) -> list[Ask]:
    finalize, token = _s("finalize"), _s("token")
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"audiences": ["a"]}}
    url = f"{core}/serviceaccounts/default/token"
    short = {**request, "spec": {"expirationSeconds": 5}}
    long = {**request, "spec": {"expirationSeconds": 1 << 33}}
    return [
        put(f"{core}/finalize", {**space, "spec": {"finalizers": ["bad one"]}}).bad(finalize),
        put(f"{core}/finalize", {**space, "spec": {"finalizers": ["kubernetes", "a.b/c"]}}).good(finalize),
        put(f"{core}/finalize", {**space, "metadata": {"name": "x"}}).bad(finalize),
        merge(core, {"spec": {"finalizers": []}}),
        get(core),
        post(url, request).good(token),
        post(url, short).bad(token),
        post(url, long).bad(token),
        post(f"{core}/serviceaccounts/none/token", request).bad(token),
        post(url, {**request, "metadata": {"name": "x"}}).bad(token),
    ]


def _definition(name: str, group: str, *versions: Body, **names: Any) -> Body:
    definition = copy.deepcopy(WIDGETS)
    definition["metadata"]["name"] = f"{name}s.{group}"
    definition["spec"]["group"] = group
    definition["spec"]["names"] = {"plural": f"{name}s", "kind": name.capitalize(), **names}
    if versions:
        definition["spec"]["versions"] = list(versions)
    return definition


_DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def _custom(namespace: str) -> list[Ask]:
    group = "asked.example.com"
    gears = f"/apis/{group}/v1/namespaces/{namespace}/gears"

    def gear(name: str = "g", **spec: Any) -> Body:
        return {"apiVersion": f"{group}/v1", "kind": "Gear", "metadata": {"name": name}, "spec": spec}

    schema, pruned, filled = _c("schema"), _c("pruning"), _c("defaulting")
    lists, fields = _c("list topology"), _c("selectable fields")
    parts = [{"name": "p", "size": 1}, {"name": "q"}]
    return [
        post(_DEFINITIONS, _definition("gear", group)),
        Ask("WAIT", gears),
        post(gears, gear(color="red", unknown=1)).good(schema, filled).good(pruned),
        post(gears, gear("h", color="green")).bad(schema),
        post(gears, gear("h", color=1)).bad(schema),
        post(gears, gear("h", replicas=-1)).bad(schema, filled),
        post(gears, {"apiVersion": f"{group}/v1", "kind": "Gear", "metadata": {"name": "n"}}).good(schema),
        post(gears, gear("p1", free={"a": {"b": 1}}, unknown={"x": 1})).good(pruned),
        post(gears, gear("l1", parts=parts, tags=["a"])).good(lists),
        post(gears, gear("l2", parts=[{"name": "p"}, {"name": "p"}])).bad(lists),
        post(gears, gear("l2", tags=["a", "a"])).bad(lists),
        post(gears, gear("l2", parts=[{"size": 1}])).bad(lists),
        apply(f"{gears}/l1", gear("l1", parts=[{"name": "r", "size": 3}]), "one").good(lists),
        apply(f"{gears}/l1", gear("l1", parts=[{"name": "p", "size": 9}]), "one").bad(lists),
        merge(f"{gears}/g/status", {"status": {"phase": "x", "replicas": 3}}).good(_c("status")),
        merge(f"{gears}/g/status", {"status": {"phase": 5}}).bad(_c("status")),
        merge(f"{gears}/g", {"status": {"phase": "ignored"}}),
        get(f"{gears}/g/scale").good(_c("scale")),
        merge(f"{gears}/g/scale", {"spec": {"replicas": 7}}).good(_c("scale")),
        merge(f"{gears}/g/scale", {"spec": {"replicas": -7}}).bad(_c("scale")),
        get(gears, fieldSelector="spec.color=red").good(fields),
        get(gears, fieldSelector="spec.color!=red").good(fields),
        get(gears, fieldSelector="spec.size=1").bad(fields),
        Ask("GET", gears, accept="application/json;as=Table;v=v1;g=meta.k8s.io").good(_c("tables")),
        delete(gears),
        delete(f"{_DEFINITIONS}/gears.{group}"),
    ]


def _versions(namespace: str) -> list[Ask]:
    group = "versions.example.com"
    versions, conflicts = _c("several versions"), _c("names conflicts")
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    one = {"name": "v1", "served": True, "storage": True, "schema": schema}
    two = {"name": "v2", "served": True, "storage": False, "schema": schema, "deprecated": True}
    off = {"name": "v3", "served": False, "storage": False, "schema": schema}
    path = f"/apis/{group}/v2/namespaces/{namespace}/cogs"
    cog = {"apiVersion": f"{group}/v2", "kind": "Cog", "metadata": {"name": "c"}, "spec": {"a": 1}}
    both = _definition("bolt", group, {**one}, {**one, "name": "v2"})
    neither = _definition("bolt", group, {**one, "storage": False})
    return [
        post(_DEFINITIONS, _definition("cog", group, one, two, off)),
        Ask("WAIT", path),
        post(path, cog).good(versions),
        get(path.replace("/v2/", "/v1/") + "/c").good(versions),
        post(path.replace("/v2/", "/v1/"), {**cog, "metadata": {"name": "d"}}).bad(versions),
        post(_DEFINITIONS, both, dryRun="All").bad(versions),
        post(_DEFINITIONS, neither, dryRun="All").bad(versions),
        post(_DEFINITIONS, _definition("wrong", group, one, plural="others"), dryRun="All").bad(conflicts),
        post(_DEFINITIONS, _definition("Bad", group, one), dryRun="All").bad(conflicts),
        post(_DEFINITIONS, _definition("fine", group, one), dryRun="All").good(conflicts),
        delete(path),
        delete(f"{_DEFINITIONS}/cogs.{group}"),
    ]


def _defaults_of_versions(namespace: str) -> list[Ask]:
    """What is written lacks the defaults that reading adds, so the next write stores them, changed or not."""
    group, line = "defaults.example.com", _c("several versions")

    def version(name: str, **fields: Body) -> Body:
        schema = {"type": "object", "properties": {"spec": {"type": "object", "properties": fields}}}
        return {"name": name, "served": True, "storage": name == "v1", "schema": {"openAPIV3Schema": schema}}

    size = {"type": "integer", "default": 2}
    old = version("v1", size={"type": "integer"}, mode={"type": "string", "default": "open"})
    new = version("v2", size=size, extra={"type": "string", "default": "e"})
    both = version("v3", size=size, mode={"type": "string"})
    v1, v2, v3 = (f"/apis/{group}/{each}/namespaces/{namespace}/axles" for each in ("v1", "v2", "v3"))

    def axle(name: str, version: str, **spec: Any) -> Body:
        metadata = {"name": name, "finalizers": ["a.b/c"]} if name == "kept" else {"name": name}
        return {"apiVersion": f"{group}/{version}", "kind": "Axle", "metadata": metadata, "spec": spec}

    return [
        post(_DEFINITIONS, _definition("axle", group, old, new, both)),
        *(Ask("WAIT", path) for path in (v1, v2, v3)),
        post(v2, axle("a", "v2")).good(line),
        get(f"{v1}/a").good(line),
        *(merge(f"{path}/a", {}) for path in (v2, v2, v1, v1, v2, v3, v3)),
        post(v3, axle("b", "v3")),
        *(merge(f"{path}/b", {}) for path in (v3, v3, v2, v1, v1)),
        post(v1, axle("c", "v1", mode="closed")),
        *(merge(f"{path}/c", {}) for path in (v1, v3, v2, v2)),
        get(f"{v1}/c"),
        post(v2, axle("d", "v2")),
        merge(f"{v1}/d", {}),
        merge(f"{v1}/d", {}),
        apply(f"{v2}/e", axle("e", "v2"), "one"),
        apply(f"{v2}/e", axle("e", "v2"), "one"),
        apply(f"{v2}/e", axle("e", "v2"), "one"),
        put(f"{v3}/e", axle("e", "v3")),
        put(f"{v3}/e", axle("e", "v3", size=2)),
        post(v2, axle("kept", "v2")),
        delete(f"{v2}/kept"),
        delete(f"{v2}/kept"),
        delete(f"{v1}/kept"),
        merge(f"{v2}/kept", {"metadata": {"finalizers": None}}),
        get(v1).good(line),
        delete(v1),
        delete(f"{_DEFINITIONS}/axles.{group}"),
    ]
