"""What both servers are asked about webhooks: the configuration, and the requests in good and bad form."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

from helpers.admission_judge import AdmissionJudge, rule
from helpers.differential import Ask, apply, delete, merge, post, put, query
from helpers.webhook_server import allow, deny, patch, response

Body = dict[str, Any]

LINES = tuple(
    f"webhooks: {name}"
    for name in (
        "AdmissionReview", "v1beta1", "operations", "rules", "scope", "matchPolicy", "matchConditions",
        "namespaceSelector", "objectSelector", "sideEffects", "timeoutSeconds", "failurePolicy",
        "reinvocationPolicy", "JSONPatch", "warnings", "denials", "responses", "addresses", "order",
        "configurations",
    )
)  # fmt: skip

ONE_FORM = {
    ("webhooks: AdmissionReview", False): "what is sent has no bad form; answers are `responses`",
    ("webhooks: reinvocationPolicy", False): "a further call is a call",
    ("webhooks: warnings", False): "a warning refuses nothing",
}
ADD = {"op": "add", "path": "/metadata/annotations", "value": {"x": "y"}}


def cm(judge: AdmissionJudge, name: str = "a", *, labels: Body | None = None, **data: str) -> Ask:
    meta: Body = {"name": name}
    if labels:
        meta["labels"] = labels
    return dry(post(f"/api/v1/namespaces/{judge.namespace}/configmaps", {"metadata": meta, "data": data}))


def dry(question: Ask) -> Ask:
    from dataclasses import replace

    return replace(question, path=query(question.path, {"dryRun": "All"}))


def deployment(name: str = "web") -> Body:
    labels = {"a": "b"}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": pod}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def line(name: str) -> str:
    return f"webhooks: {name}"


async def every_write(judge: AdmissionJudge) -> None:
    """What webhooks are told of each write there is."""
    everything = rule("*/*", groups=["*"], versions=["*"])
    judge.hooks.behaviours |= {"/ok": allow(warnings=["seen"]), "/patch": patch(ADD)}
    writes = rule("*/*", groups=["*"], versions=["*"], operations=["CREATE", "UPDATE"])
    await judge.webhooks(
        [{"path": "/patch", "rules": [writes], "objectSelector": {}}],
        [{"path": "/ok", "rules": [everything], "objectSelector": {}}],
    )
    core, seen = f"/api/v1/namespaces/{judge.namespace}", line("AdmissionReview")
    maps, webs = f"{core}/configmaps", f"/apis/apps/v1/namespaces/{judge.namespace}/deployments"
    pod = {
        "metadata": {"name": "p"},
        "spec": {
            "serviceAccountName": "default",
            "automountServiceAccountToken": False,
            "containers": [{"name": "c", "image": "i"}],
        },
    }
    node = {"kind": "Node", "name": "n"}
    for question in (
        post(maps, {"metadata": {"name": "a"}, "data": {"k": "v"}}, fieldManager="me").good(seen),
        put(f"{maps}/a", {"metadata": {"name": "a"}, "data": {"k": "w"}}, fieldValidation="Strict").good(
            seen
        ),
        merge(f"{maps}/a", {"data": {"k": "z"}}).good(seen, line("warnings")),
        apply(f"{maps}/b", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "b"}}).good(seen),
        apply(
            f"{maps}/b",
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "b"}, "data": {"x": "y"}},
        ).good(seen),
        post(maps, {"metadata": {"generateName": "gen-"}}).good(seen),
        delete(f"{maps}/a", {"propagationPolicy": "Background"}).good(seen),
        post(webs, deployment()).good(seen),
        merge(f"{webs}/web/scale", {"spec": {"replicas": 3}}).good(seen),
        merge(f"{webs}/web/status", {"status": {"replicas": 3}}).good(seen),
        post(f"{core}/pods", pod).good(seen),
        post(
            f"{core}/pods/p/binding",
            {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "p"}, "target": node},
        ).good(seen),
        post(
            f"{core}/pods/p/eviction",
            {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "p"}},
        ).good(seen),
        delete(maps).good(seen),
        delete(f"{webs}/web").good(seen),
        merge(f"/api/v1/namespaces/{judge.namespace}", {"metadata": {"labels": {"u": "v"}}}).good(seen),
    ):
        await judge.ask(question)
    # How often the real server asks about a deletion at once depends on how late its cache is.
    judge.compare_calls = False
    await judge.ask(delete(f"{core}/pods/p", {"gracePeriodSeconds": 0}))


async def rules(judge: AdmissionJudge) -> None:
    judge.hooks.behaviours["/no"] = deny(message="no")
    webs = f"/apis/apps/v1/namespaces/{judge.namespace}/deployments"
    make, scale = dry(post(webs, deployment("r"))), line("rules")
    for given, refused in (
        (rule("configmaps"), True),
        (rule("pods", "configmaps"), True),
        (rule("*"), True),
        (rule("configmaps/status"), False),
        (rule("*/status"), False),
        (rule("configmaps", groups=["*"], versions=["*"]), True),
        (rule("configmaps", groups=["apps"]), False),
        (rule("configmaps", versions=["v2"]), False),
    ):
        await judge.webhooks(validating=[{"path": "/no", "rules": [given]}])
        question = cm(judge)
        await judge.ask(question.bad(scale) if refused else question.good(scale))
    for operation, refused in (("CREATE", True), ("UPDATE", False), ("DELETE", False), ("*", True)):
        given = rule("deployments", groups=["apps"], operations=[operation])
        await judge.webhooks(validating=[{"path": "/no", "rules": [given]}])
        await judge.ask(make.bad(line("operations")) if refused else make.good(line("operations")))
    for scope, in_namespace, of_cluster in (
        ("*", True, True),
        ("Namespaced", True, False),
        ("Cluster", False, True),
    ):
        given = rule("configmaps", "namespaces", scope=scope)
        await judge.webhooks(validating=[{"path": "/no", "rules": [given]}])
        space = dry(merge(f"/api/v1/namespaces/{judge.namespace}", {"metadata": {"labels": {"s": "t"}}}))
        for question, refused in ((cm(judge), in_namespace), (space, of_cluster)):
            await judge.ask(question.bad(line("scope")) if refused else question.good(line("scope")))
    await judge.webhooks(
        validating=[{"path": "/no", "rules": [rule("*", groups=["*"], versions=["*"])]}], anywhere=True
    )
    own = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "other"},
    }
    path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
    await judge.ask(dry(post(path, own)).good(line("configurations")))
    broken = {**own, "webhooks": [{"name": "x.hooks.test", "sideEffects": "Some", "clientConfig": {}}]}
    await judge.ask(dry(post(path, broken)).bad(line("configurations")))
    condition = {"name": "c", "expression": "nope.x == 1"}
    hook = {"name": "x.hooks.test", "sideEffects": "None", "admissionReviewVersions": ["v1"]}
    hook |= {"clientConfig": {"url": "https://hooks.test/"}, "matchConditions": [condition]}
    await judge.ask(dry(post(path, {**own, "webhooks": [hook]})).bad(line("configurations")))


async def match_policy(judge: AdmissionJudge) -> None:
    scaler = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "h"},
        "spec": {
            "maxReplicas": 3,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "x"},
        },
    }
    path = f"/apis/autoscaling/v2/namespaces/{judge.namespace}/horizontalpodautoscalers"
    old = rule("horizontalpodautoscalers", groups=["autoscaling"], versions=["v1"])
    judge.hooks.behaviours |= {"/no": deny(message="no"), "/ok": allow(), "/patch": patch(ADD)}
    for policy, refused in (("Equivalent", True), ("Exact", False)):
        await judge.webhooks(validating=[{"path": "/no", "rules": [old], "matchPolicy": policy}])
        question = dry(post(path, scaler))
        await judge.ask(question.bad(line("matchPolicy")) if refused else question.good(line("matchPolicy")))
    await judge.webhooks([{"path": "/patch", "rules": [old]}], [{"path": "/ok", "rules": [old]}])
    await judge.ask(dry(post(path, scaler)).good(line("matchPolicy")))


async def conditions(judge: AdmissionJudge) -> None:
    judge.hooks.behaviours["/no"] = deny(message="no")
    met = line("matchConditions")
    for expressions, more, question, refused in (
        (["object.metadata.name == 'a'"], {}, cm(judge), True),
        (["object.metadata.name == 'a'"], {}, cm(judge, "b"), False),
        (["object.metadata.name == 'a'", "false"], {}, cm(judge), False),
        (["object.data.nope == 'x'"], {}, cm(judge, k="v"), True),
        (["object.data.nope == 'x'", "object.data.no == 'y'"], {}, cm(judge, k="v"), True),
        (["object.data.nope == 'x'", "false"], {}, cm(judge, k="v"), False),
        (["object.data.nope == 'x'"], {"failurePolicy": "Ignore"}, cm(judge, k="v"), False),
        (["request.operation == 'CREATE' && request.dryRun"], {}, cm(judge), True),
        (["request.userInfo.username == 'nobody'"], {}, cm(judge), False),
        (["authorizer.group('').resource('pods').check('create').allowed()"], {}, cm(judge), True),
        (["oldObject == null && !has(object.data)"], {}, cm(judge), True),
    ):
        given = [{"name": f"c{index}", "expression": each} for index, each in enumerate(expressions)]
        await judge.webhooks(validating=[{"path": "/no", "matchConditions": given, **more}])
        await judge.ask(question.bad(met) if refused else question.good(met))


async def selectors(judge: AdmissionJudge) -> None:
    judge.hooks.behaviours["/no"] = deny(message="no")
    for selector, refused in (
        ({}, True),
        (judge.here(), True),
        ({"matchLabels": {"kubernetes.io/metadata.name": "elsewhere"}}, False),
        ({"matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "nope", "operator": "Exists"}]}, False),
    ):
        await judge.webhooks(validating=[{"path": "/no", "namespaceSelector": selector}])
        met = line("namespaceSelector")
        await judge.ask(cm(judge).bad(met) if refused else cm(judge).good(met))
    labels = {"team": "red"}
    for selector, given, refused in (
        ({"matchLabels": labels}, labels, True),
        ({"matchLabels": labels}, {"team": "blue"}, False),
        ({"matchExpressions": [{"key": "team", "operator": "NotIn", "values": ["red"]}]}, labels, False),
    ):
        await judge.webhooks(validating=[{"path": "/no", "objectSelector": selector}])
        question = cm(judge, labels=given)
        met = line("objectSelector")
        await judge.ask(question.bad(met) if refused else question.good(met))
    # The old object matches, and the new one no more.
    path = f"/api/v1/namespaces/{judge.namespace}/configmaps"
    await judge.webhooks()
    await judge.ask(post(path, {"metadata": {"name": "old", "labels": labels}}))
    updates = rule("configmaps", operations=["UPDATE"])
    await judge.webhooks(
        validating=[{"path": "/no", "objectSelector": {"matchLabels": labels}, "rules": [updates]}]
    )
    change = {"metadata": {"labels": {"team": None}}}
    await judge.ask(dry(merge(f"{path}/old", change)).bad(line("objectSelector")))
    await judge.webhooks()
    await judge.ask(delete(f"{path}/old"))


async def side_effects(judge: AdmissionJudge) -> None:
    judge.hooks.behaviours["/ok"] = allow()
    met = line("sideEffects")
    for effects in ("None", "NoneOnDryRun"):
        await judge.webhooks(validating=[{"path": "/ok", "sideEffects": effects}])
        await judge.ask(cm(judge).good(met))
    path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
    hook = {"name": "x.hooks.test", "sideEffects": "Unknown", "admissionReviewVersions": ["v1"]}
    body = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "other"},
        "webhooks": [{**hook, "clientConfig": {"url": "https://hooks.test/"}}],
    }
    await judge.ask(dry(post(path, body)).bad(met))


async def failures(judge: AdmissionJudge) -> None:
    late = asyncio.Event()

    async def slow(review: Body) -> Body:
        await late.wait()
        return response(review, allowed=True)

    other = f"https://127.0.0.1:{judge.hooks.port}"
    judge.hooks.behaviours |= {
        "/slow": slow,
        "/broken": lambda review: (500, "text/plain", b"boom"),
        "/json": lambda review: (503, "application/json", b"{}"),
        "/teapot": lambda review: (418, "text/plain", b"short"),
        "/empty": lambda review: (200, "application/json", b""),
        "/status": lambda review: (
            422,
            "application/json",
            json.dumps(
                {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": "own words"}
            ).encode(),
        ),
        "/ok": allow(),
    }
    policy = line("failurePolicy")
    for hook in (
        {"path": "/broken"},
        {"path": "/json"},
        {"path": "/teapot"},
        {"path": "/empty"},
        {"path": "/status"},
        {"path": "/nowhere"},
        {"clientConfig": {"url": "https://127.0.0.1:1/x"}},
        {"clientConfig": {"url": f"{other}/ok"}},
        {"clientConfig": {"service": {"namespace": "none", "name": "none", "path": "/ok"}}},
    ):
        for kind in ("mutating", "validating"):
            await judge.webhooks(**{kind: [hook]})
            await judge.ask(cm(judge).bad(policy))
            await judge.webhooks(**{kind: [{**hook, "failurePolicy": "Ignore"}]})
            await judge.ask(cm(judge).good(policy))
    await judge.webhooks(validating=[{"path": "/slow", "timeoutSeconds": 1}])
    await judge.ask(cm(judge).bad(line("timeoutSeconds")))
    await judge.webhooks(validating=[{"path": "/slow", "timeoutSeconds": 1, "failurePolicy": "Ignore"}])
    await judge.ask(cm(judge).good(line("timeoutSeconds")))
    await judge.webhooks(validating=[{"path": "/ok", "timeoutSeconds": 30}])
    await judge.ask(cm(judge).good(line("timeoutSeconds")))
    late.set()


async def addresses(judge: AdmissionJudge) -> None:
    """A service whose name leads to the address of the webhooks."""
    judge.hooks.behaviours |= {"/ok": allow(), "/no": deny(message="no"), "/": deny(message="root")}
    path = f"/api/v1/namespaces/{judge.namespace}/services"
    spec = {"type": "ExternalName", "externalName": "localhost"}
    await judge.ask(post(path, {"metadata": {"name": "hook"}, "spec": spec}))
    service = {"namespace": judge.namespace, "name": "hook", "port": judge.hooks.port}
    met = line("addresses")
    for suffix, question in (
        ("/ok", cm(judge).good(met)),
        ("/no", cm(judge).bad(met)),
        ("", cm(judge).bad(met)),
    ):
        given = {**service, "path": suffix} if suffix else service
        config = {"service": given, "caBundle": judge.hooks.ca_bundle}
        await judge.webhooks(validating=[{"clientConfig": config}])
        await judge.ask(question)
    # The name that the certificate must be for is the service's.
    wrong = {**service, "path": "/ok", "name": "other"}
    await judge.ask(post(path, {"metadata": {"name": "other"}, "spec": spec}))
    await judge.webhooks(
        validating=[
            {
                "clientConfig": {"service": wrong, "caBundle": judge.hooks.ca_bundle},
                "failurePolicy": "Ignore",
            }
        ]
    )
    await judge.ask(cm(judge).good(met))
    await judge.webhooks()
    for name in ("hook", "other"):
        await judge.ask(delete(f"{path}/{name}"))


async def reinvocation(judge: AdmissionJudge) -> None:
    judge.hooks.behaviours |= {
        "/one": allow(),
        "/two": patch({"op": "add", "path": "/data", "value": {"two": "2"}}),
        "/three": patch({"op": "add", "path": "/metadata/labels", "value": {"three": "3"}}),
    }
    met = line("reinvocationPolicy")
    again = {"reinvocationPolicy": "IfNeeded"}
    for hooks in (
        [{"path": "/one", **again}, {"path": "/two"}],
        [{"path": "/one"}, {"path": "/two"}],
        [{"path": "/one", **again}, {"path": "/two", **again}, {"path": "/three", **again}],
        [{"path": "/two", **again}, {"path": "/one", **again}],
    ):
        named = [{"name": f"h{index}.hooks.test", **hook} for index, hook in enumerate(hooks)]
        await judge.webhooks(mutating=named)
        await judge.ask(cm(judge).good(met, line("order")))
    refusing = [{"name": "a.hooks.test", "path": "/no"}, {"name": "b.hooks.test", "path": "/one"}]
    judge.hooks.behaviours["/no"] = deny(message="first")
    await judge.webhooks(mutating=refusing)
    await judge.ask(cm(judge).bad(line("order")))


async def patches(judge: AdmissionJudge) -> None:
    met = line("JSONPatch")
    add = {"op": "add", "path": "/data", "value": {"a": "b"}}
    webs = f"/apis/apps/v1/namespaces/{judge.namespace}/deployments"
    for operations, good in (
        ([add], True),
        (
            [
                add,
                {"op": "replace", "path": "/data/a", "value": "c"},
                {"op": "test", "path": "/data/a", "value": "c"},
            ],
            True,
        ),
        ([], True),
        ([{"op": "remove", "path": "/data/nope"}], False),
        ([{"op": "add", "path": "/nope/x", "value": 1}], False),
        ([{"op": "test", "path": "/metadata/name", "value": "z"}], False),
        ([{"op": "add", "path": "/data", "value": {"bad key!": "x"}}], False),
        ([{"op": "add", "path": "/unknown", "value": "x"}], True),
    ):
        judge.hooks.behaviours["/patch"] = patch(*operations)
        await judge.webhooks([{"path": "/patch"}])
        await judge.ask(cm(judge, k="v").good(met) if good else cm(judge, k="v").bad(met))
    judge.hooks.behaviours["/patch"] = patch(
        {"op": "add", "path": "/spec/template/spec/containers/-", "value": {"name": "side", "image": "s"}}
    )
    await judge.webhooks([{"path": "/patch", "rules": [rule("deployments", groups=["apps"])]}])
    await judge.ask(dry(post(webs, deployment())).good(met))
    judge.hooks.behaviours["/patch"] = patch(ADD)
    path = f"/api/v1/namespaces/{judge.namespace}/configmaps"
    await judge.webhooks()
    await judge.ask(post(path, {"metadata": {"name": "kept"}}))
    await judge.webhooks([{"path": "/patch", "rules": [rule("configmaps", operations=["DELETE"])]}])
    await judge.ask(delete(f"{path}/kept").bad(met))
    await judge.webhooks()
    await judge.ask(delete(f"{path}/kept"))


async def denials(judge: AdmissionJudge) -> None:
    met = line("denials")
    for status in (
        {},
        {"message": "told"},
        {"reason": "Because"},
        {"message": "told", "code": 409, "reason": "Conflict"},
        {"message": "told", "code": 200},
        {"code": 451, "details": {"name": "x", "causes": [{"message": "c", "field": "f"}]}},
        {"status": "Success", "message": "odd"},
    ):
        judge.hooks.behaviours["/no"] = deny(**status)
        for kind in ("mutating", "validating"):
            await judge.webhooks(**{kind: [{"path": "/no"}]})
            await judge.ask(cm(judge).bad(met))
    judge.hooks.behaviours["/ok"] = allow(status={"message": "ignored", "code": 500})
    await judge.webhooks(validating=[{"path": "/ok"}])
    await judge.ask(cm(judge).good(met))
    judge.hooks.behaviours["/ok"] = allow(warnings=["one", 'two "quoted"', "one"])
    await judge.webhooks(validating=[{"path": "/ok"}])
    await judge.ask(cm(judge).good(line("warnings")))


async def responses(judge: AdmissionJudge) -> None:
    met = line("responses")
    encoded = base64.b64encode(json.dumps([ADD]).encode()).decode()
    version = "admission.k8s.io/v1"

    def review(**more: Any) -> Any:
        return lambda asked: {"kind": "AdmissionReview", "apiVersion": version, **more}

    for behaviour, kind in (
        (review(), "validating"),
        (review(response={"uid": "x", "allowed": True}), "validating"),
        (lambda asked: {**response(asked, allowed=True), "kind": "Other"}, "validating"),
        (lambda asked: {"response": response(asked, allowed=True)["response"]}, "validating"),
        (allow(patch=encoded), "mutating"),
        (allow(patchType="JSONPatch"), "mutating"),
        (allow(patch=encoded, patchType=""), "mutating"),
        (allow(patch=encoded, patchType="Other"), "mutating"),
        (allow(patch=encoded, patchType="JSONPatch"), "validating"),
        (allow(patchType="JSONPatch"), "validating"),
        (lambda asked: response(asked), "validating"),
    ):
        judge.hooks.behaviours["/odd"] = behaviour
        await judge.webhooks(**{kind: [{"path": "/odd"}]})
        await judge.ask(cm(judge).bad(met))
    judge.hooks.behaviours["/odd"] = allow(auditAnnotations={"a": "b"}, unknown="field")
    await judge.webhooks(validating=[{"path": "/odd"}])
    await judge.ask(cm(judge).good(met))
    beta = {"path": "/beta", "admissionReviewVersions": ["v1beta1", "v1"]}
    for behaviour, question in (
        (allow(), cm(judge).good(line("v1beta1"))),
        (lambda asked: {"apiVersion": "admission.k8s.io/v1beta1", "kind": "AdmissionReview",
                        "response": {"allowed": True, "patch": encoded}}, cm(judge).good(line("v1beta1"))),
        (deny(message="no"), cm(judge).bad(line("v1beta1"))),
    ):  # fmt: skip
        judge.hooks.behaviours["/beta"] = behaviour
        await judge.webhooks(mutating=[beta])
        await judge.ask(question)


CASES = {
    each.__name__: each
    for each in (
        every_write,
        rules,
        match_policy,
        conditions,
        selectors,
        side_effects,
        failures,
        addresses,
        reinvocation,
        patches,
        denials,
        responses,
    )
}
