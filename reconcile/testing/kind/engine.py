"""The container engine, and whether it may do what kind asks of it."""

import os
from pathlib import Path

from reconcile.testing.kind.commands import find, run
from reconcile.testing.kind.errors import KindUnavailableError

_CAP_SYS_RESOURCE = 24

# kind asks for `--privileged`, which an engine without CAP_SYS_RESOURCE refuses; this is all of it but that.
_FRONT = """#!/bin/bash
# Stands in front of docker for kind alone, on a host whose engine may not grant CAP_SYS_RESOURCE.
words=()
verb=""
for word in "$@"; do
    if [[ -z $verb && $word != -* ]]; then verb=$word; fi
    if [[ $word == --privileged && $verb == run ]]; then
        words+=(--cap-add ALL --cap-drop SYS_RESOURCE --security-opt systempaths=unconfined
            --device-cgroup-rule "a *:* rwm" --device /dev/kmsg)
    elif [[ $word == --privileged && $verb == exec ]]; then
        :
    else
        words+=("$word")
    fi
done
exec {docker} "${{words[@]}}"
"""


def docker() -> str:
    """The path of `docker`, whose engine answers.

    Raises `KindUnavailableError` when this is not root, or there is no engine or no answer.
    """
    path = find("docker", "install a container engine (Debian: docker.io) and start it")
    if os.geteuid() != 0:
        raise KindUnavailableError("a node image is assembled as root: run this as root")
    try:
        run([path, "version", "--format", "{{.Server.Version}}"])
    except KindUnavailableError as error:
        raise KindUnavailableError(
            f"the container engine does not answer: start it (`dockerd`). {error}"
        ) from error
    return path


def may_grant_all() -> bool:
    """Whether the capability is in this process's bounding set, and so in the engine's."""
    for line in Path("/proc/self/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == "CapBnd":
            return bool(int(value, 16) >> _CAP_SYS_RESOURCE & 1)
    return True


def write_front(directory: Path, path: str) -> None:
    """A `docker` for kind's PATH in `directory`, which asks the real one for less where it must."""
    front = directory / "docker"
    front.unlink(missing_ok=True)
    if may_grant_all():
        front.symlink_to(path)
        return
    front.write_text(_FRONT.format(docker=path))
    front.chmod(0o755)
