"""What a user does wrong is one clear line and a status."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from reconcile.cli.commands import cli
from reconcile.cli.failures import CommandError, explain
from reconcile.cli.files import write_atomically
from reconcile.cli.locate import example_operators, examples_directory, load_setup
from reconcile.cli.manifests import read_manifests
from reconcile.cli.restart import files_in
from reconcile.errors import ConfigurationError, NotFoundError, TransportError

DEAD_CLUSTER = """apiVersion: v1
kind: Config
current-context: a
clusters: [{name: c, cluster: {server: "http://127.0.0.1:1"}}]
contexts: [{name: a, context: {cluster: c, user: u}}]
users: [{name: u, user: {}}]
"""


@pytest.fixture
def kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "config"
    file.write_text(DEAD_CLUSTER)
    monkeypatch.setenv("KUBECONFIG", str(file))
    return file


def reconcile(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments))


def one_line(result: Result) -> str:
    assert "Traceback" not in result.output
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, lines
    return lines[0]


@pytest.mark.parametrize("command", ["demo", "serve", "run"])
def test_help_imports_no_more_than_it_needs(command: str) -> None:
    result = reconcile(command, "--help")
    assert result.exit_code == 0 and "Usage" in result.output


def test_a_context_that_is_not_there(kubeconfig: Path) -> None:
    for arguments in (["demo", "--context", "nope"], ["run", str(example_path()), "--context", "nope"]):
        result = reconcile(*arguments)
        assert result.exit_code == 2
        assert '"nope" is not in' in one_line(result)


def example_path() -> Path:
    return examples_directory() / "operators" / "database"


def test_a_cluster_that_is_not_there(kubeconfig: Path) -> None:
    result = reconcile("run", str(example_path()))
    assert result.exit_code == 1
    assert "cannot be reached" in one_line(result)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (None, "no such file or folder"),
        ("x = 1", "has no function setup(manager)"),
        ("import there_is_no_such_module", "no module named 'there_is_no_such_module'"),
        ("def broken(:", "SyntaxError"),
        ("1 / 0", "ZeroDivisionError"),
    ],
)
def test_an_operator_that_cannot_be_loaded(tmp_path: Path, source: str | None, words: str) -> None:
    file = tmp_path / f"operator_{abs(hash(source))}.py"
    if source is not None:
        file.write_text(source)
    result = reconcile("run", str(file), "--embedded")
    assert result.exit_code == 2
    assert words in one_line(result)


def test_an_operator_may_be_called_what_python_calls_a_module(tmp_path: Path) -> None:
    (tmp_path / "operator.py").write_text("def setup(manager):\n    return 'mine'\n")
    package = tmp_path / "queue"
    package.mkdir()
    (package / "__init__.py").write_text("from .parts import setup\n")
    (package / "parts.py").write_text("def setup(manager):\n    return 'mine too'\n")
    assert load_setup(str(tmp_path / "operator.py"))(None) == "mine"
    assert load_setup(str(package))(None) == "mine too"


def test_the_operator_that_a_path_names_is_run_though_another_of_its_name_is_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in ("here", "there"):
        package = tmp_path / place / "twice_there"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text(f"def setup(manager):\n    return {place!r}\n")
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr("sys.path", ["", *sys.path, str(tmp_path / "there")])
    try:
        assert load_setup(str(tmp_path / "there" / "twice_there"))(None) == "there"
    finally:
        sys.modules.pop("twice_there", None)


def test_an_operator_in_a_pod_does_not_import_the_embedded_server() -> None:
    script = (
        "import sys, reconcile.cli.run as run; print([name for name in sys.modules if 'apiserver' in name])"
    )
    printed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert printed.stdout.strip() == "[]"


def test_a_module_that_is_not_there() -> None:
    result = reconcile("run", "no_such_package.operator", "--embedded")
    assert result.exit_code == 2
    assert "no module named 'no_such_package'" in one_line(result)


def test_options_that_exclude_each_other() -> None:
    result = reconcile("run", "x", "--embedded", "--in-cluster")
    assert result.exit_code == 2
    assert "--embedded and --in-cluster exclude each other" in result.stderr
    assert reconcile("serve", "--port", "99999").exit_code == 2
    assert reconcile("demo", "--context", "a", "--keep").exit_code == 2


def test_feature_gates_are_named_as_kube_apiserver_names_them_and_unknown_ones_refused() -> None:
    from reconcile.cli.serve import gates_of

    given = ["CBORServingAndStorage=true", "A=false, B=TRUE"]
    assert gates_of(given) == {"CBORServingAndStorage": True, "A": False, "B": True}
    result = reconcile("serve", "--port", "0", "--feature-gates", "Nobody=true")
    assert result.exit_code == 2 and "CBORServingAndStorage" in result.output
    result = reconcile("serve", "--port", "0", "--feature-gates", "CBORServingAndStorage=perhaps")
    assert result.exit_code == 2 and "write CBORServingAndStorage=true" in result.output


def test_a_folder_for_the_kubeconfig_that_is_not_there(tmp_path: Path) -> None:
    result = reconcile("serve", "--port", "0", "--kubeconfig-out", str(tmp_path / "no" / "config"))
    assert result.exit_code == 1
    assert "--kubeconfig-out" in one_line(result)


def test_a_full_disk_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    file = tmp_path / "config"
    file.write_text("old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CommandError, match=r"No space left on device; nothing was written"):
        write_atomically(file, "new", flag="--kubeconfig-out")
    assert file.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["config"]


def test_a_file_is_written_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "config"
    write_atomically(file, "text", flag="--kubeconfig-out")
    assert file.read_text() == "text"
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- a\n- b\n", "not an object but list"),
        ("kind: Pod\nmetadata: {name: x}\n", "field apiVersion is missing"),
        ("apiVersion: v1\nkind: Pod\nmetadata: {}\n", "field metadata.name is missing"),
        ("a: [", "while parsing"),
    ],
)
def test_a_manifest_that_is_none(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(text)
    with pytest.raises(CommandError, match=words) as caught:
        read_manifests([file])
    assert "bad.yaml" in str(caught.value) and caught.value.status == 2


def test_defects_of_the_program_are_not_explained_away() -> None:
    assert explain(KeyError("x")) is None
    assert explain(ConfigurationError("c")) == ("c", 2)
    assert explain(TransportError("t")) == ("the cluster cannot be reached: t", 1)
    assert explain(NotFoundError("n", code=404)) is not None
    assert explain(OSError(errno.ENOSPC, "No space left on device")) == ("no space left on the disk", 1)


def test_the_examples_are_found_and_loaded_under_one_name() -> None:
    package = example_operators()
    setup = load_setup(str(example_path()))
    assert callable(package.setup)
    assert setup.__module__ == f"{package.__name__}.database"


def test_a_change_of_a_python_file_is_seen(tmp_path: Path) -> None:
    file = tmp_path / "operator.py"
    file.write_text("a")
    before = files_in(tmp_path)
    (tmp_path / "notes.txt").write_text("not code")
    assert files_in(tmp_path) == before
    file.write_text("ab")
    assert files_in(tmp_path) != before


async def test_a_manifest_with_a_wrong_field_names_file_and_field(tmp_path: Path) -> None:
    from reconcile.cli.embedded import embedded_server
    from reconcile.cli.manifests import apply_manifests
    from reconcile.runtime import SimulatedRuntime

    file = tmp_path / "wrong.yaml"
    file.write_text("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndate:\n  x: y\n")
    async with embedded_server(runtime=SimulatedRuntime(1)) as embedded:
        with pytest.raises(CommandError) as caught:
            await apply_manifests(
                embedded.client, read_manifests([file]), namespace="default", field_manager="test"
            )
    text = str(caught.value)
    assert "wrong.yaml document 1 (ConfigMap a)" in text and "date" in text


def test_importing_the_command_line_costs_little() -> None:
    import subprocess

    script = "import sys, reconcile.cli.commands; print('aiohttp' in sys.modules, 'pydantic' in sys.modules)"
    found = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert found.stdout.split() == ["False", "False"]


def test_the_fence_of_an_operator_is_yaml_for_kubectl() -> None:
    import yaml

    arguments = ("--name", "lease", "--namespace", "shop", "--service-account", "robot")
    result = reconcile("fence", str(example_path()), *arguments)
    assert result.exit_code == 0, result.output
    policy, binding = yaml.safe_load_all(result.stdout)
    assert policy["kind"] == "ValidatingAdmissionPolicy"
    assert policy["spec"]["matchConstraints"]["resourceRules"]
    assert binding["spec"]["paramRef"]["name"] == "lease"
    wrong = reconcile("fence", str(example_path()), "--name", "Lease", *arguments[2:])
    assert wrong.exit_code == 2 and "cannot name a Lease" in one_line(wrong)


def test_the_configurations_of_an_operators_hooks_are_yaml_for_kubectl(tmp_path: Path) -> None:
    import yaml

    file = tmp_path / "hooked.py"
    file.write_text(
        "from reconcile.api.core.v1 import ConfigMap\n"
        "from reconcile.webhooks import mutating, validating\n\n\n"
        "def setup(manager):\n"
        "    manager.add(validating(ConfigMap, match_conditions={'mine': 'true'}))\n"
        "    manager.add(mutating(ConfigMap, reinvocation=True))\n"
    )
    result = reconcile("gen-webhooks", str(file), "--service", "shop/hooks")
    assert result.exit_code == 0, result.output
    changing, judging = yaml.safe_load_all(result.stdout)
    assert [changing["kind"], judging["kind"]] == [
        "MutatingWebhookConfiguration",
        "ValidatingWebhookConfiguration",
    ]
    (hook,) = judging["webhooks"]
    assert hook["clientConfig"]["service"] == {
        "namespace": "shop",
        "name": "hooks",
        "path": "/validate--v1-configmap",
        "port": 443,
    }
    assert hook["matchConditions"] == [{"name": "mine", "expression": "true"}]
    assert changing["webhooks"][0]["reinvocationPolicy"] == "IfNeeded"
    present = tmp_path / "webhooks.yaml"
    present.write_text(result.stdout)
    arguments = ("gen-webhooks", str(file), "--service", "shop/hooks", "--check", str(present))
    assert reconcile(*arguments).exit_code == 0
    present.write_text(result.stdout.replace("timeoutSeconds: 10", "timeoutSeconds: 5"))
    drifted = reconcile(*arguments)
    assert drifted.exit_code == 1 and "+  timeoutSeconds: 10" in drifted.stdout.replace("    ", "  ")
    none = reconcile("gen-webhooks", str(example_path()), "--service", "shop/hooks")
    assert none.exit_code == 1 and "adds no admission webhook" in one_line(none)
