"""Which resources are served at the moment. Custom ones come and go."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from reconcile.apiserver.resources import Resource


class Registry:
    """The served resources.

    Groups keep the order in which they came, versions of a group that in which they were added: the
    first is preferred.

    Attributes:
        generation: changes with each change of the registry; caches compare it.
    """

    def __init__(self, resources: Iterable[Resource] = ()) -> None:
        self._by_path: dict[tuple[str, str, str], Resource] = {}
        self._by_group_resource: dict[str, Resource] = {}
        self._by_kind: dict[tuple[str, str], Resource] = {}
        self.generation = 0
        self.add(resources)

    def add(self, resources: Iterable[Resource]) -> None:
        """Serve these, in the place of those of the same group, version and plural."""
        for resource in resources:
            kind = resource.type
            self._by_path[kind.group, kind.version, kind.plural] = resource
        self._rebuild()

    def replace(self, group_resource: str, resources: Iterable[Resource]) -> None:
        """Serve these instead of all versions of `group_resource` so far; none to end it."""
        for path, resource in list(self._by_path.items()):
            if resource.type.group_resource == group_resource:
                del self._by_path[path]
        self.add(resources)

    def _rebuild(self) -> None:
        self._by_group_resource = {}
        self._by_kind = {}
        for resource in self._by_path.values():
            self._by_group_resource.setdefault(resource.type.group_resource, resource)
            key = (resource.type.api_version, resource.type.kind)
            # Reviews and the like share kinds with subresources; what is stored comes first.
            if key not in self._by_kind or resource.list_kind:
                self._by_kind[key] = resource
        self.generation += 1

    def __iter__(self) -> Iterator[Resource]:
        return iter(tuple(self._by_path.values()))

    def find(self, group: str, version: str, plural: str) -> Resource | None:
        return self._by_path.get((group, version, plural))

    def preferred(self, group_resource: str) -> Resource | None:
        """The resource in its preferred version."""
        return self._by_group_resource.get(group_resource)

    def for_kind(self, api_version: str, kind: str) -> Resource | None:
        return self._by_kind.get((api_version, kind))

    def groups(self) -> dict[str, dict[str, list[Resource]]]:
        """Resources by group and version, in order."""
        found: dict[str, dict[str, list[Resource]]] = {}
        for resource in self._by_path.values():
            kind = resource.type
            found.setdefault(kind.group, {}).setdefault(kind.version, []).append(resource)
        return found
