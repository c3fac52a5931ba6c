"""Kubeconfig files, merged as kubectl merges them. Reads files; knows nothing of credentials.

The first file that has a cluster, user or context of a name wins whole; the first with a current-context
wins. Each entry remembers its file: relative paths in it are relative to that file's folder.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from reconcile.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Entry:
    """One named cluster, user or context.

    Attributes:
        name: its name.
        kind: `cluster`, `user` or `context`.
        values: what is under that key.
        file: the file it came from; None for a configuration given as a mapping.
    """

    name: str
    kind: str
    values: Mapping[str, Any]
    file: Path | None

    def text(self, name: str) -> str:
        """A string setting; empty when absent. Anything else than a string is an error that names it."""
        value: object = self.values.get(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise self.error(f"{name} must be a string, not {value!r} (quote it)")
        return value

    def flag(self, name: str) -> bool:
        value: object = self.values.get(name)
        if value is not None and not isinstance(value, bool):
            raise self.error(f"{name} must be true or false, not {value!r}")
        return bool(value)

    def path(self, name: str) -> Path | None:
        """A path setting, absolute; None when absent."""
        text = self.text(name)
        return self.resolve(text) if text else None

    def resolve(self, text: str) -> Path:
        folder = self.file.parent if self.file else Path.cwd()
        return folder / text

    def error(self, what: str) -> ConfigurationError:
        where = f" in {self.file}" if self.file else ""
        return ConfigurationError(f'{self.kind} "{self.name}"{where}: {what}')


@dataclass(slots=True)
class Kubeconfig:
    """What the files say together."""

    current_context: str = ""
    clusters: dict[str, Entry] = field(default_factory=dict[str, Entry])
    users: dict[str, Entry] = field(default_factory=dict[str, Entry])
    contexts: dict[str, Entry] = field(default_factory=dict[str, Entry])
    files: list[Path] = field(default_factory=list[Path])

    @property
    def source(self) -> str:
        """The files' names, for error texts."""
        return ", ".join(map(str, self.files)) or "the configuration"

    def add(self, document: Mapping[str, Any], file: Path | None) -> None:
        """Merge one more document; what is there already wins."""
        if not self.current_context:
            self.current_context = str(document.get("current-context") or "")
        for kind, entries in (
            ("cluster", self.clusters),
            ("user", self.users),
            ("context", self.contexts),
        ):
            for entry in _entries(document, kind, file):
                entries.setdefault(entry.name, entry)


def default_paths(environment: Mapping[str, str] | None = None) -> list[Path]:
    """The files that `KUBECONFIG` lists, else `~/.kube/config`."""
    environment = os.environ if environment is None else environment
    listed = [part for part in environment.get("KUBECONFIG", "").split(os.pathsep) if part]
    return [Path(part) for part in dict.fromkeys(listed)] or [Path.home() / ".kube" / "config"]


def load(paths: Iterable[Path], *, required: bool) -> Kubeconfig:
    """Read and merge files; missing ones are an error when `required`, else passed over."""
    config = Kubeconfig()
    for path in paths:
        path = path.expanduser().absolute()
        try:
            text = path.read_text()
        except FileNotFoundError as error:
            if required:
                raise ConfigurationError(f"the kubeconfig {path} does not exist") from error
            continue
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"cannot read the kubeconfig {path}: {error}") from error
        config.add(_parse(text, path), path)
        config.files.append(path)
    return config


def _parse(text: str, path: Path) -> Mapping[str, Any]:
    import yaml

    try:
        document: Any = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigurationError(f"the kubeconfig {path} is not YAML: {error}") from error
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise ConfigurationError(f"the kubeconfig {path} holds no mapping")
    found = cast("dict[str, Any]", document)
    if found.get("kind", "Config") != "Config":
        raise ConfigurationError(f"{path} is no kubeconfig: its kind is {found['kind']}")
    return found


def _entries(document: Mapping[str, Any], kind: str, file: Path | None) -> Iterable[Entry]:
    listed: object = document.get(f"{kind}s") or []
    where = file or "the configuration"
    if not isinstance(listed, list):
        raise ConfigurationError(f"{where}: {kind}s must be a list")
    for item in cast("list[Any]", listed):
        named = cast("dict[str, Any]", item) if isinstance(item, dict) else {}
        name: object = named.get("name")
        if not isinstance(name, str):
            raise ConfigurationError(f"{where}: an entry of {kind}s has no name")
        values: object = named.get(kind) or {}
        if not isinstance(values, dict):
            raise ConfigurationError(f'{where}: {kind} "{name}" must be a mapping')
        yield Entry(name, kind, cast("dict[str, Any]", values), file)


def persist_auth_provider(user: Entry, changed: Mapping[str, str]) -> None:
    """Write renewed settings of a user's auth-provider back to the file they came from.

    The file is replaced at once with its permissions kept; symbolic links are followed.
    """
    import tempfile

    import yaml

    if user.file is None:
        return
    target = Path(os.path.realpath(user.file))
    document = dict(_parse(target.read_text(), target))
    for item in cast("list[dict[str, Any]]", document.get("users") or []):
        if item.get("name") == user.name:
            item["user"]["auth-provider"].setdefault("config", {}).update(changed)
            break
    else:
        return
    descriptor, temporary = tempfile.mkstemp(prefix=f".{target.name}-", dir=target.parent)
    try:
        with os.fdopen(descriptor, "w") as file:
            yaml.safe_dump(document, file, sort_keys=False)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, target.stat().st_mode & 0o7777)
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise
