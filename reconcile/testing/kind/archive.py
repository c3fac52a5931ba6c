"""Image archives as `docker load` and `ctr images import` read them, written without an engine."""

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO


@dataclass(frozen=True)
class Image:
    """One image of a single layer.

    Attributes:
        names: under which it is to be known, each with a tag.
        layer: an uncompressed archive of its file system.
        entrypoint: what runs when nobody says what; none where everybody does.
        environment: variables of its processes.
    """

    names: Sequence[str]
    layer: Path
    entrypoint: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict[str, str])


def write_archive(target: Path, images: Sequence[Image]) -> None:
    """Write images into one archive; a layer that several have is in it once."""
    manifest: list[dict[str, object]] = []
    layers: dict[Path, str] = {}
    with tarfile.open(target, "w") as archive:
        for image in images:
            digest = layers.get(image.layer)
            if digest is None:
                digest = layers[image.layer] = _digest(image.layer)
                with image.layer.open("rb") as content:
                    _add(archive, f"{digest}/layer.tar", content, image.layer.stat().st_size)
            config = json.dumps(_config(image, digest)).encode()
            name = f"{hashlib.sha256(config).hexdigest()}.json"
            _add(archive, name, io.BytesIO(config), len(config))
            manifest.append(
                {"Config": name, "RepoTags": list(image.names), "Layers": [f"{digest}/layer.tar"]}
            )
        content = json.dumps(manifest).encode()
        _add(archive, "manifest.json", io.BytesIO(content), len(content))


def _config(image: Image, digest: str) -> dict[str, object]:
    return {
        "architecture": "amd64",
        "os": "linux",
        "config": {
            "Env": [f"{name}={value}" for name, value in image.environment.items()],
            **({"Entrypoint": list(image.entrypoint)} if image.entrypoint else {}),
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
        "history": [{"created_by": "reconcile.testing.kind"}],
    }


def _digest(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _add(archive: tarfile.TarFile, name: str, content: IO[bytes], size: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = size
    entry.mode = 0o644
    archive.addfile(entry, content)
