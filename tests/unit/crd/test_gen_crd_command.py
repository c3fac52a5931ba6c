"""`reconcile gen-crd`: files that are there whole or not at all, differences to read, clear words."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from reconcile.cli.commands import cli

ROOT = Path(__file__).resolve().parents[3]

MODEL = '''
from typing import Annotated, Literal
from pydantic import AfterValidator, Field, field_validator, model_validator
from reconcile import CustomResource, Model
from reconcile.crd import Rule


class {kind}Spec(Model):
    """What is wanted, in more words than fit into a few characters."""

    size: {size}


class {kind}(CustomResource, group="example.com", version="v1"{keywords}):
    spec: {kind}Spec
'''


def source(kind: str = "Shop", size: str = 'Literal["small", "large"]', keywords: str = "") -> str:
    return MODEL.format(kind=kind, size=size, keywords=f", {keywords}" if keywords else "")


def gen(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["gen-crd", *map(str, arguments)])


def one_line(result: Result) -> str:
    assert "Traceback" not in result.output
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, lines
    return lines[0]


@pytest.fixture
def module(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A file of its own name in each test: Python imports a name once."""
    return tmp_path / f"models_{abs(hash(request.node.nodeid))}.py"


def test_one_file_a_kind(module: Path, tmp_path: Path) -> None:
    module.write_text(source("Shop") + source("Stall", keywords='plural="stalls"'))
    out = tmp_path / "some" / "crds"
    result = gen(module, "--output-dir", out)
    assert result.exit_code == 0, result.output
    names = ["example.com_shops.yaml", "example.com_stalls.yaml"]
    assert sorted(path.name for path in out.iterdir()) == names
    assert result.stdout.splitlines() == [str(out / name) for name in names]
    found = yaml.safe_load((out / names[0]).read_text())
    assert found["metadata"]["name"] == "shops.example.com"
    assert (out / names[0]).stat().st_mode & 0o777 == 0o644


def test_the_same_models_give_the_same_bytes(module: Path, tmp_path: Path) -> None:
    module.write_text(source("Shop"))
    texts: set[str] = set()
    for seed in ("0", "1", "2"):
        done = subprocess.run(
            [sys.executable, "-m", "reconcile.cli", "gen-crd", str(module), "--stdout"],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT), "PATH": ""},
            timeout=120,
        )
        texts.add(done.stdout)
    assert len(texts) == 1


def test_a_check_shows_what_differs(module: Path, tmp_path: Path) -> None:
    module.write_text(source("Shop"))
    out = tmp_path / "crds"
    missing = gen(module, "--output-dir", out, "--check")
    assert missing.exit_code == 1 and "(missing)" in missing.stdout and not out.exists()
    assert gen(module, "--output-dir", out).exit_code == 0
    same = gen(module, "--output-dir", out, "--check")
    assert (same.exit_code, same.output) == (0, "")
    file = out / "example.com_shops.yaml"
    file.write_text(file.read_text().replace("- large", "- huge"))
    drifted = gen(module, "--output-dir", out, "--check")
    assert drifted.exit_code == 1
    lines = drifted.stdout.splitlines()
    changed = [line for line in lines if line[0] in "+-" and line[:3] not in ("+++", "---")]
    assert [line.replace(" ", "") for line in changed] == ["--huge", "+-large"]
    assert f"--- {file}" in lines and f"+++ {file} (from the models)" in lines
    assert one_line(drifted).endswith("is not what the models say; run gen-crd without --check")
    assert "- huge" in file.read_text()


def test_the_definitions_can_be_printed(module: Path, tmp_path: Path) -> None:
    module.write_text(source("Shop") + source("Stall"))
    result = gen(module, "--stdout")
    assert [each["spec"]["names"]["kind"] for each in yaml.safe_load_all(result.stdout)] == ["Shop", "Stall"]
    assert not (Path.cwd() / "crds" / "example.com_shops.yaml").exists()


def test_they_can_be_json(module: Path, tmp_path: Path) -> None:
    module.write_text(source("Shop"))
    out = tmp_path / "crds"
    assert gen(module, "--output-dir", out, "--format", "json").exit_code == 0
    found = json.loads((out / "example.com_shops.json").read_text())
    assert found["kind"] == "CustomResourceDefinition"


def test_descriptions_can_be_cut(module: Path) -> None:
    module.write_text(source("Shop"))

    def described(*options: str) -> str | None:
        found = yaml.safe_load(gen(module, "--stdout", *options).stdout)
        schema = found["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        return schema["properties"]["spec"].get("description")

    assert described() == "What is wanted, in more words than fit into a few characters."
    assert described("--max-description", "20") == "What is wanted, in…"
    assert described("--max-description", "0") is None


def test_validators_that_no_schema_says_are_listed(module: Path) -> None:
    module.write_text(
        source("Shop", size="Annotated[str, AfterValidator(str.lower)]")
        + "    @model_validator(mode='after')\n    def whole(self): return self\n"
        + "    @field_validator('spec')\n    @classmethod\n    def part(cls, value): return value\n"
    )
    result = gen(module, "--stdout")
    assert result.stderr.splitlines() == [
        "shops.example.com: no schema says what these validators check; they run in Python only:",
        "  Shop.whole (model_validator, after): the object itself",
        "  Shop.part (field_validator, after): spec",
        "  ShopSpec.lower (AfterValidator, after): spec.size",
    ]


def test_of_a_folder_only_files_with_kinds_are_imported(tmp_path: Path) -> None:
    package = tmp_path / f"operator_{abs(hash(str(tmp_path)))}"
    (package / "deep").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "deep" / "__init__.py").write_text("")
    (package / "main.py").write_text("raise SystemExit('must not be imported')\n")
    (package / "deep" / "base.py").write_text(
        "from reconcile import CustomResource as Kind\n\n\nclass Base(Kind):\n    pass\n"
    )
    (package / "deep" / "shop.py").write_text(
        "from .base import Base\n\n\nclass Shop(Base, group='example.com', version='v1'):\n    pass\n"
    )
    (package / "other.py").write_text("from .deep.shop import Shop\n\n\nclass Stall(Shop):\n    pass\n")
    result = gen(package, "--stdout")
    assert result.exit_code == 0, result.output
    kinds = [each["spec"]["names"]["kind"] for each in yaml.safe_load_all(result.stdout)]
    assert kinds == ["Shop", "Stall"]


def test_a_package_is_named_by_its_module() -> None:
    result = gen("examples.operators.database", "--stdout")
    assert result.exit_code == 0, result.output
    assert (ROOT / "crds" / "example.com_databases.yaml").read_text() == result.stdout


def test_the_repositorys_definitions_are_those_of_the_examples() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "reconcile.cli", "gen-crd", "examples/operators", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr


BAD = {
    "two models for one kind": (
        source("Shop") + source("Stall", keywords='kind="Shop"'),
        "two models for one kind: ",
    ),
    "two storage versions": (
        source("Shop", keywords="storage=True")
        + source("Later", keywords='kind="Shop", storage=True').replace('version="v1"', 'version="v2"'),
        "two storage versions of Shop: ",
    ),
    "a plural that clashes": (
        source("Shop") + source("Stall", keywords='plural="shops"'),
        "with one name, 'shops'",
    ),
    "an unsupported type": (
        source("Shop", size="tuple[int, str]"),
        "field spec.size: a tuple of fixed length",
    ),
    "an unreadable pattern": (
        source("Shop", size="Annotated[str, Field(json_schema_extra={'pattern': '('})]"),
        "field spec.size: the pattern '('",
    ),
    "a syntax error of CEL": (
        source("Shop", size="Annotated[str, Rule('self ==')]"),
        "field spec.size: the rule 'self =='",
    ),
    "a type error of CEL": (
        source("Shop", size="Annotated[str, Rule('self > 3')]"),
        "field spec.size: the rule 'self > 3'",
    ),
    "a dear rule": (
        source("Shop", size="Annotated[list[str], Rule('self.all(x, self.all(y, x == y))')]"),
        "costs too much",
    ),
    "no kind": ("x = 1\n", "defines no kind"),
    "an import error": ("import there_is_no_such_module\n", "no module named 'there_is_no_such_module'"),
    "an error while importing": ("1 / 0\n", "ZeroDivisionError: division by zero"),
    "a syntax error": ("def broken(:\n", "SyntaxError"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_clear_line_and_writes_nothing(name: str, module: Path, tmp_path: Path) -> None:
    text, words = BAD[name]
    module.write_text(text)
    out = tmp_path / "crds"
    result = gen(module, "--output-dir", out)
    assert result.exit_code == 2, result.output
    assert words in one_line(result)
    assert not out.exists()


def test_one_bad_model_spoils_no_file_of_the_others(module: Path, tmp_path: Path) -> None:
    out = tmp_path / "crds"
    out.mkdir()
    (out / "example.com_shops.yaml").write_text("as it was\n")
    module.write_text(source("Shop") + source("Stall", size="tuple[int, str]"))
    assert gen(module, "--output-dir", out).exit_code == 2
    assert [path.name for path in out.iterdir()] == ["example.com_shops.yaml"]
    assert (out / "example.com_shops.yaml").read_text() == "as it was\n"


def test_a_folder_that_cannot_be_written(module: Path, tmp_path: Path) -> None:
    module.write_text(source("Shop"))
    blocked = tmp_path / "file"
    blocked.write_text("")
    result = gen(module, "--output-dir", blocked / "crds")
    assert result.exit_code == 2
    assert "--output-dir" in one_line(result) and "nothing was written" in one_line(result)


def test_a_full_disk_leaves_the_old_files_and_nothing_else(
    module: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno
    import os

    module.write_text(source("Shop") + source("Stall"))
    out = tmp_path / "crds"
    out.mkdir()
    (out / "example.com_shops.yaml").write_text("as it was\n")
    calls: list[int] = []

    def full(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    result = gen(module, "--output-dir", out)
    assert result.exit_code == 2 and "No space left on device" in one_line(result)
    assert [path.name for path in out.iterdir()] == ["example.com_shops.yaml"]
    assert (out / "example.com_shops.yaml").read_text() == "as it was\n"


def test_what_is_not_there() -> None:
    assert "no such file or folder" in one_line(gen("./nothing_here"))
    assert "no module named 'no_such_package'" in one_line(gen("no_such_package.models"))
    assert gen("x", "--check", "--stdout").exit_code == 2
    assert gen().exit_code == 2
