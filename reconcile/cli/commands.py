"""The command line: names, options and help; the work is in the modules beside."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from reconcile.cli.failures import explained


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="reconcile", message="%(version)s")
def cli() -> None:
    """Kubernetes controllers in Python: operators, their definitions, an embedded API server, a demo."""


@cli.command()
@click.option("--context", metavar="NAME", help="Tell the safe part of the story on this cluster instead.")
@click.option("--keep", is_flag=True, help="Leave the server running at the end, until Ctrl-C.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=1.0),
    default=45.0,
    show_default=True,
    help="Seconds for the whole story.",
)
@explained
def demo(context: str | None, keep: bool, timeout: float) -> int:
    """Watch Deployments become Running pods, and loops repair what breaks.

    Starts an API server in this process, runs the example operators on it, applies the guestbook, a
    Database and six nodes; then rolls an image, scales, kills a node and brings it back.
    """
    from reconcile.cli.demo.command import demo_on_context, demo_on_embedded_server

    if context is not None:
        if keep:
            raise click.UsageError("--keep is for the embedded server: a cluster keeps running anyway")
        return demo_on_context(context, timeout=timeout)
    return demo_on_embedded_server(keep=keep, timeout=timeout)


@cli.command()
@click.option(
    "--port", type=click.IntRange(0, 65535), default=6443, show_default=True, help="0 for any free port."
)
@click.option(
    "--kubeconfig-out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write a kubeconfig for the server here.",
)
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIRECTORY",
    help="Keep objects here, across restarts.",
)
@click.option(
    "--load",
    "manifests",
    type=click.Path(exists=True, path_type=Path),
    multiple=True,
    metavar="PATH",
    help="Apply the manifests of this file or folder first, definitions before the rest; repeatable.",
)
@click.option("--with-operators", is_flag=True, help="Run the example operators too.")
@click.option(
    "--authorization-mode",
    type=click.Choice(["RBAC", "AlwaysAllow"]),
    metavar="MODE",
    help="RBAC or AlwaysAllow: find out who asks, and with RBAC whether they may; over HTTPS. By default "
    "everybody is the administrator.",
)
@click.option(
    "--token-auth-file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Bearer tokens: a CSV file of token, user name, uid and groups.",
)
@click.option(
    "--feature-gates",
    multiple=True,
    metavar="NAME=BOOL",
    help="Features that are not as by default, as kube-apiserver names them: CBORServingAndStorage=true.",
)
@explained
def serve(
    port: int,
    kubeconfig_out: Path | None,
    data_dir: Path | None,
    manifests: tuple[Path, ...],
    with_operators: bool,
    authorization_mode: Literal["RBAC", "AlwaysAllow"] | None,
    token_auth_file: Path | None,
    feature_gates: tuple[str, ...],
) -> int:
    """Serve the embedded API server on this machine alone, from memory unless a directory is given."""
    from reconcile.cli.serve import access_options
    from reconcile.cli.serve import serve as run

    return run(
        port=port,
        kubeconfig_out=kubeconfig_out,
        data_dir=data_dir,
        manifests=manifests,
        with_operators=with_operators,
        access=access_options(authorization_mode, token_auth_file),
        feature_gates=feature_gates,
    )


@cli.command()
@click.argument("target", metavar="PATH_OR_MODULE")
@click.option("--embedded", is_flag=True, help="On an embedded API server of its own.")
@click.option("--context", metavar="NAME", help="On the cluster of this kubeconfig context.")
@click.option("--in-cluster", is_flag=True, help="As a pod, with its service account.")
@click.option(
    "--namespace", "-n", "namespaces", multiple=True, metavar="N", help="Watch this namespace; repeatable."
)
@click.option(
    "--leader-elect",
    metavar="LEASE",
    help="Reconcile only while holding this Lease: NAME in a pod, NAMESPACE/NAME elsewhere.",
)
@click.option("--dev", is_flag=True, help="Install the custom resources, and restart when a file changes.")
@click.option("--health-address", metavar="ADDRESS", help="Serve /healthz and /readyz here, such as :8081.")
@click.option("--metrics-address", metavar="ADDRESS", help="Serve /metrics here, such as :8080.")
@click.option(
    "--webhook-service",
    metavar="NAMESPACE/NAME",
    help="Serve webhooks with certificates of the operator's own for this service, kept in the Secret "
    "NAME-webhook.",
)
@click.option(
    "--webhook-certificates",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Serve webhooks with tls.crt and tls.key of this folder.",
)
@click.option(
    "--webhook-address",
    metavar="ADDRESS",
    default=":9443",
    show_default=True,
    help="Where webhooks are served.",
)
@explained
def run(
    target: str,
    embedded: bool,
    context: str | None,
    in_cluster: bool,
    namespaces: tuple[str, ...],
    leader_elect: str | None,
    dev: bool,
    health_address: str | None,
    metrics_address: str | None,
    webhook_service: str | None,
    webhook_certificates: Path | None,
    webhook_address: str,
) -> int:
    """Run an operator: a file, folder or module with `def setup(manager)`.

    Without --embedded, --context or --in-cluster the usual configuration decides: KUBECONFIG, the service
    account of a pod, ~/.kube/config.
    """
    chosen = [name for name, given in _targets(embedded, context, in_cluster) if given]
    if len(chosen) > 1:
        raise click.UsageError(f"{' and '.join(chosen)} exclude each other")
    if webhook_service is not None and webhook_certificates is not None:
        raise click.UsageError("--webhook-service and --webhook-certificates exclude each other")
    from reconcile.cli.run import RunOptions, run_operator

    options = RunOptions(
        target=target,
        embedded=embedded,
        context=context,
        in_cluster=in_cluster,
        namespaces=namespaces,
        leader_elect=leader_elect,
        dev=dev,
        health_address=health_address,
        metrics_address=metrics_address,
        webhook_service=webhook_service,
        webhook_certificates=webhook_certificates,
        webhook_address=webhook_address,
    )
    return run_operator(options)


@cli.command("gen-crd")
@click.argument("targets", metavar="TARGET...", nargs=-1, required=True)
@click.option(
    "--output-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("crds"),
    show_default=True,
    metavar="FOLDER",
    help="Write the files here.",
)
@click.option(
    "--check", is_flag=True, help="Write nothing; show what differs, with status 1 if anything does."
)
@click.option("--stdout", is_flag=True, help="Print the definitions instead.")
@click.option(
    "--max-description",
    type=click.IntRange(min=0),
    metavar="N",
    help="Cut descriptions to N characters; 0 leaves them out.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["yaml", "json"]),
    default="yaml",
    show_default=True,
    metavar="FORMAT",
    help="Of the files: yaml or json.",
)
@explained
def gen_crd(
    targets: tuple[str, ...],
    output_dir: Path,
    check: bool,
    stdout: bool,
    max_description: int | None,
    form: Literal["yaml", "json"],
) -> int:
    """Write the CustomResourceDefinitions of your models, one file each: <group>_<plural>.yaml.

    A target is a Python file, a folder or a module; of a folder or package, only files that define kinds are
    imported. What a definition cannot say is told on standard error.
    """
    if check and stdout:
        raise click.UsageError("--check and --stdout exclude each other")
    from reconcile.cli.gen_crd import GenerateOptions, generate_crds

    options = GenerateOptions(
        targets=targets,
        output_directory=output_dir,
        check=check,
        stdout=stdout,
        max_description=max_description,
        format=form,
    )
    return generate_crds(options)


@cli.command("gen-webhooks")
@click.argument("target", metavar="PATH_OR_MODULE")
@click.option(
    "--service", required=True, metavar="NAMESPACE/NAME", help="The service that leads to the operator."
)
@click.option("--name", metavar="NAME", help="Of the configurations; by default the service's.")
@click.option(
    "--check",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Print nothing; show how this file differs, with status 1 if it does.",
)
@explained
def gen_webhooks(target: str, service: str, name: str | None, check: Path | None) -> int:
    """Print the webhook configurations of the admission hooks that an operator's setup(manager) adds.

    Conversion webhooks are part of the definitions: see gen-crd.
    """
    from reconcile.cli.gen_webhooks import generate_webhooks

    return generate_webhooks(target, service=service, name=name or "", check=check)


@cli.command("envtest-assets")
@click.argument("directory", metavar="FOLDER", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--controllers",
    is_flag=True,
    help="Garbage collection, deletion of namespaces, default service accounts and what else the server does "
    "by itself; kube-apiserver alone, and so envtest, has none of it.",
)
@explained
def envtest_assets(directory: Path, controllers: bool) -> int:
    """Make a folder for KUBEBUILDER_ASSETS: Go's envtest starts the embedded server then.

    The executables in it, kube-apiserver and etcd, belong to this Python; kubectl is a link to yours, where
    there is one.
    """
    from reconcile.cli.envtest.assets import write_assets

    return write_assets(directory, controllers=controllers)


@cli.command()
@click.argument("target", metavar="PATH_OR_MODULE")
@click.option("--name", required=True, metavar="NAME", help="Of the Lease that the operator holds.")
@click.option("--namespace", "-n", required=True, metavar="N", help="Of the Lease and the service account.")
@click.option("--service-account", required=True, metavar="NAME", help="That the operator's pods run as.")
@explained
def fence(target: str, name: str, namespace: str, service_account: str) -> int:
    """Print an admission policy that admits an operator's writes only from the pod that holds its Lease.

    The kinds are those that the operator reconciles, owns, watches or reads. Apply it as an administrator:
    reconcile fence operator.py --name operator -n shop --service-account operator | kubectl apply -f -
    """
    from reconcile.cli.fence import print_fence

    return print_fence(target, name=name, namespace=namespace, service_account=service_account)


def _targets(embedded: bool, context: str | None, in_cluster: bool) -> list[tuple[str, bool]]:
    return [("--embedded", embedded), ("--context", context is not None), ("--in-cluster", in_cluster)]
