"""What both servers are asked about validating and mutating policies."""

from __future__ import annotations

from typing import Any

from helpers.admission_judge import GROUP, AdmissionJudge, rule
from helpers.admission_webhook_cases import cm, deployment, dry
from helpers.differential import delete, merge, post

Body = dict[str, Any]

_VALIDATING = (
    "validations", "messageExpression", "reason", "variables", "matchConditions", "matchConstraints",
    "excludeResourceRules", "resourceNames", "request", "namespaceObject", "authorizer", "auditAnnotations",
    "validationActions", "failurePolicy", "params", "parameterNotFoundAction", "custom params", "bindings",
    "cost", "stored expressions",
)  # fmt: skip
_MUTATING = ("ApplyConfiguration", "JSONPatch", "conditions", "failurePolicy", "order", "stored expressions")
LINES = (
    *(f"validating policies: {name}" for name in _VALIDATING),
    *(f"mutating policies: {name}" for name in _MUTATING),
)
ONE_FORM = {("mutating policies: order", False): "what is changed twice is changed"}


def v(name: str) -> str:
    return f"validating policies: {name}"


def m(name: str) -> str:
    return f"mutating policies: {name}"


def says(expression: str, **more: Any) -> Body:
    return {"validations": [{"expression": expression, **more}]}


async def _try(judge: AdmissionJudge, spec: Body, *asked: tuple[Any, bool], line: str, **more: Any) -> None:
    await judge.policies(spec, **more)
    for question, good in asked:
        await judge.ask(question.good(line) if good else question.bad(line))


async def validations(judge: AdmissionJudge) -> None:
    one = cm(judge, k="v"), True
    other, none = (cm(judge, k="w"), False), (cm(judge), False)
    is_v = "object.data.k == 'v'"
    await _try(judge, says(is_v), one, other, none, line=v("validations"))
    generated = post(f"/api/v1/namespaces/{judge.namespace}/configmaps", {"metadata": {"generateName": "g-"}})
    await _try(judge, says(is_v, message=" told "), one, other, (generated, False), line=v("validations"))
    two = {"validations": [{"expression": is_v}, {"expression": "false", "message": "second"}]}
    await _try(judge, two, (cm(judge, k="v"), False), other, line=v("validations"))
    words = says(is_v, messageExpression="'k is ' + object.data.k", message="fallback")
    blank = (cm(judge, k="  "), False)
    await _try(judge, words, one, other, none, blank, line=v("messageExpression"))
    for expression in ("string(object.data.k) + '\\n'", "'  '", "string(object.data.nope)", "request.name"):
        await _try(judge, says(is_v, messageExpression=expression), other, line=v("messageExpression"))
    for reason in ("Forbidden", "Invalid", "RequestEntityTooLarge", "Unauthorized"):
        if reason != "Unauthorized":
            await _try(judge, says(is_v, reason=reason), one, other, line=v("reason"))
    await _try(
        judge,
        {**says(is_v), "failurePolicy": "Ignore"},
        one,
        other,
        (cm(judge), True),
        line=v("failurePolicy"),
    )
    named = {
        "variables": [
            {"name": "k", "expression": "object.data.k"},
            {"name": "both", "expression": "variables.k + variables.k"},
            {"name": "never", "expression": "object.data.never"},
        ],
        **says("variables.both == 'vv'", messageExpression="string(variables.both)"),
    }
    await _try(judge, named, one, other, none, line=v("variables"))


async def conditions_and_constraints(judge: AdmissionJudge) -> None:
    def condition(expression: str) -> Body:
        return {"matchConditions": [{"name": "c", "expression": expression}], **says("false")}

    met, skip = v("matchConditions"), (cm(judge, "skip"), True)
    await _try(judge, condition("object.metadata.name != 'skip'"), (cm(judge), False), skip, line=met)
    await _try(
        judge, condition("object.data.k == 'v'"), (cm(judge), False), (cm(judge, k="w"), True), line=met
    )
    ignoring = {**condition("object.data.k == 'v'"), "failurePolicy": "Ignore"}
    await _try(judge, ignoring, (cm(judge), True), (cm(judge, k="v"), False), line=met)
    webs = dry(post(f"/apis/apps/v1/namespaces/{judge.namespace}/deployments", deployment()))
    both = [rule("configmaps"), rule("deployments", groups=["apps"])]
    met = v("matchConstraints")
    await _try(judge, says("false"), (cm(judge), False), (webs, True), line=met)
    wide = {**says("false"), "matchConstraints": {"resourceRules": both}}
    await _try(judge, wide, (cm(judge), False), (webs, False), line=met)
    elsewhere = {"matchLabels": {"kubernetes.io/metadata.name": "elsewhere"}}
    narrow = {**says("false"), "matchConstraints": {"namespaceSelector": elsewhere}}
    await _try(judge, narrow, (cm(judge), True), line=met)
    labelled = {**says("false"), "matchConstraints": {"objectSelector": {"matchLabels": {"a": "b"}}}}
    with_label = cm(judge, labels={"a": "b"})
    await _try(judge, labelled, (cm(judge), True), (with_label, False), line=met)
    excluded = {"resourceRules": both, "excludeResourceRules": [rule("deployments", groups=["*"])]}
    await _try(
        judge,
        {**says("false"), "matchConstraints": excluded},
        (cm(judge), False),
        (webs, True),
        line=v("excludeResourceRules"),
    )
    only = {"resourceRules": [rule("configmaps", resourceNames=["a"])]}
    await _try(
        judge,
        {**says("false"), "matchConstraints": only},
        (cm(judge), False),
        (cm(judge, "b"), True),
        line=v("resourceNames"),
    )
    met = v("bindings")
    for resources, good in (
        ({"resourceRules": [rule("configmaps", resourceNames=["b"])]}, True),
        ({"resourceRules": [rule("configmaps")]}, False),
        ({"namespaceSelector": elsewhere}, True),
        ({"objectSelector": {"matchLabels": {"a": "b"}}}, True),
        ({"excludeResourceRules": [rule("configmaps")]}, True),
    ):
        await _try(
            judge, says("false"), (cm(judge), good), line=met, bindings=[{"matchResources": resources}]
        )
    await judge.policies(says("false"), bindings=[{"policyName": "another"}])
    await judge.ask(cm(judge).good(met))


async def variables_of_requests(judge: AdmissionJudge) -> None:
    given: list[tuple[str, bool, str]] = []
    met = v("request")
    for expression, good in (
        ("request.operation == 'CREATE' && request.dryRun && request.name == 'a'", True),
        ("request.userInfo.username == 'admin' && 'system:masters' in request.userInfo.groups", True),
        ("request.kind.kind == 'ConfigMap' && request.resource.resource == 'configmaps'", True),
        ("request.requestKind.version == 'v1' && !has(request.subResource)", True),
        ("request.options.kind == 'CreateOptions'", True),
        ("has(request.options.fieldManager)", False),
        ("request.namespace == 'other'", False),
        ("object.metadata.namespace == request.namespace && oldObject == null", True),
    ):
        given.append((expression, good, met))
    met = v("namespaceObject")
    for expression, good in (
        ("namespaceObject.metadata.name == object.metadata.namespace", True),
        ("namespaceObject.metadata.labels['kubernetes.io/metadata.name'] == 'x'", False),
        ("namespaceObject.status.phase == 'Active'", True),
        ("has(namespaceObject.metadata.annotations)", False),
    ):
        given.append((expression, good, met))
    met = v("authorizer")
    for expression, good in (
        ("authorizer.group('').resource('pods').namespace('default').check('create').allowed()", True),
        ("authorizer.requestResource.check('update').allowed()", True),
        ("authorizer.path('/healthz').check('get').reason() != 'x'", True),
        ("authorizer.group('').resource('').check('get').allowed()", False),
        ("authorizer.path(' ').check('get').allowed()", False),
        ("authorizer.serviceAccount('Bad', 'x').path('/healthz').check('get').allowed()", False),
        ("authorizer.group('a').resource('b').subresource('c').name('d').check('e').errored()", False),
    ):
        given.append((expression, good, met))
    for met in dict.fromkeys(line for _, _, line in given):
        # What holds is asked in one policy: each configuration is waited for.
        holds = [{"expression": text} for text, good, line in given if good and line == met]
        await _try(judge, {"validations": holds}, (cm(judge), True), line=met)
    for expression, good, met in given:
        if not good:
            await _try(judge, says(expression), (cm(judge), False), line=met)
    path = f"/api/v1/namespaces/{judge.namespace}/configmaps"
    await judge.no_policies()
    await judge.policies(says("oldObject == null || object == null || object.data.k == oldObject.data.k"))
    for question in (
        post(path, {"metadata": {"name": "kept"}, "data": {"k": "v"}}).good(v("request")),
        merge(f"{path}/kept", {"data": {"l": "m"}}).good(v("request")),
        merge(f"{path}/kept", {"data": {"k": "w"}}).bad(v("request")),
        delete(f"{path}/kept").good(v("request")),
    ):
        await judge.ask(question)


async def actions(judge: AdmissionJudge) -> None:
    met = v("validationActions")
    for given, good in ((["Deny"], False), (["Warn"], True), (["Audit"], True), (["Deny", "Audit"], False)):
        await _try(
            judge,
            says("object.metadata.name == 'b'", message="m"),
            (cm(judge), good),
            line=met,
            bindings=[{"validationActions": given}],
        )
    met = v("auditAnnotations")
    for expression, good in (
        ("'value'", True),
        ("object.metadata.name == 'a' ? 'x' : 'y'", True),
        ("string(object.data.nope)", False),
    ):
        spec = {**says("true"), "auditAnnotations": [{"key": "k", "valueExpression": expression}]}
        await _try(judge, spec, (cm(judge), good), line=met)
    only = {"auditAnnotations": [{"key": "k", "valueExpression": "string(object.data.nope)"}]}
    await _try(judge, {**only, "failurePolicy": "Ignore"}, (cm(judge), True), line=met)


async def parameters(judge: AdmissionJudge) -> None:
    path = f"/api/v1/namespaces/{judge.namespace}/configmaps"
    params = [
        (path, {"metadata": {"name": "three", "labels": {"l": "1"}}, "data": {"max": "3"}}),
        (path, {"metadata": {"name": "two", "labels": {"l": "1"}}, "data": {"max": "2"}}),
    ]
    kind = {"paramKind": {"apiVersion": "v1", "kind": "ConfigMap"}}
    limit = {
        **kind,
        **says(
            "int(object.data.n) <= int(params.data.max)",
            messageExpression="'too many for ' + params.metadata.name",
        ),
    }

    async def bound(spec: Body, ref: Body | None, *asked: tuple[Any, bool], line: str) -> None:
        binding = {} if ref is None else {"paramRef": ref}
        await _try(judge, spec, *asked, line=line, bindings=[binding], params=params)

    def n(number: int) -> Any:
        return cm(judge, n=str(number))

    denying = {"parameterNotFoundAction": "Deny"}
    here = {"namespace": judge.namespace}
    await bound(limit, {"name": "three", **denying}, (n(3), True), (n(4), False), line=v("params"))
    await bound(limit, {"name": "three", **here, **denying}, (n(3), True), (n(4), False), line=v("params"))
    selector = {"selector": {"matchLabels": {"l": "1"}}}
    await bound(limit, {**selector, **denying}, (n(2), True), (n(3), False), line=v("params"))
    await bound({**kind, **says("params == null")}, None, (n(1), True), line=v("params"))
    missing = v("parameterNotFoundAction")
    await bound(limit, {"name": "none", **denying}, (n(1), False), line=missing)
    await bound(limit, {"name": "none", "parameterNotFoundAction": "Allow"}, (n(9), True), line=missing)
    none = {"selector": {"matchLabels": {"l": "2"}}}
    await bound(limit, {**none, **denying}, (n(1), False), line=missing)
    await bound({**limit, "failurePolicy": "Ignore"}, {**none, **denying}, (n(1), True), line=missing)
    unknown = {"paramKind": {"apiVersion": "nope.example.com/v1", "kind": "Nope"}, **says("true")}
    await bound(unknown, {"name": "x", **denying}, (n(1), False), line=v("custom params"))


async def custom_parameters(judge: AdmissionJudge) -> None:
    group = "limits.example.com"
    spec = {"type": "object", "properties": {"max": {"type": "integer"}}}
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}},
    }
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"limits.{group}"},
        "spec": {
            "group": group,
            "scope": "Cluster",
            "names": {"kind": "Limit", "plural": "limits"},
            "versions": [version],
        },
    }
    path = f"/apis/{group}/v1/limits"
    await judge.until_served("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition, path)
    param = {"apiVersion": f"{group}/v1", "kind": "Limit", "metadata": {"name": "l"}, "spec": {"max": 2}}
    policy = {
        "paramKind": {"apiVersion": f"{group}/v1", "kind": "Limit"},
        **says("size(object.data) <= params.spec.max", messageExpression="'over ' + string(params.spec.max)"),
    }
    binding = {"paramRef": {"name": "l", "parameterNotFoundAction": "Deny"}}
    few, many = cm(judge, a="1"), cm(judge, a="1", b="2", c="3")
    await judge.policies(policy, bindings=[binding], params=[(path, param)])
    # The real server begins to watch a kind of parameters when a policy names it.
    await judge.until(many, "over 2")
    await judge.ask(few.good(v("custom params")))
    await judge.ask(many.bad(v("custom params")))
    await judge.no_policies()
    await judge.ask(delete(f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/limits.{group}"))


async def costs(judge: AdmissionJudge) -> None:
    met = v("cost")
    # Some 200 characters, each with each: within the limit of one expression, and beyond that of them all.
    square = "object.data.k.split('').all(a, object.data.k.split('').all(b, a != '?' || b != '?'))"
    inner = "object.data.k.split('').all(c, a != b || b == c)"
    cube = f"object.data.k.split('').all(a, object.data.k.split('').all(b, {inner}))"
    for expressions, length, good in (([square], 20, True), ([cube], 200, False), ([square] * 3, 100, True)):
        given = {"validations": [{"expression": each} for each in expressions]}
        await _try(judge, given, (cm(judge, k="x" * length), good), line=met)


async def stored(judge: AdmissionJudge) -> None:
    """Expressions that do not compile are refused when they are stored."""
    path = f"{GROUP}/validatingadmissionpolicies"
    base = {"matchConstraints": {"resourceRules": [rule("configmaps")]}}

    def policy(**spec: Any) -> Any:
        body = {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": "stored"},
            "spec": {**base, **spec},
        }
        return dry(post(path, body))

    met = v("stored expressions")
    await judge.ask(policy(**says("true")).good(met))
    for spec in (
        says("nope.x == 1"),
        says("1 + 1"),
        says("request.nope == 'x'"),
        says("params.x == 1"),
        says("variables.x == 1"),
        says("true", messageExpression="1"),
        says("true", messageExpression="authorizer.path('/x').check('get').reason()"),
        {**says("true"), "matchConditions": [{"name": "c", "expression": "'x'"}]},
        {"auditAnnotations": [{"key": "k", "valueExpression": "1"}]},
        {**says("variables.b"), "variables": [{"name": "a", "expression": "true"}]},
        {**says("variables.a == 'x'"), "variables": [{"name": "a", "expression": "1"}]},
        {**says("true"), "variables": [{"name": "a", "expression": "nope"}]},
    ):
        await judge.ask(policy(**spec).bad(met))


def applies(expression: str) -> Body:
    return {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression}}


def patches(expression: str) -> Body:
    return {"patchType": "JSONPatch", "jsonPatch": {"expression": expression}}


async def mutating(judge: AdmissionJudge) -> None:
    webs = dry(post(f"/apis/apps/v1/namespaces/{judge.namespace}/deployments", deployment()))
    on_webs = {"matchConstraints": {"resourceRules": [rule("deployments", groups=["apps"])]}}
    one = cm(judge, k="v")
    containers = "Object.spec.template.spec.containers"

    def add(path: str, value: str) -> str:
        return f'[JSONPatch{{op: "add", path: "{path}", value: {value}}}]'

    def pod(inner: str) -> str:
        return (
            "Object{spec: Object.spec{template: Object.spec.template{spec: "
            f"Object.spec.template.spec{{{inner}}}}}}}}}"
        )

    for line, spec, question, good in (
        ("ApplyConfiguration", {"mutations": [applies('Object{data: {"k": "z", "l": "m"}}')]}, one, True),
        ("ApplyConfiguration", {"mutations": [applies("Object{}")]}, one, True),
        ("ApplyConfiguration", {"mutations": [applies("Object{spec: Object.spec{foo: 1}}")]}, one, False),
        ("ApplyConfiguration", {"mutations": [applies("Object{metadata: Object.wrong{}}")]}, one, False),
        ("ApplyConfiguration", {"mutations": [applies('Object{data: {"x": object.data.nope}}')]}, one, False),
        (
            "ApplyConfiguration",
            {**on_webs, "mutations": [applies(pod(f'containers: [{containers}{{name: "s", image: "s"}}]'))]},
            webs,
            True,
        ),
        (
            "ApplyConfiguration",
            {**on_webs, "mutations": [applies(pod('nodeSelector: {"a": "b"}'))]},
            webs,
            False,
        ),
        (
            "ApplyConfiguration",
            {**on_webs, "mutations": [applies(pod(f'containers: [{containers}{{command: ["x"]}}]'))]},
            webs,
            False,
        ),
        (
            "order",
            {
                **on_webs,
                "mutations": [
                    applies("Object{spec: Object.spec{replicas: object.spec.replicas + 4}}"),
                    applies("Object{spec: Object.spec{replicas: object.spec.replicas + 4}}"),
                    patches('[JSONPatch{op: "add", path: "/spec/paused", value: true}]'),
                ],
            },
            webs,
            True,
        ),
        ("JSONPatch", {"mutations": [patches(add("/data/x", '"y"'))]}, one, True),
        ("JSONPatch", {"mutations": [patches(add("/data/x/y", '"y"'))]}, one, False),
        (
            "JSONPatch",
            {
                "mutations": [
                    patches(
                        '[JSONPatch{op: "test", path: "/data/k", value: "no"}, '
                        'JSONPatch{op: "remove", path: "/data/k"}]'
                    )
                ]
            },
            one,
            True,
        ),
        ("JSONPatch", {"mutations": [patches(
            '[JSONPatch{op: "add", path: "/data/" + jsonpatch.escapeKey("a/~"), value: "x"}]')]}, one, False),
        ("JSONPatch", {**on_webs, "mutations": [patches(add("/spec/foo", "1"))]}, webs, False),
        (
            "JSONPatch",
            {
                **on_webs,
                "mutations": [
                    patches(
                        '[JSONPatch{op: "add", path: "/spec/template/spec/containers/-", '
                        f'value: {containers}{{name: "z", image: "z"}}}}]'
                    )
                ],
            },
            webs,
            True,
        ),
        (
            "conditions",
            {
                "matchConditions": [{"name": "c", "expression": "object.data.k == 'v'"}],
                "variables": [{"name": "v", "expression": "object.data.k + '!'"}],
                "mutations": [applies('Object{data: {"x": variables.v}}')],
            },
            one,
            True,
        ),
        (
            "conditions",
            {
                "matchConditions": [{"name": "c", "expression": "object.data.nope == 'v'"}],
                "mutations": [applies('Object{data: {"x": "y"}}')],
            },
            one,
            False,
        ),
        (
            "failurePolicy",
            {"failurePolicy": "Ignore", "mutations": [applies('Object{data: {"x": object.data.nope}}')]},
            one,
            True,
        ),
        ("failurePolicy", {"mutations": [applies('Object{data: {"x": object.data.nope}}')]}, one, False),
        ("order", {"reinvocationPolicy": "IfNeeded", "mutations": [
            patches(add("/data/n", 'object.data.?n.orValue("") + "x"'))]}, one, True),
    ):  # fmt: skip
        await judge.policies(spec, mutating=True)
        await judge.ask(question.good(m(line)) if good else question.bad(m(line)))
    path = f"{GROUP}/mutatingadmissionpolicies"
    for mutation, good in (
        (applies("Object{}"), True),
        (applies("1"), False),
        (applies('Object{data: {"x": nope}}'), False),
        (patches("Object{}"), False),
        (patches('[JSONPatch{op: 1, path: "/x"}]'), False),
        (patches('[JSONPatch{oops: "x"}]'), False),
    ):
        body = {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "MutatingAdmissionPolicy",
            "metadata": {"name": "stored"},
            "spec": {
                "matchConstraints": {"resourceRules": [rule("configmaps", operations=["CREATE"])]},
                "reinvocationPolicy": "Never",
                "mutations": [mutation],
            },
        }
        question = dry(post(path, body))
        met = m("stored expressions")
        await judge.ask(question.good(met) if good else question.bad(met))


CASES = {
    each.__name__: each
    for each in (
        validations,
        conditions_and_constraints,
        variables_of_requests,
        actions,
        parameters,
        custom_parameters,
        costs,
        stored,
        mutating,
    )
}
