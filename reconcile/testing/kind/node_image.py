"""The node image: a Debian system with all of Kubernetes in it, and the images that its pods are made of."""

import os
import shutil
import tarfile
from collections.abc import Sequence
from pathlib import Path

from reconcile.testing.control_plane.build import KUBERNETES_VERSION
from reconcile.testing.kind.archive import Image, write_archive
from reconcile.testing.kind.commands import find, run
from reconcile.testing.kind.rootfs import libraries_of

COMPONENTS = (
    "coredns",
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-proxy",
    "kube-scheduler",
    "kubeadm",
    "kubectl",
    "kubelet",
    "pod-routes",
)
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_TABLES = "/usr/sbin/xtables-nft-multi"
_TABLES_NAMES = (
    "iptables",
    "iptables-restore",
    "iptables-save",
    "ip6tables",
    "ip6tables-restore",
    "ip6tables-save",
)
_IP = "/bin/ip"
_EXTENSIONS = "/usr/lib/x86_64-linux-gnu/xtables"


def assemble(root: Path, work: Path, *, source: Path, node: Path, plugins: Path) -> None:
    """Make a node of a Debian file system, in place.

    Args:
        root: the file system.
        work: for what is made on the way.
        source: the folder `tools/kind`.
        node: the executable of all components.
        plugins: a folder with CNI plugins.
    """
    binaries = root / "usr/local/bin"
    shutil.copy2(node, binaries / "node")
    for component in COMPONENTS:
        (binaries / component).symlink_to("node")
    shutil.copytree(plugins, root / "opt/cni/bin", dirs_exist_ok=True)
    shutil.copytree(source / "rootfs", root, dirs_exist_ok=True, symlinks=True)
    for folder in ("etc/cni/net.d", "kind/images", "var/log"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "kind/version").write_text(KUBERNETES_VERSION)
    # Every node has one of its own.
    (root / "etc/machine-id").write_text("")
    layer = work / "layer.tar"
    _write_layer(layer, root)
    pause = work / "pause.tar"
    _write_pause(pause, work, source)
    write_archive(
        root / "kind/images/all.tar",
        [
            Image(
                (*_names(node), "localhost/node:1"),
                layer,
                entrypoint=["/usr/local/bin/coredns"],
                environment={"PATH": _PATH},
            ),
            Image(("localhost/pause:1",), pause, entrypoint=["/pause"]),
        ],
    )


def _names(node: Path) -> Sequence[str]:
    """Every image that kubeadm would have pulled; all of them are the one that we have."""
    command = [node, "kubeadm", "config", "images", "list", "--kubernetes-version", KUBERNETES_VERSION]
    return run(command).split()


def _write_layer(target: Path, root: Path) -> None:
    """The components, and what kube-proxy and the pods' network call."""
    extensions = sorted((root / _EXTENSIONS.removeprefix("/")).glob("*.so"))
    inside = [f"{_EXTENSIONS}/{path.name}" for path in extensions]
    files = {_TABLES, _IP, *inside, *libraries_of(root, [_TABLES, _IP, *inside])}
    with tarfile.open(target, "w") as layer:
        layer.add(root / "usr/local/bin/node", "usr/local/bin/node", recursive=False)
        for component in COMPONENTS:
            _link(layer, f"usr/local/bin/{component}", "node")
        for name in _TABLES_NAMES:
            _link(layer, f"usr/sbin/{name}", "xtables-nft-multi")
        for path in sorted(files):
            # Not as a link: where it leads is not there.
            _file(layer, path.removeprefix("/"), Path(os.path.realpath(root / path.removeprefix("/"))))
        for folder, mode in (("tmp", 0o1777), ("run", 0o755), ("etc", 0o755)):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, mode
            layer.addfile(entry)


def _link(layer: tarfile.TarFile, name: str, target: str) -> None:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname, entry.mode = tarfile.SYMTYPE, target, 0o777
    layer.addfile(entry)


def _file(layer: tarfile.TarFile, name: str, path: Path) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = path.stat().st_size, path.stat().st_mode & 0o777
    with path.open("rb") as content:
        layer.addfile(entry, content)


def _write_pause(target: Path, work: Path, source: Path) -> None:
    compiler = find("cc", "install a C compiler (Debian: gcc and libc6-dev)")
    program = work / "pause"
    run([compiler, "-Os", "-static", "-s", "-o", program, source / "pause.c"])
    with tarfile.open(target, "w") as layer:
        _file(layer, "pause", program)
