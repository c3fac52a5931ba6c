"""Folders of manifests into a server: order, lists, and what is said of a wrong one."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconcile import Client, ConfigurationError, GroupVersionKind
from reconcile.api.core.v1 import ConfigMap
from reconcile.apiserver import APIServer
from reconcile.runtime import SimulatedRuntime
from reconcile.testing.cluster import Cluster

DEFINITION = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: gadgets.loading.example.com}
spec:
  group: loading.example.com
  scope: Namespaced
  names: {plural: gadgets, kind: Gadget}
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]
"""


def written(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


async def test_definitions_and_namespaces_come_first_whatever_their_files_are_called(tmp_path: Path) -> None:
    folder = written(
        tmp_path,
        a_yaml="{apiVersion: loading.example.com/v1, kind: Gadget, metadata: {namespace: team, name: g}}",
        deep__b_yml="apiVersion: v1\nkind: Namespace\nmetadata: {name: team}\n",
        z_yaml=DEFINITION,
        c_json='{"apiVersion": "v1", "kind": "List", "items": ['
        '{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}},'
        '{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "two", "namespace": "team"}}]}',
        notes_txt="not a manifest: [",
    )
    async with APIServer(runtime=SimulatedRuntime()) as server, Client(server.transport()) as client:
        assert await server.load(folder) == 5
        gadget = GroupVersionKind("loading.example.com", "v1", "Gadget")
        assert (await client.get(gadget, "team/g"))["metadata"]["name"] == "g"
        assert (await client.get(ConfigMap, "default/one")).metadata.name == "one"
        assert (await client.get(ConfigMap, "team/two")).metadata.name == "two"
        # What is there already is applied again.
        assert await server.load(folder) == 5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", r"m\.yaml: while parsing"),
        ("- a", r"m\.yaml document 1: not an object but list"),
        ("kind: ConfigMap", r"m\.yaml document 1: the field apiVersion is missing"),
        ("---\n---\n{apiVersion: v1, kind: ConfigMap, metadata: {}}", r"document 2: .*metadata\.name"),
        ("{apiVersion: v1, kind: List, items: [1]}", r"document 1 item 1: not an object but int"),
        (
            "{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, daata: {}}",
            r"document 1 \(ConfigMap c\): .*daata",
        ),
        ("{apiVersion: v1, kind: Nothing, metadata: {name: c}}", r"\(Nothing c\): .*Nothing"),
    ],
)
def test_a_wrong_document_is_named(cluster: Cluster, tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        cluster.apply_manifests(written(tmp_path, m_yaml=text))


def test_an_empty_folder_is_an_error_and_a_missing_file_too(cluster: Cluster, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="holds no file that ends in"):
        cluster.apply_manifests(tmp_path)
    with pytest.raises(ConfigurationError, match="No such file"):
        cluster.apply_manifests(tmp_path / "absent.yaml")
