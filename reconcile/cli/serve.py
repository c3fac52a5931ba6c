"""`reconcile serve`: the embedded API server until a signal."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

from reconcile.apiserver.access.options import AccessOptions, AuthorizationMode
from reconcile.apiserver.access.tokens import read_token_file
from reconcile.cli.embedded import Embedded, embedded_server
from reconcile.cli.files import write_atomically
from reconcile.cli.locate import example_operators
from reconcile.cli.signals import user_may_end
from reconcile.errors import ConfigurationError
from reconcile.runtime.event_loop import default_loop_factory


def access_options(mode: AuthorizationMode | None, token_file: Path | None) -> AccessOptions | None:
    """Access control as the command's options want it; None: off. Raises ConfigurationError."""
    if mode is None and token_file is None:
        return None
    tokens = {} if token_file is None else read_token_file(token_file)
    return AccessOptions(authorization=mode or "AlwaysAllow", tokens=tokens)


def gates_of(given: Sequence[str]) -> dict[str, bool]:
    """`A=true,B=false`, any number of times. Raises ConfigurationError."""
    found: dict[str, bool] = {}
    for each in ",".join(given).split(","):
        name, _, value = each.strip().partition("=")
        if not name:
            continue
        if value.lower() not in ("true", "false"):
            raise ConfigurationError(f"--feature-gates {each.strip()}: write {name}=true or {name}=false")
        found[name] = value.lower() == "true"
    return found


def serve(
    *,
    port: int,
    kubeconfig_out: Path | None,
    data_dir: Path | None,
    with_operators: bool,
    manifests: Sequence[Path] = (),
    access: AccessOptions | None = None,
    feature_gates: Sequence[str] = (),
) -> int:
    out = kubeconfig_out.resolve() if kubeconfig_out is not None else None
    gates = gates_of(feature_gates)
    with asyncio.Runner(loop_factory=default_loop_factory()) as runner:
        runner.run(_serve(port, out, data_dir, manifests, with_operators, access, gates))
    return 0


async def _serve(
    port: int,
    kubeconfig_out: Path | None,
    data_dir: Path | None,
    manifests: Sequence[Path],
    with_operators: bool,
    access: AccessOptions | None,
    gates: Mapping[str, bool],
) -> None:
    started = embedded_server(port=port, data_dir=data_dir, access=access, feature_gates=gates)
    async with started as embedded:
        loaded = 0
        for path in manifests:
            loaded += await embedded.server.load(path)
        if kubeconfig_out is not None:
            write_atomically(kubeconfig_out, embedded.kubeconfig, flag="--kubeconfig-out")
        with user_may_end() as asked:
            _say_where(embedded, data_dir, kubeconfig_out, loaded if manifests else None, access)
            if not with_operators:
                await asked.wait()
                return
            from reconcile.crd import install_crds
            from reconcile.manager import Manager, ManagerOptions

            manager = Manager(
                embedded.client, crd_installer=install_crds, options=ManagerOptions(log_level="warning")
            )
            example_operators().setup(manager)
            embedded.managers.append(manager)
            async with manager:
                print("the example operators run", flush=True)
                await asked.wait()


def _say_where(
    embedded: Embedded,
    data_dir: Path | None,
    kubeconfig_out: Path | None,
    loaded: int | None,
    access: AccessOptions | None,
) -> None:
    where = f"from {data_dir}" if data_dir is not None else "from memory"
    kept = "objects are kept there" if data_dir is not None else "nothing is kept"
    print(f"serving {embedded.url} {where}, for development: {kept}", flush=True)
    if loaded is not None:
        print(f"{loaded} objects loaded", flush=True)
    if kubeconfig_out is not None:
        print(f"export KUBECONFIG={kubeconfig_out}", flush=True)
    elif access is not None:
        print("the administrator's certificate is in the kubeconfig: --kubeconfig-out FILE", flush=True)
    else:
        print(f"kubectl --server {embedded.url} get namespaces", flush=True)
