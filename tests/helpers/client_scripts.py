"""Conversations of client libraries that are not this project's, the same before any server.

Each says what came of every call, without what two servers cannot agree on.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from helpers.kubectl_script import plain

DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "labels": {"app": "web"}},
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "web", "image": "nginx:1"}]},
        },
    },
}


def widgets_of(group: str) -> dict[str, Any]:
    """The definition of a kind of that group; each script has its own."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"widgets.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"plural": "widgets", "singular": "widget", "kind": "Widget", "shortNames": ["wd"]},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "schema": {
                        "openAPIV3Schema": {
                            "type": "object",
                            "properties": {
                                "spec": {
                                    "type": "object",
                                    "properties": {"size": {"type": "integer", "minimum": 1}},
                                },
                                "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                            },
                        }
                    },
                }
            ],
        },
    }


def config_map(name: str, namespace: str, **data: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace, "labels": {"made": "here"}},
        "data": data,
    }


def _sorted(value: Any) -> Any:
    """The value with its maps in order of their keys: Go writes them so, and no client may count on it."""
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    if isinstance(value, list | tuple):
        return [_sorted(each) for each in value]
    return value


class Transcript(list[str]):
    """What was said, a line each."""

    def say(self, what: str, value: Any) -> None:
        self.append(f"{what}: {plain(str(_sorted(value)))}")

    def refused(self, what: str, call: Callable[[], Any], *fields: str) -> None:
        """A call that raises: the type of the error and these of its attributes."""
        try:
            self.say(what, f"not refused: {call()}")
        except Exception as error:
            self.say(what, [type(error).__name__, *(getattr(error, field, None) for field in fields)])


def official(kubeconfig: Path, namespace: str) -> Transcript:
    """The official client, synchronous: typed, dynamic and watching."""
    from kubernetes import client, config, dynamic, watch
    from kubernetes.client.exceptions import ApiException

    said = Transcript()
    api = config.new_client_from_config(str(kubeconfig))
    core, apps = client.CoreV1Api(api), client.AppsV1Api(api)
    core.create_namespace(client.V1Namespace(metadata=client.V1ObjectMeta(name=namespace)))
    said.say("version", client.VersionApi(api).get_code().minor)
    made = core.create_namespaced_config_map(namespace, config_map("a", namespace, x="1"))
    said.say("created", (made.metadata.name, made.data, made.metadata.labels))
    try:
        core.create_namespaced_config_map(namespace, config_map("a", namespace))
    except ApiException as error:
        said.say("again", (error.status, error.reason, error.body))
    made.data["y"] = "2"
    said.say("replaced", core.replace_namespaced_config_map("a", namespace, made).data)
    said.refused("stale", lambda: core.replace_namespaced_config_map("a", namespace, made), "status", "body")
    for content_type, body in (
        ("application/merge-patch+json", {"data": {"x": None, "z": "3"}}),
        ("application/strategic-merge-patch+json", {"data": {"w": "4"}}),
        ("application/json-patch+json", [{"op": "remove", "path": "/data/z"}]),
    ):
        patched = core.patch_namespaced_config_map("a", namespace, body, _content_type=content_type)
        said.say(content_type, patched.data)
    applied = core.patch_namespaced_config_map(
        "applied", namespace, config_map("applied", namespace, k="v"), field_manager="official", force=True,
        _content_type="application/apply-patch+yaml",
    )  # fmt: skip
    said.say("applied", [(each.manager, each.operation) for each in applied.metadata.managed_fields])
    deployment = apps.create_namespaced_deployment(namespace, DEPLOYMENT)
    said.say("defaults", deployment.spec)
    scaled = apps.patch_namespaced_deployment_scale("web", namespace, {"spec": {"replicas": 5}})
    said.say("scaled", (scaled.spec.replicas, scaled.status.replicas, scaled.status.selector))
    deployment.status = client.V1DeploymentStatus(replicas=5, observed_generation=2)
    deployment.metadata.resource_version = None
    status = apps.replace_namespaced_deployment_status("web", namespace, deployment)
    said.say("status", (status.status.replicas, status.spec.replicas, status.metadata.generation))
    for number in range(5):
        core.create_namespaced_secret(
            namespace,
            {"metadata": {"name": f"s{number}", "labels": {"n": str(number)}}, "stringData": {"p": "x"}},
        )
    page = core.list_namespaced_secret(namespace, limit=2)
    more = core.list_namespaced_secret(namespace, limit=2, _continue=page.metadata._continue)
    names = [each.metadata.name for each in (*page.items, *more.items)]
    said.say("pages", (names, page.metadata.remaining_item_count, more.metadata.remaining_item_count))
    some = core.list_namespaced_secret(namespace, label_selector="n in (1,3)", field_selector="type=Opaque")
    said.say("selected", [(each.metadata.name, each.data) for each in some.items])
    said.refused(
        "selector", lambda: core.list_namespaced_secret(namespace, label_selector="a in ("), "status", "body"
    )
    listed = core.list_namespaced_config_map(namespace, label_selector="made=here")
    events: list[Any] = []
    core.patch_namespaced_config_map("a", namespace, {"data": {"n": "1"}})
    core.patch_namespaced_config_map("a", namespace, {"metadata": {"labels": {"made": "elsewhere"}}})
    core.delete_namespaced_config_map("applied", namespace)
    watching = watch.Watch()
    for event in watching.stream(
        core.list_namespaced_config_map, namespace, label_selector="made=here",
        resource_version=listed.metadata.resource_version, timeout_seconds=60,
    ):  # fmt: skip
        events.append((event["type"], event["object"].metadata.name, event["object"].data))
        if len(events) == 3:
            watching.stop()
    said.say("events", events)
    dyn = dynamic.DynamicClient(api)
    crds = dyn.resources.get(api_version="apiextensions.k8s.io/v1", kind="CustomResourceDefinition")
    crds.create(body=widgets_of("official.example.com"))
    _until(lambda: _established(crds.get(name="widgets.official.example.com").to_dict()))
    widgets = dyn.resources.get(api_version="official.example.com/v1", kind="Widget")
    said.say("resource", (widgets.name, widgets.namespaced, sorted(widgets.verbs), widgets.short_names))
    body = {
        "apiVersion": "official.example.com/v1",
        "kind": "Widget",
        "metadata": {"name": "w"},
        "spec": {"size": 1},
    }
    widget = widgets.create(body=body, namespace=namespace)
    said.say("widget", (widget.spec.to_dict(), widget.metadata.generation))
    applied = widgets.server_side_apply(
        body={**body, "spec": {"size": 2}},
        name="w",
        namespace=namespace,
        field_manager="dyn",
        force_conflicts=True,
    )
    said.say("widget applied", (applied.spec.to_dict(), applied.metadata.generation))
    body["spec"]["size"] = 0
    body["metadata"]["name"] = "bad"
    said.refused("widget refused", lambda: widgets.create(body=body, namespace=namespace), "status", "body")
    custom = client.CustomObjectsApi(api)
    where = ("official.example.com", "v1", namespace, "widgets")
    patched = custom.patch_namespaced_custom_object_status(*where, "w", {"status": {"ready": True}})
    said.say("widget status", (patched["status"], patched["spec"]))
    said.say(
        "widgets",
        [each["metadata"]["name"] for each in custom.list_namespaced_custom_object(*where)["items"]],
    )
    eviction = client.V1Eviction(metadata=client.V1ObjectMeta(name="nobody"))
    said.refused(
        "evict", lambda: core.create_namespaced_pod_eviction("nobody", namespace, eviction), "status", "body"
    )
    review = client.V1SelfSubjectAccessReview(
        spec=client.V1SelfSubjectAccessReviewSpec(
            resource_attributes=client.V1ResourceAttributes(verb="get", resource="pods")
        )
    )
    answer = client.AuthorizationV1Api(api).create_self_subject_access_review(review)
    said.say("may", answer.status.allowed)
    token = core.create_namespaced_service_account_token(
        "default", namespace, {"spec": {"expirationSeconds": 600}}
    )
    said.say("token", (token.status.token.count("."), token.spec.expiration_seconds))
    gone = apps.delete_namespaced_deployment("web", namespace, propagation_policy="Background")
    said.say("deleted", api.sanitize_for_serialization(gone))
    said.say(
        "collection",
        core.delete_collection_namespaced_secret(namespace).status,
    )
    crds.delete(name="widgets.official.example.com")
    _until(lambda: _gone(lambda: crds.get(name="widgets.official.example.com")))
    core.delete_namespace(namespace)
    _until(lambda: _gone(lambda: core.read_namespace(namespace)))
    api.close()
    return said


def lightkube(kubeconfig: Path, namespace: str) -> Transcript:
    """lightkube: typed models over httpx."""
    from lightkube import ApiError, Client, KubeConfig
    from lightkube.codecs import load_all_yaml
    from lightkube.generic_resource import create_namespaced_resource
    from lightkube.models.meta_v1 import ObjectMeta
    from lightkube.resources.apiextensions_v1 import CustomResourceDefinition
    from lightkube.resources.apps_v1 import Deployment
    from lightkube.resources.core_v1 import ConfigMap, Namespace
    from lightkube.types import CascadeType, PatchType

    said = Transcript()
    client = Client(KubeConfig.from_file(str(kubeconfig)).get(), namespace=namespace, field_manager="light")
    client.create(Namespace(metadata=ObjectMeta(name=namespace)))
    made = client.create(ConfigMap(metadata=ObjectMeta(name="a", labels={"l": "1"}), data={"x": "1"}))
    said.say("created", (made.metadata.name, made.data))
    said.refused("again", lambda: client.create(made), "status")
    made.metadata.managedFields = None
    made.data = {"x": "2"}
    said.say("replaced", client.replace(made).data)
    said.say("patched", client.patch(ConfigMap, "a", {"data": {"y": "3"}}, patch_type=PatchType.MERGE).data)
    said.say("json patch", client.patch(
        ConfigMap, "a", [{"op": "add", "path": "/data/z", "value": "4"}], patch_type=PatchType.JSON
    ).data)  # fmt: skip
    applied = client.apply(ConfigMap(metadata=ObjectMeta(name="b", labels={"l": "2"}), data={"k": "v"}))
    said.say("applied", [(each.manager, each.operation) for each in applied.metadata.managedFields or ()])
    try:
        mine = ConfigMap(metadata=ObjectMeta(name="b"), data={"k": "other"})
        client.apply(mine, field_manager="another")
    except ApiError as error:
        said.say("conflict", (error.status.code, error.status.reason, error.status.message))
    import yaml

    for obj in load_all_yaml(yaml.safe_dump(DEPLOYMENT)):
        client.create(obj)
    deployment = client.get(Deployment, "web")
    said.say("deployment", deployment.spec)
    scale = client.get(Deployment.Scale, "web")
    scale.spec.replicas = 3
    said.say("scale", client.replace(scale).spec)
    client.patch(Deployment.Status, "web", {"status": {"replicas": 3}})
    said.say("status", client.get(Deployment, "web").status)
    said.say("selected", [each.metadata.name for each in client.list(ConfigMap, labels={"l": "1"})])
    said.say("some", sorted(each.metadata.name for each in client.list(ConfigMap, labels={"l": ["1", "2"]})))
    said.say("chunks", sorted(
        each.metadata.name for each in client.list(ConfigMap, labels={"l": None}, chunk_size=1)
    ))  # fmt: skip
    client.set(ConfigMap, "a", annotations={"n": "1"})
    events = []
    for operation, each in client.watch(ConfigMap, labels={"l": None}, server_timeout=60):
        events.append((operation, each.metadata.name))
        if len(events) == 2:
            break
    said.say("events", sorted(events))
    client.create(CustomResourceDefinition.from_dict(widgets_of("lightkube.example.com")))
    client.wait(CustomResourceDefinition, "widgets.lightkube.example.com", for_conditions=["Established"])
    Widget = create_namespaced_resource("lightkube.example.com", "v1", "Widget", "widgets")
    widget = client.create(Widget(metadata=ObjectMeta(name="w"), spec={"size": 1}))
    said.say("widget", (widget.spec, widget.metadata.generation))
    said.say("widget status", client.patch(
        Widget.Status, "w", {"status": {"ready": True}}, patch_type=PatchType.MERGE
    ).status)  # fmt: skip
    try:
        client.create(Widget(metadata=ObjectMeta(name="bad"), spec={"size": 0}))
    except ApiError as error:
        said.say("widget refused", (error.status.code, error.status.message))
    client.delete(CustomResourceDefinition, "widgets.lightkube.example.com")
    client.delete(Deployment, "web", cascade=CascadeType.BACKGROUND)
    client.deletecollection(ConfigMap)
    said.refused("gone", lambda: client.get(ConfigMap, "a"), "status")
    _until(lambda: _gone(lambda: client.get(CustomResourceDefinition, "widgets.lightkube.example.com")))
    client.delete(Namespace, namespace)
    return said


async def kr8s(kubeconfig: Path, namespace: str) -> Transcript:
    """kr8s: objects that know their API, asynchronous."""
    from kr8s import NotFoundError, ServerError
    from kr8s.asyncio import api as connect
    from kr8s.asyncio.objects import ConfigMap, CustomResourceDefinition, Deployment, Namespace, new_class

    said = Transcript()
    api = await connect(kubeconfig=str(kubeconfig), namespace=namespace)
    place = await Namespace({"metadata": {"name": namespace}}, api=api)
    await place.create()
    said.say("version", (await api.version())["minor"])
    made = await ConfigMap(config_map("a", namespace, x="1"), api=api)
    await made.create()
    said.say("created", (made.name, made.data, await made.exists()))
    try:
        await made.create()
    except ServerError as error:
        said.say("again", (error.response.status_code, error.response.json()["reason"]))
    await made.patch({"data": {"y": "2"}})
    await made.patch([{"op": "remove", "path": "/data/x"}], type="json")
    said.say("patched", made.data)
    await made.label(color="blue")
    await made.annotate({"note": "hello"})
    said.say("labels", (made.labels, made.annotations))
    web = await Deployment(
        {**DEPLOYMENT, "metadata": {**DEPLOYMENT["metadata"], "namespace": namespace}}, api=api
    )
    await web.create()
    await web.patch(
        {"status": {"observedGeneration": 9, "replicas": 2, "readyReplicas": 2}}, subresource="status"
    )
    said.say("ready", await web.ready())
    said.say("deployment", (web.replicas, web.raw["status"]))
    found = [
        each.name async for each in api.get("configmaps", namespace=namespace, label_selector="color=blue")
    ]
    said.say("found", found)
    said.say("names", [each.name async for each in api.get("deployments", "web", namespace=namespace)])
    definition = await CustomResourceDefinition(widgets_of("kr8s.example.com"), api=api)
    await definition.create()
    # Its own `wait` cannot read the status of a definition that is new on the real server.
    async with asyncio.timeout(120):
        while not _established(definition.raw):
            await asyncio.sleep(0.05)
            await definition.refresh()
    Widget = new_class("Widget", version="kr8s.example.com/v1", namespaced=True, plural="widgets")
    widget = await Widget({"metadata": {"name": "w", "namespace": namespace}, "spec": {"size": 1}}, api=api)
    await widget.create()
    said.say("widget", (widget.raw["spec"], widget.metadata.generation))
    events: list[tuple[str, str]] = []
    async for event, obj in api.watch("configmaps", namespace=namespace, label_selector="made=here"):
        events.append((event, obj.name))
        if event == "ADDED":
            await made.patch({"data": {"z": "3"}})
        elif event == "MODIFIED":
            await made.delete()
        else:
            break
    said.say("events", events)
    kinds = {each["name"] for each in await api.api_resources()}
    said.say("resources", sorted(kinds & {"pods", "deployments", "widgets", "leases", "configmaps"}))
    try:
        await ConfigMap.get("a", namespace=namespace, api=api, timeout=1)
    except NotFoundError as error:
        said.say("gone", type(error).__name__)
    await definition.delete()
    await definition.wait("delete", timeout=60)
    await web.delete(propagation_policy="Background")
    await place.delete()
    return said


KOPF_OPERATOR = """
import kopf

KIND = ("kopf.example.com", "v1", "widgets")


@kopf.on.startup()
def configure(settings, **_):
    settings.persistence.finalizer = "kopf.example.com/kopf"


@kopf.on.create(*KIND)
def create(spec, body, **_):
    kopf.info(body, reason="Made", message="made it")
    print("create", dict(spec), flush=True)
    return {"made": spec["size"]}


@kopf.on.update(*KIND)
def update(diff, **_):
    print("update", [tuple(each) for each in diff], flush=True)
    return {"updated": True}


@kopf.on.delete(*KIND)
def delete(**_):
    print("delete", flush=True)


@kopf.on.event("configmaps", labels={"made": "here"})
def event(event, name, **_):
    print("event", event["type"], name, flush=True)
"""


def kopf(kubeconfig: Path, namespace: str) -> Transcript:
    """An operator of kopf's as its users run it: handlers, status, finalizer, events."""
    from kubernetes import client, config

    said = Transcript()
    api = config.new_client_from_config(str(kubeconfig))
    core, custom = client.CoreV1Api(api), client.CustomObjectsApi(api)
    extensions = client.ApiextensionsV1Api(api)
    core.create_namespace({"metadata": {"name": namespace}})
    extensions.create_custom_resource_definition(widgets_of("kopf.example.com"))
    name = "widgets.kopf.example.com"
    _until(
        lambda: _established(api.sanitize_for_serialization(extensions.read_custom_resource_definition(name)))
    )
    script = kubeconfig.parent / f"{namespace}_operator.py"
    script.write_text(KOPF_OPERATOR)
    where = ("kopf.example.com", "v1", namespace, "widgets")

    def widget() -> dict[str, Any]:
        return custom.get_namespaced_custom_object(*where, "w")

    with _running_kopf(script, kubeconfig, namespace) as lines:
        body = {"apiVersion": "kopf.example.com/v1", "kind": "Widget", "metadata": {"name": "w"}}
        custom.create_namespaced_custom_object(*where, {**body, "spec": {"size": 1}})
        _until(lambda: "create" in widget().get("status", {}))
        made = widget()
        said.say("made", (made["status"], made["metadata"]["finalizers"], made["metadata"]["generation"]))
        custom.patch_namespaced_custom_object(*where, "w", {"spec": {"size": 2}})
        _until(lambda: "update" in widget()["status"])
        said.say("updated", (widget()["status"], widget()["metadata"]["generation"]))
        posted = lambda: core.list_namespaced_event(namespace, field_selector="reason=Made").items  # noqa: E731
        _until(lambda: bool(posted()))
        said.say("posted", [(each.message, each.involved_object.kind, each.type) for each in posted()])
        core.create_namespaced_config_map(namespace, config_map("c", namespace))
        _until(lambda: any("event ADDED c" in line for line in lines))
        custom.delete_namespaced_custom_object(*where, "w")
        _until(lambda: _gone(widget))
        said.say("said", [line for line in lines if line.split(" ")[0] in ("create", "update", "delete")])
    extensions.delete_custom_resource_definition(name)
    _until(lambda: _gone(lambda: extensions.read_custom_resource_definition(name)))
    core.delete_namespace(namespace)
    api.close()
    return said


@contextlib.contextmanager
def _running_kopf(script: Path, kubeconfig: Path, namespace: str) -> Iterator[list[str]]:
    """`kopf run` for as long as the `with` statement; gives the lines that it has written so far."""
    command = [sys.executable, "-m", "kopf", "run", "--standalone", f"--namespace={namespace}", str(script)]
    process = subprocess.Popen(
        command,
        env={**os.environ, "KUBECONFIG": str(kubeconfig)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    lines: list[str] = []

    def read() -> None:
        assert process.stdout is not None
        # Read as it comes: the test looks at it meanwhile.
        lines.extend(line.rstrip() for line in process.stdout)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield lines
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        reader.join()


def _established(definition: dict[str, Any]) -> bool:
    conditions = (definition.get("status") or {}).get("conditions") or ()
    return any(each["type"] == "Established" and each["status"] == "True" for each in conditions)


def _gone(read: Callable[[], Any]) -> bool:
    """Whether a read is answered with 404, however its library says so."""
    try:
        read()
    except Exception as error:
        code = getattr(error, "status", None)
        if 404 in (code, getattr(code, "code", None)):
            return True
        raise
    return False


def _until(holds: Callable[[], bool], seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come to be"
        time.sleep(0.05)
