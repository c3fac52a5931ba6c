"""Writes that change nothing are carried out without a trace: no new resourceVersion, no event."""

from __future__ import annotations

from reconcile import ObjectMeta
from reconcile.api.core.v1 import ConfigMap, Secret
from reconcile.testing.cluster import Cluster


def test_what_only_dates_its_managed_fields_anew_changes_nothing(cluster: Cluster) -> None:
    meta = ObjectMeta(name="x", namespace="default")
    first = cluster.apply(Secret(metadata=meta, string_data={"a": "b"}))
    cluster.advance(seconds=30)
    again = cluster.apply(Secret(metadata=meta, string_data={"a": "b"}))
    assert again.metadata.resource_version == first.metadata.resource_version


def test_what_gives_a_field_another_owner_is_a_change(cluster: Cluster) -> None:
    meta = ObjectMeta(name="x", namespace="default")
    first = cluster.apply(ConfigMap(metadata=meta, data={"a": "b"}), field_manager="one")
    cluster.advance(seconds=30)
    again = cluster.apply(ConfigMap(metadata=meta, data={"a": "b"}), field_manager="two")
    assert again.metadata.resource_version != first.metadata.resource_version
