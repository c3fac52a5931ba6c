"""Drawn webhooks: rules, scopes, selectors and conditions, and requests that they may be about."""

from __future__ import annotations

import random
from typing import Any

from helpers.admission_judge import AdmissionJudge, rule
from helpers.admission_webhook_cases import deployment, dry
from helpers.differential import Ask, delete, merge, post, put
from helpers.webhook_server import allow

Body = dict[str, Any]

_CONDITIONS = (
    "true",
    "object == null || object.metadata.name.startsWith('a')",
    "request.operation in ['CREATE', 'DELETE']",
    "request.resource.resource == 'configmaps'",
    "has(request.subResource)",
    "oldObject != null",
    "object != null && has(object.metadata.labels) && 'team' in object.metadata.labels",
    "request.kind.kind == 'Scale' || request.namespace != ''",
)


def _selector(dice: random.Random, key: str, values: list[str]) -> Body:
    if dice.random() < 0.65:
        return {}
    if dice.random() < 0.5:
        return {"matchLabels": {key: dice.choice(values)}}
    operator = dice.choice(["In", "NotIn", "Exists", "DoesNotExist"])
    expression: Body = {"key": key, "operator": operator}
    if operator in ("In", "NotIn"):
        expression["values"] = dice.sample(values, dice.randint(1, len(values)))
    return {"matchExpressions": [expression]}


def _rule(dice: random.Random) -> Body:
    resources = dice.choice(
        [
            ["configmaps"], ["*"], ["*/*"], ["deployments"], ["deployments/scale"], ["*/scale"],
            ["deployments/*"], ["pods", "configmaps"], ["namespaces"], ["*/status"],
        ]
    )  # fmt: skip
    operations = dice.choice(
        [["*"], ["CREATE"], ["UPDATE"], ["DELETE"], ["CREATE", "UPDATE"], ["UPDATE", "DELETE"]]
    )
    groups, versions = (
        dice.choice([["*"], [""], ["apps"], ["", "apps"]]),
        dice.choice([["*"], ["v1"], ["v2"]]),
    )
    made = rule(*resources, operations=operations, groups=groups, versions=versions)
    scope = dice.choice(["*", "Namespaced", "Namespaced", "Cluster", None])
    return made if scope is None else {**made, "scope": scope}


def _hook(dice: random.Random, index: int, namespace: str) -> Body:
    made: Body = {
        "name": f"h{index}.hooks.test",
        "path": f"/drawn{index}",
        "rules": [_rule(dice) for _ in range(dice.randint(1, 2))],
        "matchPolicy": dice.choice(["Exact", "Equivalent"]),
        "namespaceSelector": _selector(dice, "kubernetes.io/metadata.name", [namespace, "elsewhere"]),
        "objectSelector": _selector(dice, "team", ["red", "blue"]),
        "failurePolicy": dice.choice(["Fail", "Ignore"]),
    }
    if dice.random() < 0.5:
        chosen = dice.sample(_CONDITIONS, dice.randint(1, 2))
        made["matchConditions"] = [{"name": f"c{i}", "expression": each} for i, each in enumerate(chosen)]
    return made


def _requests(dice: random.Random, namespace: str) -> list[Ask]:
    maps, webs = (
        f"/api/v1/namespaces/{namespace}/configmaps",
        f"/apis/apps/v1/namespaces/{namespace}/deployments",
    )

    def labels() -> Body:
        return dice.choice([{}, {"labels": {"team": "red"}}, {"labels": {"team": "blue", "x": "y"}}])

    return [
        dry(post(maps, {"metadata": {"name": dice.choice(["a", "b"]), **labels()}})),
        dry(put(f"{maps}/held", {"metadata": {"name": "held", **labels()}})),
        dry(delete(f"{maps}/held")),
        dry(post(webs, deployment("drawn"))),
        dry(merge(f"{webs}/held", {"metadata": labels()})),
        dry(merge(f"{webs}/held/scale", {"spec": {"replicas": 2}})),
        dry(merge(f"{webs}/held/status", {"status": {"replicas": 1}})),
        dry(merge(f"/api/v1/namespaces/{namespace}", {"metadata": labels()})),
    ]


async def ask_drawn(judge: AdmissionJudge, rounds: int) -> tuple[int, int]:
    """Draw so many configurations; how many requests were asked, and how many calls they made on ours."""
    namespace, dice = judge.namespace, random.Random(7)
    await judge.ask(
        post(
            f"/api/v1/namespaces/{namespace}/configmaps",
            {"metadata": {"name": "held", "labels": {"team": "red"}}},
        )
    )
    await judge.ask(post(f"/apis/apps/v1/namespaces/{namespace}/deployments", deployment("held")))
    called = 0
    for _ in range(rounds):
        hooks = [_hook(dice, index, namespace) for index in range(6)]
        judge.hooks.behaviours |= {each["path"]: allow() for each in hooks}
        await judge.webhooks(hooks[:3], hooks[3:])
        for question in _requests(dice, namespace):
            await judge.ask(question)
            called += len(judge.called())
    return judge.asked, called
