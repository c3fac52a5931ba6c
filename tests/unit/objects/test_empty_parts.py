"""What a struct puts on the wire for parts that hold nothing."""

from __future__ import annotations

from reconcile.api.apps.v1 import Deployment
from reconcile.api.core.v1 import Container, EmptyDirVolumeSource, Pod, Volume
from reconcile.objects.codecs import codec_for


def test_parts_that_only_their_defaults_made_are_left_out() -> None:
    assert codec_for(Deployment).to_plain(Deployment()) == {"apiVersion": "apps/v1", "kind": "Deployment"}


def test_parts_inside_lists_are_left_out_too() -> None:
    pod = Pod()
    pod.spec.containers.append(Container(name="web"))
    assert codec_for(Pod).to_plain(pod)["spec"] == {"containers": [{"name": "web"}]}


def test_an_empty_part_that_was_chosen_stays() -> None:
    pod = Pod()
    pod.spec.volumes.append(Volume(name="scratch", empty_dir=EmptyDirVolumeSource()))
    assert codec_for(Pod).to_plain(pod)["spec"] == {"volumes": [{"name": "scratch", "emptyDir": {}}]}


def test_bytes_and_plain_form_agree() -> None:
    pod = Pod()
    pod.spec.containers.append(Container(name="web"))
    codec = codec_for(Pod)
    assert codec.to_plain(codec.decode(codec.encode(pod))) == codec.to_plain(pod)
