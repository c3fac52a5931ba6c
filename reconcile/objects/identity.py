"""How an object and its kind are named."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple


class ObjectKey(NamedTuple):
    """Namespace and name of an object; the namespace of a cluster-scoped object is empty.

    >>> str(ObjectKey("default", "web"))
    'default/web'
    >>> ObjectKey.parse("node-1")
    ObjectKey(namespace='', name='node-1')
    """

    namespace: str
    name: str

    @classmethod
    def parse(cls, text: str) -> ObjectKey:
        """The key written as `namespace/name`, or as `name` alone for a cluster-scoped object."""
        namespace, slash, name = text.rpartition("/")
        return cls(namespace if slash else "", name)

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


class GroupKind(NamedTuple):
    """Group and kind, whatever the version; the core group is empty."""

    group: str
    kind: str

    def __str__(self) -> str:
        return f"{self.kind}.{self.group}" if self.group else self.kind


class GroupVersionKind(NamedTuple):
    """The full name of a kind.

    >>> GroupVersionKind.of("apps/v1", "Deployment")
    GroupVersionKind(group='apps', version='v1', kind='Deployment')
    """

    group: str
    version: str
    kind: str

    @classmethod
    def of(cls, api_version: str, kind: str) -> GroupVersionKind:
        group, _, version = api_version.rpartition("/")
        return cls(group, version, kind)

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def group_kind(self) -> GroupKind:
        return GroupKind(self.group, self.kind)

    def __str__(self) -> str:
        return f"{self.api_version} {self.kind}"


@dataclass(frozen=True, slots=True)
class ResourceType:
    """A kind together with where the API server serves it.

    Attributes:
        group: API group; empty for the core group.
        version: API version, such as `v1`.
        kind: the kind, such as `Pod`.
        plural: the name in URLs, such as `pods`.
        namespaced: whether its objects live in namespaces.
    """

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool = True
    _prefix: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        prefix = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        object.__setattr__(self, "_prefix", prefix)

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def gvk(self) -> GroupVersionKind:
        return GroupVersionKind(self.group, self.version, self.kind)

    @property
    def group_kind(self) -> GroupKind:
        return GroupKind(self.group, self.kind)

    @property
    def group_resource(self) -> str:
        """`deployments.apps`, or `pods` in the core group: as the server names it in messages."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """The URL path of a collection, an object or a subresource.

        >>> ResourceType("apps", "v1", "Deployment", "deployments").path("default", "web", "scale")
        '/apis/apps/v1/namespaces/default/deployments/web/scale'
        """
        path = self._prefix
        if namespace:
            path += f"/namespaces/{namespace}"
        path += f"/{self.plural}"
        if name:
            path += f"/{name}"
        if subresource:
            path += f"/{subresource}"
        return path

    def __str__(self) -> str:
        return f"{self.api_version} {self.kind}"
