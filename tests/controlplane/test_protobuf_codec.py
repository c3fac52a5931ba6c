"""The codec of the embedded server before the code that it stands in for: Go's own encoders and decoders."""

from __future__ import annotations

import base64
import gzip
import json
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path

import pytest
from helpers.differential import differences

from reconcile.apiserver.protobuf.codec import codec
from reconcile.apiserver.protobuf.tables import tables
from reconcile.testing.requirements import require

MODULE = Path(__file__).parents[2] / "tools" / "controlplane"


def wire_types(*arguments: str) -> str:
    """What the Go program prints."""
    require("controlplane")
    go = shutil.which("go")
    if go is None:
        pytest.skip("needs go: the control plane comes from KUBEBUILDER_ASSETS, and Go's types from Go alone")
    done = subprocess.run(
        [go, "run", "./wiretypes", *arguments],
        cwd=MODULE,
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    return done.stdout


def test_the_data_file_is_what_the_go_types_say() -> None:
    packed = files("reconcile.apiserver.protobuf").joinpath("tables.json.gz").read_bytes()
    assert json.loads(gzip.decompress(packed)) == json.loads(wire_types())


def test_random_objects_of_every_kind_are_read_and_written_as_go_does() -> None:
    seen: dict[str, None] = {}
    for line in wire_types("-samples", "3", "-seed", "11").splitlines():
        sample = json.loads(line)
        api_version, kind, expected = sample["apiVersion"], sample["kind"], sample["json"]
        seen[f"{api_version}/{kind}"] = None
        index = tables().index_of(api_version, kind)
        assert index is not None
        raw = base64.b64decode(sample["protobuf"])
        assert differences(expected, codec().decode(index, raw)) == [], (api_version, kind)
        assert codec().encode(index, expected) == raw, (api_version, kind)
    assert len(seen) == len(tables().kinds) > 300
