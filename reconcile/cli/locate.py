"""Where the examples are, and how operators are loaded from paths and module names."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from reconcile.cli.failures import CommandError

if TYPE_CHECKING:
    from reconcile.apiserver.kubelet import Kubelet

Setup = Callable[[Any], object]


def examples_directory() -> Path:
    """The examples: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    for directory in (package / "examples", package.parent / "examples"):
        if (directory / "operators" / "__init__.py").is_file():
            return directory
    raise CommandError(
        f"the examples are missing: neither {package}/examples nor {package.parent}/examples is there"
    )


def example_operators() -> ModuleType:
    """The package of the example operators."""
    return import_path(examples_directory() / "operators")


def load_setup(target: str) -> Setup:
    """The `setup` function of an operator.

    Args:
        target: a Python file, a folder that is a package, or a module's dotted name.

    Raises:
        CommandError: there is no such thing, importing it fails, or it has no `setup`; says which, and of
            a failing import the file and line.
    """
    path = Path(target)
    looks_like_path = "/" in target or target.endswith(".py") or path.exists()
    module = import_path(path) if looks_like_path else import_name(target)
    setup = getattr(module, "setup", None)
    if not callable(setup):
        raise CommandError(
            f"{target} has no function setup(manager): it adds the operator's reconcilers", status=2
        )
    return setup


def embedded_kubelet_of(setup: Setup) -> Kubelet | None:
    """What an operator puts behind the pods of an embedded server: `embedded_kubelet()` of its module."""
    module = sys.modules.get(getattr(setup, "__module__", ""))
    make: Callable[[], Kubelet] | None = getattr(module, "embedded_kubelet", None)
    return make() if make is not None else None


def import_path(path: Path) -> ModuleType:
    """Import a file or folder under the name that its package gives it."""
    path = path.resolve()
    if path.is_dir():
        if not (path / "__init__.py").is_file():
            raise CommandError(f"{path} is a folder without __init__.py: name a file or a package", status=2)
    elif not path.is_file():
        raise CommandError(f"{path}: no such file or folder", status=2)
    parts = [path.stem if path.is_file() else path.name]
    root = path.parent
    while (root / "__init__.py").is_file():
        parts.insert(0, root.name)
        root = root.parent
    if _is_taken(parts[0], root):
        if len(parts) > 1:
            raise CommandError(
                f"{path} is in the package {parts[0]!r}, and Python has a module of that name: "
                f"rename the folder {root / parts[0]}",
                status=2,
            )
        return _import_under_another_name(path, parts[0])
    # In front of everything: the same package in another place must not be taken for the one that was named.
    with suppress(ValueError):
        sys.path.remove(str(root))
    sys.path.insert(0, str(root))
    return _import(".".join(parts))


def _is_taken(name: str, root: Path) -> bool:
    """Whether importing the name would find something else than what is in `root`."""
    if name in sys.stdlib_module_names:
        return True
    present = sys.modules.get(name)
    file = None if present is None else getattr(present, "__file__", None)
    return file is not None and not Path(file).resolve().is_relative_to(root)


def _import_under_another_name(path: Path, name: str) -> ModuleType:
    """Import a file or package whose own name is taken: `operator.py` is what people call an operator."""
    file = path / "__init__.py" if path.is_dir() else path
    search = [str(path)] if path.is_dir() else None
    alias = f"{name}_of_user"
    spec = importlib.util.spec_from_file_location(alias, file, submodule_search_locations=search)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[alias] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[alias]
        raise CommandError(
            f"importing {path}: {type(error).__name__}: {error}{_place(error)}", status=2
        ) from error
    return module


def import_name(name: str) -> ModuleType:
    """Import a module by its dotted name."""
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    return _import(name)


def _import(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if name == missing or name.startswith(f"{missing}."):
            raise CommandError(f"no module named {missing!r}", status=2) from error
        raise CommandError(
            f"importing {name}: no module named {missing!r}{_place(error)}", status=2
        ) from error
    except Exception as error:
        raise CommandError(
            f"importing {name}: {type(error).__name__}: {error}{_place(error)}", status=2
        ) from error


def _place(error: BaseException) -> str:
    """Where the user's code failed: the innermost frame that is not the import machinery."""
    if isinstance(error, SyntaxError) and error.filename:
        return f" ({error.filename}, line {error.lineno})"
    place = ""
    frame = error.__traceback__
    while frame is not None:
        file = frame.tb_frame.f_code.co_filename
        if not file.startswith("<") and "importlib" not in file and file != __file__:
            place = f" ({file}, line {frame.tb_lineno})"
        frame = frame.tb_next
    return place
