"""What kind clusters are built of, as far as it can be told without an engine."""

from __future__ import annotations

import hashlib
import json
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from reconcile.testing.kind import KindUnavailableError, ensure_kit
from reconcile.testing.kind import engine as engines
from reconcile.testing.kind.archive import Image, write_archive


@pytest.fixture
def layer(tmp_path: Path) -> Path:
    file = tmp_path / "hello"
    file.write_text("hello")
    layer = tmp_path / "layer.tar"
    with tarfile.open(layer, "w") as archive:
        archive.add(file, "hello")
    return layer


def read(archive: Path, name: str) -> Any:
    with tarfile.open(archive) as opened:
        member = opened.extractfile(name)
        assert member is not None
        return json.loads(member.read())


def test_an_archive_names_each_image_and_its_layer_by_its_digest(tmp_path: Path, layer: Path) -> None:
    target = tmp_path / "all.tar"
    image = Image(("example.com/a:1", "example.com/b:1"), layer, entrypoint=["/a"], environment={"X": "y"})
    write_archive(target, [image])
    (entry,) = read(target, "manifest.json")
    assert entry["RepoTags"] == ["example.com/a:1", "example.com/b:1"]
    digest = hashlib.sha256(layer.read_bytes()).hexdigest()
    assert entry["Layers"] == [f"{digest}/layer.tar"]
    config = read(target, entry["Config"])
    assert config["rootfs"] == {"type": "layers", "diff_ids": [f"sha256:{digest}"]}
    assert config["config"] == {"Env": ["X=y"], "Entrypoint": ["/a"]}
    assert entry["Config"] == f"{hashlib.sha256(json.dumps(config).encode()).hexdigest()}.json"


def test_a_layer_that_two_images_share_is_written_once(tmp_path: Path, layer: Path) -> None:
    target = tmp_path / "all.tar"
    write_archive(target, [Image(("a:1",), layer), Image(("b:1",), layer, entrypoint=["/b"])])
    with tarfile.open(target) as opened:
        assert len([name for name in opened.getnames() if name.endswith("layer.tar")]) == 1


def test_no_engine_is_said_with_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(KindUnavailableError, match="install a container engine"):
        ensure_kit()


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        (
            ["run", "--privileged", "--detach", "image", "--privileged-looking"],
            ["run", "--cap-add", "ALL", "--cap-drop", "SYS_RESOURCE", "--security-opt"],
        ),
        (["exec", "--privileged", "node", "true"], ["exec", "node", "true"]),
        (["ps", "--all"], ["ps", "--all"]),
    ],
)
def test_an_engine_that_may_not_grant_all_is_asked_for_the_rest(
    asked: list[str], answered: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = tmp_path / "real"
    real.write_text('#!/bin/bash\nprintf "%s\\n" "$@"\n')
    real.chmod(0o755)
    monkeypatch.setattr(engines, "may_grant_all", lambda: False)
    engines.write_front(tmp_path, str(real))
    said = subprocess.run([tmp_path / "docker", *asked], capture_output=True, text=True, check=True)
    words = said.stdout.splitlines()
    assert words[: len(answered)] == answered
    assert "--privileged" not in words
    assert words[-1] == asked[-1]
