"""The rights that an election needs, asked for before anything depends on them, and named when missing."""

from __future__ import annotations

from typing import Any

from reconcile.client.client import Client
from reconcile.controllers.logs import Logger
from reconcile.errors import ConfigurationError, ReconcileError
from reconcile.leaderelection.surroundings import EVENTS, LEASES, Right, ask_for_missing
from reconcile.objects.identity import ObjectKey


def needed_rights(name: str) -> list[Right]:
    """Without these there is no election."""
    # A right to create cannot be limited to a name: the server does not know it yet.
    return [Right("create", *LEASES), Right("get", *LEASES, name), Right("update", *LEASES, name)]


def useful_rights(name: str, *, watch: bool) -> list[Right]:
    """Without these it works, with less comfort."""
    watched = [Right("watch", *LEASES, name)] if watch else []
    return [*watched, Right("create", *EVENTS), Right("patch", *EVENTS)]


def role_rules(name: str) -> list[dict[str, Any]]:
    """The rules of a Role that an election by the Lease of this name needs, in the Lease's namespace."""
    return _rules([*needed_rights(name), *useful_rights(name, watch=True)])


async def check_rights(client: Client, key: ObjectKey, user: str, log: Logger, *, watch: bool) -> None:
    """Ask the server for the rights. Raises `ConfigurationError` that names the rules to add."""
    needed, useful = needed_rights(key.name), useful_rights(key.name, watch=watch)
    await require_rights(client, key.namespace, user, log, needed=needed, useful=useful)


async def require_rights(
    client: Client,
    namespace: str,
    user: str,
    log: Logger,
    *,
    needed: list[Right],
    useful: list[Right],
) -> None:
    """Ask the server for these rights; a missing one that is only useful is logged."""
    try:
        missing = await ask_for_missing(client, namespace, [*needed, *useful])
    except ReconcileError as error:
        log.info(
            "the rights of the election could not be asked for", error=f"{type(error).__name__}: {error}"
        )
        return
    if lacking := [right for right in missing if right in needed]:
        raise ConfigurationError(
            f"leader election: {user or 'this user'} may not {_phrase(lacking)} in the namespace "
            f"{namespace}. Add to a Role there that is bound to it:\n\n{_yaml(_rules(lacking))}"
        )
    if missing:
        log.warning(
            f"leader election works, but {user or 'this user'} may not {_phrase(missing)} in the namespace "
            f"{namespace}",
            rules=_rules(missing),
        )


def _phrase(rights: list[Right]) -> str:
    by_resource: dict[str, list[str]] = {}
    for right in rights:
        by_resource.setdefault(f"{right.resource}.{right.group}", []).append(right.verb)
    return " nor ".join(f"{' or '.join(verbs)} {resource}" for resource, verbs in by_resource.items())


def _rules(rights: list[Right]) -> list[dict[str, Any]]:
    """One rule for each resource and name, its verbs together."""
    verbs: dict[tuple[str, str, str], list[str]] = {}
    for right in rights:
        verbs.setdefault((right.group, right.resource, right.name), []).append(right.verb)
    return [
        {
            "apiGroups": [group],
            "resources": [resource],
            **({"resourceNames": [name]} if name else {}),
            "verbs": each,
        }
        for (group, resource, name), each in verbs.items()
    ]


def _yaml(rules: list[dict[str, Any]]) -> str:
    lines: list[str] = []
    for rule in rules:
        for number, (field, values) in enumerate(rule.items()):
            lines.append(f"{'- ' if number == 0 else '  '}{field}: [{', '.join(values)}]")
    return "\n".join(lines)
