"""The image that operators of this project run in, built without a registry of images."""

import hashlib
import sys
import tempfile
from pathlib import Path

from reconcile.testing.kind.commands import run
from reconcile.testing.kind.engine import docker
from reconcile.testing.kind.errors import KindUnavailableError
from reconcile.testing.kind.kit import Kit, import_image

_FOLDERS = ("reconcile", "examples", "crds")


def operator_image(kit: Kit, checkout: Path) -> str:
    """The name of an image whose entry point is `reconcile`, with this checkout and its examples installed.

    A Debian system with Python 3.11, and the project with what it needs from PyPI. Made anew when the
    checkout has changed; some 20 seconds.

    Args:
        kit: whose Debian system it stands on.
        checkout: the project's source.

    Raises:
        KindUnavailableError: it cannot be built, and why.
    """
    if sys.version_info[:2] != (3, 11):
        raise KindUnavailableError("the operator image has Python 3.11: build it with Python 3.11")
    engine = docker()
    name = f"localhost/reconcile-operator:{_fingerprint(checkout)}"
    if run([engine, "images", "--quiet", name]).strip():
        return name
    with tempfile.TemporaryDirectory(prefix="reconcile-operator-") as folder:
        root = Path(folder) / "root"
        root.mkdir()
        run(["tar", "-C", root, "-xf", kit.operator_rootfs])
        packages = root / "opt" / "operator"
        run(
            [
                sys.executable,
                "-m",
                "pip",
                "install",
                "--quiet",
                "--no-compile",
                "--target",
                packages,
                checkout,
            ]
        )
        # Pods cannot write what Python compiles. The official client alone takes longer than all the rest.
        run([sys.executable, "-m", "compileall", "-q", "-x", "/kubernetes/", packages])
        archive = Path(folder) / "image.tar"
        run(["tar", "-C", root, "-cf", archive, "."])
        import_image(
            engine,
            archive,
            name,
            "ENV PYTHONPATH=/opt/operator",
            "ENV PYTHONUNBUFFERED=1",
            'ENTRYPOINT ["/usr/bin/python3", "-m", "reconcile.cli"]',
            "USER 65532",
            "WORKDIR /tmp",
        )
    return name


def _fingerprint(checkout: Path) -> str:
    digest = hashlib.sha256((checkout / "pyproject.toml").read_bytes())
    for folder in _FOLDERS:
        for path in sorted((checkout / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(f"{path.relative_to(checkout)}\0".encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
