"""`reconcile gen-crd`: CustomResourceDefinitions of the models in files, folders and modules."""

from __future__ import annotations

import ast
import difflib
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from reconcile.cli.failures import CommandError
from reconcile.cli.locate import import_name, import_path
from reconcile.crd.definition import Generated, generate
from reconcile.crd.text import file_name, to_json, to_yaml
from reconcile.objects.custom import CustomResource
from reconcile.objects.identity import ResourceType

_BASE = "CustomResource"


@dataclass(frozen=True, slots=True)
class GenerateOptions:
    """What `reconcile gen-crd` was asked for.

    Attributes:
        targets: modules by dotted name, files, folders.
        output_directory: where the files are written; made where it is missing.
        check: compare with the files that are there, and write nothing.
        stdout: print them, and write nothing.
        max_description: the longest description in characters; 0 for none; None for all as they are.
        format: of the files.
    """

    targets: Sequence[str]
    output_directory: Path = Path("crds")
    check: bool = False
    stdout: bool = False
    max_description: int | None = None
    format: Literal["yaml", "json"] = "yaml"


def generate_crds(options: GenerateOptions) -> int:
    """Write, print or compare; returns the exit status."""
    models = list(dict.fromkeys(model for target in options.targets for model in models_in(target)))
    generated = generate(models, max_description=options.max_description)
    texts = {
        file_name(each.definition, options.format): _text(each.definition, options.format)
        for each in generated
    }
    _tell(generated)
    if options.stdout:
        separator = "---\n" if options.format == "yaml" else ""
        print(separator.join(texts.values()), end="")
        return 0
    if options.check:
        return _check(options.output_directory, texts)
    _write_all(options.output_directory, texts)
    for name in texts:
        print(options.output_directory / name)
    return 0


def _text(definition: dict[str, Any], form: str) -> str:
    return to_yaml(definition) if form == "yaml" else to_json(definition)


def _tell(generated: Iterable[Generated]) -> None:
    """What the definitions do not say, on standard error: the files stay what they are."""
    for each in generated:
        for note in each.notes:
            print(f"note: {note}", file=sys.stderr)
        if each.validators:
            name = each.definition["metadata"]["name"]
            print(
                f"{name}: no schema says what these validators check; they run in Python only:",
                file=sys.stderr,
            )
            for validator in each.validators:
                print(f"  {validator}", file=sys.stderr)


def _check(directory: Path, texts: dict[str, str]) -> int:
    differs = False
    for name, text in texts.items():
        path = directory / name
        try:
            present = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            present = ""
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{path}: {getattr(error, 'strerror', None) or error}", status=2) from error
        if present == text:
            continue
        differs = True
        lines = difflib.unified_diff(
            present.splitlines(keepends=True),
            text.splitlines(keepends=True),
            fromfile=str(path) if present else f"{path} (missing)",
            tofile=f"{path} (from the models)",
        )
        sys.stdout.writelines(line if line.endswith("\n") else f"{line}\n" for line in lines)
    if differs:
        print(
            f"reconcile: {directory} is not what the models say; run gen-crd without --check", file=sys.stderr
        )
    return int(differs)


# -- files -----------------------------------------------------------------------------------------------


def _write_all(directory: Path, texts: dict[str, str]) -> None:
    """Every file beside its place first, then all of them moved there."""
    temporary: dict[str, str] = {}
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            descriptor, temporary[name] = tempfile.mkstemp(prefix=f".{name}.", dir=directory)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                os.fchmod(file.fileno(), 0o644)
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
        for name in texts:
            os.replace(temporary[name], directory / name)
            del temporary[name]
    except OSError as error:
        where = error.filename if isinstance(error.filename, str) and temporary == {} else directory
        raise CommandError(
            f"--output-dir {where}: {error.strerror or error}; nothing was written", status=2
        ) from error
    finally:
        for left in temporary.values():
            if os.path.exists(left):
                os.unlink(left)


# -- models ----------------------------------------------------------------------------------------------


def models_in(target: str) -> list[type[CustomResource]]:
    """The kinds that a target defines, in the order of their source.

    Args:
        target: a Python file, a folder, or a module's dotted name; a folder or package stands for all the
            files in it that define kinds, and no other is imported.

    Raises:
        CommandError: there is no such thing, importing it fails, or it defines no kind.
    """
    path = Path(target)
    if "/" in target or target.endswith(".py") or path.exists():
        found = _in_path(path)
    else:
        module = import_name(target)
        found = _defined_in(module)
        search: Iterable[str] = getattr(module, "__path__", ())
        for folder in search:
            found += _in_folder(Path(folder))
    if not found:
        raise CommandError(
            f"{target} defines no kind: no subclass of CustomResource with group= and version=", status=2
        )
    return found


def _in_path(path: Path) -> list[type[CustomResource]]:
    if path.is_dir():
        return _in_folder(path)
    return _defined_in(import_path(path))


def _in_folder(folder: Path) -> list[type[CustomResource]]:
    return [model for file in _files_with_kinds(folder) for model in _defined_in(import_path(file))]


def _defined_in(module: ModuleType) -> list[type[CustomResource]]:
    """The kinds of a module: those it defines, and those it names in `__all__`."""
    offered = getattr(module, "__all__", ())
    return [
        each
        for name, each in vars(module).items()
        if isinstance(each, type)
        and issubclass(each, CustomResource)
        and isinstance(getattr(each, "__resource_type__", None), ResourceType)
        and (each.__module__ == module.__name__ or name in offered)
    ]


def _files_with_kinds(folder: Path) -> Iterator[Path]:
    """The Python files below a folder that define a kind, by their text alone: importing runs code."""
    classes: dict[Path, list[tuple[str, set[str], bool]]] = {}
    bases = {_BASE}
    for file in sorted(folder.rglob("*.py")):
        if any(part.startswith(".") or part == "__pycache__" for part in file.relative_to(folder).parts):
            continue
        try:
            tree = ast.parse(file.read_text(encoding="utf-8"), filename=str(file))
        except (SyntaxError, UnicodeDecodeError) as error:
            raise CommandError(
                f"{file}: {type(error).__name__}: {getattr(error, 'msg', error)}"
                f"{f' (line {error.lineno})' if isinstance(error, SyntaxError) else ''}",
                status=2,
            ) from error
        except OSError as error:
            raise CommandError(f"{file}: {error.strerror}", status=2) from error
        bases |= _other_names(tree)
        classes[file] = [_class_in_text(node) for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    before = -1
    while len(bases) != before:
        before = len(bases)
        for found in classes.values():
            bases |= {name for name, of, _ in found if of & bases}
    for file, found in classes.items():
        if any(of & bases or keyed for _, of, keyed in found):
            yield file


def _other_names(tree: ast.Module) -> set[str]:
    """What a module calls the base: `from reconcile import CustomResource as Kind`."""
    return {
        alias.asname
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.name == _BASE and alias.asname
    }


def _class_in_text(node: ast.ClassDef) -> tuple[str, set[str], bool]:
    """Its name, the last names of its bases, and whether it has the keywords of a kind."""
    bases = {
        base.attr if isinstance(base, ast.Attribute) else base.id
        for base in node.bases
        if isinstance(base, ast.Attribute | ast.Name)
    }
    return node.name, bases, {"group", "version"} <= {keyword.arg for keyword in node.keywords}
