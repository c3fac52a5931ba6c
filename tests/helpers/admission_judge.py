"""Judges admission: the same webhooks and policies on both servers, then the same requests.

The real server learns of a changed configuration some time after it answered; so each configuration has a
marker of its own, and the judge waits until that shows before it asks.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from typing import Any

from helpers.differential import Answer, Ask, Server, delete, differences, post, put, query
from helpers.differential_compare import Comparison
from helpers.webhook_server import WebhookServer, allow

Body = dict[str, Any]
GROUP = "/apis/admissionregistration.k8s.io/v1"
_NOTICED_WITHIN = 120.0
_WEBHOOKS = {
    "Mutating": "mutatingwebhookconfigurations",
    "Validating": "validatingwebhookconfigurations",
}


class AdmissionJudge(Comparison):
    """Compares answers, and what webhooks were asked on the way.

    Attributes:
        hooks: the webhook server that both servers reach.
        namespace: the namespace that the webhooks and policies are about, unless they say otherwise.
        compare_calls: the calls of webhooks are compared, and not the answers alone.
    """

    def __init__(self, real: Server, ours: Server, hooks: WebhookServer, namespace: str) -> None:
        super().__init__(real, ours)
        self.hooks = hooks
        self.namespace = namespace
        self._servers = (real, ours)
        self._numbers = itertools.count()
        self._configured: set[str] = set()
        self._made: list[str] = []
        self.compare_calls = True
        hooks.behaviours["/probe"] = allow()

    async def ask(self, question: Ask) -> tuple[Answer, Answer]:
        """First the one, then the other: each call of a webhook belongs to one of them."""
        answers: list[Answer] = []
        calls: list[list[Any]] = []
        for side, seen in zip(self._sides, self._seen, strict=True):
            self.hooks.asked.clear()
            answers.append(await side.ask(question))
            if self.compare_calls:
                # Validating webhooks are asked at once, in any order.
                asked = sorted(self.hooks.asked, key=lambda call: call[0])
                calls.append([_comparable(seen, question, call) for call in asked])
        self._compare(question, *answers)
        if not self.compare_calls:
            return answers[0], answers[1]
        found = differences(*calls) if len(calls[0]) == len(calls[1]) else [_counts(calls)]
        if found:
            self.found.append("\n    webhooks: ".join((str(question), *found)))
        return answers[0], answers[1]

    def called(self) -> list[str]:
        """The paths that the last request called on ours."""
        return [path for path, _, _ in self.hooks.asked]

    async def webhooks(
        self, mutating: Sequence[Body] = (), validating: Sequence[Body] = (), *, anywhere: bool = False
    ) -> None:
        """Have both servers ask these webhooks from now on, and no others."""
        number = str(next(self._numbers))
        for kind, given in (("Mutating", mutating), ("Validating", validating)):
            made = [self._probe(number), *(self._completed(hook, anywhere=anywhere) for hook in given)]
            body: Body = {
                "apiVersion": "admissionregistration.k8s.io/v1",
                "kind": f"{kind}WebhookConfiguration",
                "metadata": {"name": "judged"},
                "webhooks": made,
            }
            for server in self._servers:
                path = f"{GROUP}/{_WEBHOOKS[kind]}"
                if kind in self._configured:
                    held = (await server(Ask("GET", f"{path}/judged"))).body
                    body["metadata"]["resourceVersion"] = held["metadata"]["resourceVersion"]
                    answer = await server(put(f"{path}/judged", body))
                else:
                    body["metadata"].pop("resourceVersion", None)
                    answer = await server(post(path, body))
                assert answer.status < 300, answer.body
            self._configured.add(kind)
        probe = {"metadata": {"name": "probe", "labels": {"probe": number}}}
        path = query(f"/api/v1/namespaces/{self.namespace}/configmaps", {"dryRun": "All"})
        async with asyncio.timeout(_NOTICED_WITHIN):
            while True:
                self.hooks.asked.clear()
                await self._servers[0](post(path, probe))
                if sum(path == "/probe" for path, _, _ in self.hooks.asked) >= 2:
                    break
                await asyncio.sleep(0.02)
        self.hooks.asked.clear()

    def _completed(self, hook: Body, *, anywhere: bool) -> Body:
        path = hook.get("path", "/")
        made: Body = {
            "name": "a.hooks.test",
            "clientConfig": {"url": self.hooks.url(path), "caBundle": self.hooks.ca_bundle},
            "rules": [rule("configmaps")],
            "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
            "namespaceSelector": {} if anywhere else self.here(),
            # What the probe shows is no affair of theirs.
            "objectSelector": {"matchExpressions": [{"key": "probe", "operator": "DoesNotExist"}]},
        }
        made |= {key: value for key, value in hook.items() if key != "path"}
        return made

    def here(self) -> Body:
        return {"matchLabels": {"kubernetes.io/metadata.name": self.namespace}}

    def _probe(self, number: str) -> Body:
        selector = {"matchLabels": {"probe": number}}
        return self._completed(
            {"name": "probe.hooks.test", "path": "/probe", "objectSelector": selector}, anywhere=False
        )

    async def no_webhooks(self) -> None:
        """Take away what was configured."""
        for kind in sorted(self._configured):
            for server in self._servers:
                await server(delete(f"{GROUP}/{_WEBHOOKS[kind]}/judged"))
        self._configured.clear()

    async def policies(
        self,
        *policies: Body,
        bindings: Sequence[Body] = (),
        mutating: bool = False,
        params: Sequence[tuple[str, Body]] = (),
    ) -> None:
        """Have both servers evaluate these policies from now on, and no others.

        Each is the spec, with its `name` beside; without bindings each has one that denies. `params` are
        objects, with the collection that they are made in, that have to be seen before.
        """
        await self.no_policies()
        if params:
            await self._keep_watching()
        number = str(next(self._numbers))
        kind = "MutatingAdmissionPolicy" if mutating else "ValidatingAdmissionPolicy"
        made = [self._policy(kind, dict(each)) for each in policies]
        bound = [self._binding(f"{kind}Binding", dict(each)) for each in bindings] or [
            self._binding(f"{kind}Binding", {"name": each["metadata"]["name"], "policyName": None})
            for each in made
        ]
        probe = f"probe-{number}"
        spec: Body = {
            "name": probe,
            "matchConstraints": {
                "resourceRules": [rule("configmaps")],
                "objectSelector": {"matchLabels": {"probe": number}},
            },
            "validations": [{"expression": "false", "message": f"seen {probe}"}],
        }
        binding: Body = {"name": probe}
        if params:
            spec["paramKind"] = {"apiVersion": "v1", "kind": "ConfigMap"}
            spec["validations"] = [{"expression": "params == null", "message": f"seen {probe}"}]
            ref = {"name": probe, "namespace": self.namespace, "parameterNotFoundAction": "Allow"}
            binding["paramRef"] = ref
        paths = {"ValidatingAdmissionPolicy": "validatingadmissionpolicies"}
        paths["MutatingAdmissionPolicy"] = "mutatingadmissionpolicies"
        # What was configured before may still be in force, and is not about these.
        objects = [(path, _marked(each)) for path, each in params]
        if params:
            path = f"/api/v1/namespaces/{self.namespace}/configmaps"
            objects.append((path, _marked({"metadata": {"name": probe}})))
        objects += [(f"{GROUP}/{paths[kind]}", each) for each in made]
        objects += [(f"{GROUP}/{paths[kind][:-3]}ybindings", each) for each in bound]
        for suffix, each in (
            ("policies", self._policy("ValidatingAdmissionPolicy", spec)),
            ("policybindings", self._binding("ValidatingAdmissionPolicyBinding", binding)),
        ):
            objects.append((f"{GROUP}/validatingadmission{suffix}", each))
        for path, each in objects:
            for server in self._servers:
                answer = await server(post(path, each))
                assert answer.status < 300, (path, answer.body)
            self._made.append(f"{path}/{each['metadata']['name']}")
        await self._until_denied(
            {"metadata": {"name": "probe", "labels": {"probe": number}}}, f"seen {probe}"
        )
        if mutating:
            await self._until_mutated(number)

    async def _keep_watching(self) -> None:
        """One policy that stays: when the last with a kind of parameters goes, the real server stops watching
        that kind, and with a built-in one it never begins again."""
        spec: Body = {
            "name": "keeper",
            "paramKind": {"apiVersion": "v1", "kind": "ConfigMap"},
            "matchConstraints": {"objectSelector": {"matchLabels": {"never": "matched"}}},
            "validations": [{"expression": "true"}],
        }
        ref = {"name": "keeper", "namespace": "default", "parameterNotFoundAction": "Allow"}
        for suffix, each in (
            ("policies", self._policy("ValidatingAdmissionPolicy", spec)),
            (
                "policybindings",
                self._binding("ValidatingAdmissionPolicyBinding", {"name": "keeper", "paramRef": ref}),
            ),
        ):
            answer = await self._servers[0](post(f"{GROUP}/validatingadmission{suffix}", each))
            assert answer.status in (201, 409), answer.body

    async def until_served(self, path: str, definition: Body, served: str) -> None:
        """Make a definition on both, and wait until its resource is served."""
        for server in self._servers:
            await server(post(path, definition))
            async with asyncio.timeout(_NOTICED_WITHIN):
                while (await server(Ask("GET", served))).status != 200:
                    await asyncio.sleep(0.05)

    async def until(self, question: Ask, text: str) -> None:
        """Ask the real server until its answer has the text."""
        async with asyncio.timeout(_NOTICED_WITHIN):
            while text not in str((await self._servers[0](question)).body):
                await asyncio.sleep(0.05)

    async def _until_denied(self, probe: Body, text: str) -> None:
        path = query(f"/api/v1/namespaces/{self.namespace}/configmaps", {"dryRun": "All"})
        found = ""
        try:
            async with asyncio.timeout(_NOTICED_WITHIN):
                while text not in found:
                    found = str((await self._servers[0](post(path, probe))).body)
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"never {text}: {found}") from None

    async def _until_mutated(self, number: str) -> None:
        """Policies of the other kind have informers of their own: one of them shows a mark."""
        name = f"mark-{number}"
        spec: Body = {
            "name": name,
            "matchConstraints": {
                "resourceRules": [rule("configmaps")],
                "objectSelector": {"matchLabels": {"probe": name}},
            },
            "mutations": [
                {
                    "patchType": "JSONPatch",
                    "jsonPatch": {
                        "expression": '[JSONPatch{op: "add", path: "/data", value: {"seen": "yes"}}]'
                    },
                }
            ],
        }
        kind = "MutatingAdmissionPolicy"
        for path, each in (
            (f"{GROUP}/mutatingadmissionpolicies", self._policy(kind, spec)),
            (f"{GROUP}/mutatingadmissionpolicybindings", self._binding(f"{kind}Binding", {"name": name})),
        ):
            for server in self._servers:
                answer = await server(post(path, each))
                assert answer.status < 300, answer.body
            self._made.append(f"{path}/{name}")
        probe = {"metadata": {"name": "probe", "labels": {"probe": name}}}
        path = query(f"/api/v1/namespaces/{self.namespace}/configmaps", {"dryRun": "All"})
        async with asyncio.timeout(_NOTICED_WITHIN):
            while "data" not in (await self._servers[0](post(path, probe))).body:
                await asyncio.sleep(0.05)

    def _policy(self, kind: str, spec: Body) -> Body:
        name = spec.pop("name", "judged")
        constraints: Body = {
            "resourceRules": [rule("configmaps")],
            "namespaceSelector": self.here(),
            "objectSelector": {"matchExpressions": [{"key": "probe", "operator": "DoesNotExist"}]},
        }
        constraints |= spec.pop("matchConstraints", {})
        if kind == "MutatingAdmissionPolicy":
            spec.setdefault("reinvocationPolicy", "Never")
        return {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": kind,
            "metadata": {"name": name},
            "spec": {"matchConstraints": constraints, **spec},
        }

    def _binding(self, kind: str, spec: Body) -> Body:
        name = spec.pop("name", "judged")
        spec["policyName"] = spec.get("policyName") or name
        if kind.startswith("Validating"):
            spec.setdefault("validationActions", ["Deny"])
        return {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": kind,
            "metadata": {"name": name},
            "spec": spec,
        }

    async def no_policies(self) -> None:
        """Take away what was made for policies."""
        while self._made:
            path = self._made.pop()
            for server in self._servers:
                await server(delete(path))


def _marked(obj: Body) -> Body:
    labels = {**(obj["metadata"].get("labels") or {}), "probe": "parameter"}
    return {**obj, "metadata": {**obj["metadata"], "labels": labels}}


def rule(
    *resources: str,
    operations: Sequence[str] = ("*",),
    groups: Sequence[str] = ("",),
    versions: Sequence[str] = ("v1",),
    **more: Any,
) -> Body:
    return {
        "apiGroups": list(groups),
        "apiVersions": list(versions),
        "operations": list(operations),
        "resources": list(resources),
        **more,
    }


def _comparable(seen: Any, question: Ask, call: tuple[str, str, Body]) -> Body:
    path, asked, review = call
    request: Body = {**review["request"], "uid": "<call>"}
    # Which certificate the client has; ours was not asked for one.
    request["userInfo"] = {key: value for key, value in request["userInfo"].items() if key != "extra"}
    meta = (request.get("object") or {}).get("metadata") or {}
    if meta.get("generateName") and meta.get("name"):
        request["name"] = seen.token("name", request["name"])
    found = seen.comparable(question, Answer(200, {**review, "request": request}))
    return {"path": path, "query": asked, "body": found["body"]}


def _counts(calls: list[list[Any]]) -> str:
    real, ours = ([call["path"] for call in each] for each in calls)
    return f"the real server asked {real}, ours {ours}"
