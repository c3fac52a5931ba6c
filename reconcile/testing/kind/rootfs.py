"""The Debian file system that node and operator images stand on."""

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from reconcile.testing.kind.commands import find, run

SUITE = "bookworm"
NODE_PACKAGES = (
    "ca-certificates",
    "containerd",
    "ethtool",
    "iproute2",
    "iptables",
    "kmod",
    "mount",
    "procps",
    "runc",
    "util-linux",
)
OPERATOR_PACKAGES = ("ca-certificates", "python3")
_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


def make_rootfs(target: Path, packages: Sequence[str]) -> None:
    """Install a minimal system and some packages into a folder; the packages' signatures are checked.

    Raises `KindUnavailableError` where it cannot be done.
    """
    debootstrap = find("debootstrap", "install it (Debian: apt-get install debootstrap)")
    run(
        [
            debootstrap,
            "--variant=minbase",
            f"--keyring={_KEYRING}",
            f"--include={','.join(packages)}",
            SUITE,
            target,
        ]
    )
    for leftover in (
        "var/cache/apt",
        "var/lib/apt/lists",
        "usr/share/doc",
        "usr/share/man",
        "usr/share/locale",
    ):
        shutil.rmtree(target / leftover, ignore_errors=True)
    (target / "var/lib/apt/lists/partial").mkdir(parents=True, exist_ok=True)


def libraries_of(root: Path, programs: Iterable[str]) -> list[str]:
    """The shared libraries, loader included, that programs of a file system need; absolute paths in it."""
    found: set[str] = set()
    for program in programs:
        for line in run(["chroot", root, "ldd", program]).splitlines():
            path = next((word for word in line.split() if word.startswith("/")), None)
            if path is not None:
                found.add(path)
    return sorted(found)
