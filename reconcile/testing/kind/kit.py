"""What pytest-kind would download, built here once."""

import fcntl
import hashlib
import logging
import os
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from reconcile.testing.control_plane.build import build_flags
from reconcile.testing.kind.commands import find, run
from reconcile.testing.kind.engine import docker, write_front
from reconcile.testing.kind.errors import KindUnavailableError
from reconcile.testing.kind.node_image import COMPONENTS, assemble
from reconcile.testing.kind.rootfs import NODE_PACKAGES, OPERATOR_PACKAGES, SUITE, make_rootfs

KIND = "sigs.k8s.io/kind@v0.33.0"
PLUGINS = "github.com/containernetworking/plugins/plugins"
PLUGINS_VERSION = "v1.9.1"
PLUGIN_NAMES = ("main/ptp", "main/loopback", "ipam/host-local", "meta/portmap")


@dataclass(frozen=True)
class Kit:
    """What clusters are made of.

    Attributes:
        directory: where all of it is kept.
        image: the node image, known to the engine.
    """

    directory: Path
    image: str

    @property
    def kind(self) -> Path:
        """kind's command line."""
        return self.directory / "kind"

    @property
    def kubectl(self) -> Path:
        """kubectl, of the version that nodes run."""
        return self.directory / "kubectl"

    @property
    def path(self) -> Path:
        """A folder with the `docker` that kind must find first in its PATH."""
        return self.directory / "bin"

    @property
    def node_rootfs(self) -> Path:
        """The Debian file system of nodes, untouched, as an archive."""
        return self.directory / "node.tar"

    @property
    def operator_rootfs(self) -> Path:
        """The Debian file system of operators, with Python, as an archive."""
        return self.directory / "operator.tar"


def ensure_kit() -> Kit:
    """The kit, built first if need be.

    The first build takes some ten minutes of two cores and 3 GB of disk, and the registries of Go modules
    and of Debian packages; later calls take a second. Safe to call from several processes at a time.

    Raises:
        KindUnavailableError: something is missing, and what.
    """
    engine = docker()
    source = _source()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "reconcile" / "kind"
    fingerprint = _fingerprint(source)
    directory = cache / fingerprint
    kit = Kit(directory, f"localhost/reconcile-node:{fingerprint}")
    cache.mkdir(parents=True, exist_ok=True)
    with _locked(cache / "build.lock"):
        if not directory.is_dir():
            _build(source, directory)
        if not run([engine, "images", "--quiet", kit.image]).strip():
            _import(engine, source, kit)
        kit.path.mkdir(exist_ok=True)
        write_front(kit.path, engine)
    return kit


def _source() -> Path:
    # The checkout's root is four levels up from this file.
    directory = Path(__file__).resolve().parents[3] / "tools" / "kind"
    if not (directory / "node" / "go.mod").is_file():
        raise KindUnavailableError(
            "kind's node image is built from tools/kind of the project's source, and this installation has "
            "none: install from a checkout with `pip install --editable .`"
        )
    return directory


def _build(source: Path, target: Path) -> None:
    """Everything but the image, in a folder that appears when all of it is there."""
    logging.getLogger(__name__).warning("building kind and its node into %s; this takes some minutes", target)
    go = find("go", f"install the version that {source / 'node' / 'go.mod'} names, or newer")
    for stale in target.parent.glob(f"{target.name}.partial-*"):
        shutil.rmtree(stale, ignore_errors=True)
    partial = Path(tempfile.mkdtemp(prefix=f"{target.name}.partial-", dir=target.parent))
    try:
        static = {"CGO_ENABLED": "0"}
        run(
            [go, "build", *build_flags(), "-o", partial / "node", "."],
            directory=source / "node",
            environment=static,
        )
        (partial / "kubectl").symlink_to("node")
        run([go, "install", "-trimpath", KIND], environment={**static, "GOBIN": str(partial)})
        plugins = [f"{PLUGINS}/{name}@{PLUGINS_VERSION}" for name in PLUGIN_NAMES]
        run(
            [go, "install", "-trimpath", "-ldflags", "-s -w", *plugins],
            environment={**static, "GOBIN": str(partial / "cni")},
        )
        for name, packages in (("node", NODE_PACKAGES), ("operator", OPERATOR_PACKAGES)):
            root = partial / "rootfs"
            make_rootfs(root, packages)
            run(["tar", "-C", root, "-cf", partial / f"{name}.tar", "."])
            shutil.rmtree(root)
        partial.chmod(0o755)
        partial.rename(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _import(engine: str, source: Path, kit: Kit) -> None:
    with tempfile.TemporaryDirectory(prefix="reconcile-node-", dir=kit.directory) as folder:
        work = Path(folder)
        root = work / "root"
        root.mkdir()
        run(["tar", "-C", root, "-xf", kit.node_rootfs])
        assemble(root, work, source=source, node=kit.directory / "node", plugins=kit.directory / "cni")
        archive = work / "image.tar"
        run(["tar", "-C", root, "-cf", archive, "."])
        import_image(engine, archive, kit.image, 'ENTRYPOINT ["/usr/local/bin/entrypoint"]')


def import_image(engine: str, archive: Path, name: str, *changes: str) -> None:
    """Give the engine an image made of one file system, with changes as in a Dockerfile."""
    options = [word for change in changes for word in ("--change", change)]
    run([engine, "import", *options, "-", name], standard_input=archive)


def _fingerprint(source: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(path for path in source.rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(source)}\0".encode())
        digest.update(path.read_bytes())
    go_modules = (KIND, PLUGINS, PLUGINS_VERSION, *PLUGIN_NAMES)
    debian = (SUITE, *NODE_PACKAGES, *OPERATOR_PACKAGES)
    parts = (*build_flags(), *go_modules, *COMPONENTS, *debian)
    digest.update("\0".join(parts).encode())
    return digest.hexdigest()[:16]


@contextmanager
def _locked(path: Path) -> Generator[None]:
    with path.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
