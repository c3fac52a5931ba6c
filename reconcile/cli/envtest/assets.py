"""`reconcile envtest-assets`: a folder for `KUBEBUILDER_ASSETS`."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path

from reconcile.cli.failures import CommandError


def write_assets(directory: Path, *, controllers: bool) -> int:
    """Write the stand-ins there, over those of an earlier run.

    Raises CommandError when the folder cannot be written.
    """
    # Without the current folder in the path: it is a Go package's, which may have a folder `reconcile`.
    python = f"exec {shlex.quote(sys.executable)}"
    etcd = Path(__file__).with_name("etcd.py")
    more = " '--controllers=*'" if controllers else ""
    scripts = {
        "etcd": f"{python} -IS {shlex.quote(str(etcd))}",
        "kube-apiserver": f"{python} -P -m reconcile.cli.envtest.kube_apiserver{more}",
    }
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, command in scripts.items():
            # A new file each time: the old one may be running.
            script = directory / name
            script.unlink(missing_ok=True)
            script.write_text(f'#!/bin/sh\n{command} "$@"\n')
            script.chmod(0o755)
        kubectl = shutil.which("kubectl")
        link = directory / "kubectl"
        if kubectl is not None and not link.exists():
            link.unlink(missing_ok=True)
            link.symlink_to(Path(kubectl).resolve())
    except OSError as error:
        raise CommandError(f"cannot write {error.filename or directory}: {error.strerror}") from error
    print(f"export KUBEBUILDER_ASSETS={shlex.quote(str(directory.resolve()))}")
    return 0
