"""Admission: what an operator says to a write before the API server stores it.

    @validating(ConfigMap)
    def known_team(request: AdmissionRequest[ConfigMap]) -> None:
        if request.object.metadata.labels.get("team") not in ("red", "blue"):
            raise Denied("the label team must be red or blue")

    @mutating(Database)
    def cheap_at_first(request: AdmissionRequest[Database]) -> None:
        if request.operation == "CREATE" and request.namespace == "trial":
            request.object.spec.size = "small"

    manager.add(known_team)
    manager.add(cheap_at_first)
    manager.add(validating(Database))      # the model's own validators, which no schema can say

What stands here is what a hook is; `admission_review` asks it.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Generic, Literal, TypeAlias, TypeVar

from reconcile.errors import ConfigurationError, ReconcileError, StatusCause
from reconcile.objects.codecs import codec_for
from reconcile.objects.identity import GroupVersionKind, ResourceType
from reconcile.objects.kinds import resource_type_of

T = TypeVar("T")

Operation: TypeAlias = Literal["CREATE", "UPDATE", "DELETE", "CONNECT"]
OPERATIONS: Final[tuple[Operation, ...]] = ("CREATE", "UPDATE", "DELETE", "CONNECT")
_NAME: Final = re.compile(r"[^a-z0-9]+")


class Denied(ReconcileError):
    """Raised by a hook: the write is refused, and its author is told why.

    Args:
        message: for whoever wrote it.
        reason: machine-readable, as in a Status.
        code: the HTTP status that the writer gets.
        causes: what is wrong with which field.
    """

    def __init__(
        self, message: str, *, reason: str = "Forbidden", code: int = 403, causes: Sequence[StatusCause] = ()
    ) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason
        self.code = code
        self.causes = tuple(causes)


@dataclass(frozen=True, slots=True)
class UserInfo:
    """Who writes.

    Attributes:
        username: such as `system:serviceaccount:shop:operator`.
        uid: of the user; may be empty.
        groups: that the user is in.
        extra: what the authenticator said beside that.
    """

    username: str = ""
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])


class AdmissionRequest(Generic[T]):
    """A write that waits for a verdict.

    Attributes:
        uid: of the request.
        operation: what is done.
        kind: of `object`, in the version that the hook asked for.
        resource: group, version and plural that were written to, in the version that the hook asked for.
        subresource: such as `status`; empty for the object itself.
        request_kind: the kind that the writer named, which may be another version of it.
        name: of the object; empty where the server makes one up.
        namespace: empty for what lives in none.
        user: who writes.
        dry_run: nothing will be stored: change nothing elsewhere.
        options: of the write, such as its field manager.
        timeout: seconds that the server waits for the verdict.
        warnings: what the writer is told although the write goes through; see `warn`.
        audit_annotations: what the audit log is told; see `audit`.
    """

    def __init__(
        self,
        *,
        uid: str = "",
        operation: Operation = "CREATE",
        kind: GroupVersionKind | None = None,
        resource: tuple[str, str, str] = ("", "", ""),
        subresource: str = "",
        request_kind: GroupVersionKind | None = None,
        name: str = "",
        namespace: str = "",
        user: UserInfo | None = None,
        dry_run: bool = False,
        options: Mapping[str, Any] | None = None,
        timeout: float = 10.0,
        object: T | None = None,
        old_object: T | None = None,
        read_old: Callable[[], T] | None = None,
    ) -> None:
        self.uid = uid
        self.operation = operation
        self.kind = kind
        self.resource = resource
        self.subresource = subresource
        self.request_kind = request_kind or kind
        self.name = name
        self.namespace = namespace
        self.user = user or UserInfo()
        self.dry_run = dry_run
        self.options: Mapping[str, Any] = options or {}
        self.timeout = timeout
        self.warnings: list[str] = []
        self.audit_annotations: dict[str, str] = {}
        self._object = object
        self._old = old_object
        self._read_old = read_old

    @property
    def object(self) -> T:
        """The object as it would be stored. A mutating hook may change it.

        Raises:
            ConfigurationError: there is none, as for a DELETE: read `old_object`.
        """
        if self._object is None:
            raise ConfigurationError(f"a {self.operation} has no new object: read old_object")
        return self._object

    @property
    def old_object(self) -> T | None:
        """The object as it is stored: for UPDATE and DELETE.

        Raises `ObjectDecodeError` where it does not fit the type: it may be older than that.
        """
        if self._old is None and self._read_old is not None:
            self._old = self._read_old()
        return self._old

    def warn(self, text: str) -> None:
        """Tell the writer something, whatever the verdict: kubectl prints it. Short: 120 characters."""
        self.warnings.append(text)

    def audit(self, key: str, value: str) -> None:
        """Add an annotation to the audit log's entry of the write."""
        self.audit_annotations[key] = value


Hook: TypeAlias = Callable[[AdmissionRequest[T]], "T | Awaitable[T | None] | None"]
"""Raises `Denied`, or lets the write through; a mutating one changes `request.object` or returns another."""


@dataclass(frozen=True)
class AdmissionHook(Generic[T]):
    """A validating or mutating webhook: a function, what it is asked about, and how a server treats it.

    Made by `validating` and `mutating`, and given its function as a decorator. What is asked is also what
    `reconcile gen-webhooks` writes into the webhook configurations.

    Attributes:
        what: `validating` or `mutating`.
        kind: what `request.object` is: a built-in kind, a model, or a `ResourceType` for plain dicts.
        function: plain (it runs in a thread) or async; None for what the model itself says.
        path: where it is asked.
        name: of the webhook in its configuration.
        operations: what it is asked about.
        resource: the resource that is written to.
        subresource: such as `status` or `scale`; empty for the object itself, `*` for all.
        failure_policy: whether a write fails when no verdict can be had.
        timeout_seconds: that the server waits, 1 to 30.
        side_effects: whether the hook changes something elsewhere even so for a dry run.
        match_policy: `Equivalent`: also writes in other versions, converted to this one.
        namespace_selector, object_selector: label selectors in wire form; None for all.
        match_conditions: CEL expressions by name, all of which must hold.
        reinvocation: a mutating hook is asked again when others changed the object after it.
    """

    what: Literal["validating", "mutating"]
    kind: Any
    path: str
    name: str
    resource: ResourceType
    function: Hook[T] | None = None
    operations: tuple[Operation, ...] = ("CREATE", "UPDATE")
    subresource: str = ""
    failure_policy: Literal["Fail", "Ignore"] = "Fail"
    timeout_seconds: int = 10
    side_effects: Literal["None", "NoneOnDryRun"] = "None"
    match_policy: Literal["Equivalent", "Exact"] = "Equivalent"
    namespace_selector: Mapping[str, Any] | None = None
    object_selector: Mapping[str, Any] | None = None
    match_conditions: Mapping[str, str] = field(default_factory=dict[str, str])
    reinvocation: bool = False
    _named: bool = False

    def __call__(self, function: Hook[T], /) -> AdmissionHook[T]:
        """The hook with its function."""
        if self.function is not None:
            raise ConfigurationError(f"the hook {self.name} has a function already")
        name = self.name
        if not self._named:
            word = _NAME.sub("-", getattr(function, "__name__", "").lower()).strip("-")
            name = f"{word}.{name}" if word else name
        return replace(self, function=function, name=name)


def validating(
    kind: type[T] | Any,
    *,
    operations: Sequence[Operation] = ("CREATE", "UPDATE"),
    resource: Any = None,
    subresource: str = "",
    path: str = "",
    name: str = "",
    failure_policy: Literal["Fail", "Ignore"] = "Fail",
    timeout_seconds: int = 10,
    side_effects: Literal["None", "NoneOnDryRun"] = "None",
    match_policy: Literal["Equivalent", "Exact"] = "Equivalent",
    namespace_selector: Mapping[str, Any] | None = None,
    object_selector: Mapping[str, Any] | None = None,
    match_conditions: Mapping[str, str] | None = None,
) -> AdmissionHook[T]:
    """A webhook that lets writes of a kind through or refuses them.

    Used as a decorator it gets the function that decides. As it is, `validating(Database)`, it is what the
    Pydantic model itself says, validators in Python included; objects that are being deleted are let
    through, so that none is kept by what it says.

    Args:
        kind: what `request.object` is.
        operations: what it is asked about.
        resource: the kind whose resource is written to, where that is another: `validating(Scale,
            resource=Deployment, subresource="scale")`.
        subresource: such as `status`; `*` for all of them and the object.
        path: where it is asked; by default `/validate-<group>-<version>-<kind>`, as in controller-runtime.
        name: in the webhook configuration; by default from function, resource and group.
        failure_policy, timeout_seconds, side_effects, match_policy: as `AdmissionHook` has them.
        namespace_selector, object_selector, match_conditions: as `AdmissionHook` has them.

    Raises:
        ConfigurationError: something of it cannot be.
    """
    return _hook(
        "validating",
        kind,
        operations=tuple(operations),
        of=resource,
        subresource=subresource,
        path=path,
        name=name,
        failure_policy=failure_policy,
        timeout_seconds=timeout_seconds,
        side_effects=side_effects,
        match_policy=match_policy,
        namespace_selector=namespace_selector,
        object_selector=object_selector,
        match_conditions=dict(match_conditions or {}),
    )


def mutating(
    kind: type[T] | Any,
    *,
    operations: Sequence[Operation] = ("CREATE", "UPDATE"),
    resource: Any = None,
    subresource: str = "",
    path: str = "",
    name: str = "",
    failure_policy: Literal["Fail", "Ignore"] = "Fail",
    timeout_seconds: int = 10,
    side_effects: Literal["None", "NoneOnDryRun"] = "None",
    match_policy: Literal["Equivalent", "Exact"] = "Equivalent",
    namespace_selector: Mapping[str, Any] | None = None,
    object_selector: Mapping[str, Any] | None = None,
    match_conditions: Mapping[str, str] | None = None,
    reinvocation: bool = False,
) -> AdmissionHook[T]:
    """A webhook that may change what is written before it is stored.

    Used as a decorator it gets the function, which changes `request.object` in place or returns another
    object; the difference is sent as a JSON patch, in which nothing that the type does not know is lost. As
    it is, `mutating(Database)`, it fills in the defaults of the Pydantic model, those of factories included.

    Args:
        reinvocation: ask again when other webhooks changed the object afterwards.
        kind, operations, resource, subresource, path, name: as `validating` has them; the path begins with
            `/mutate-`.
        failure_policy, timeout_seconds, side_effects, match_policy: as `AdmissionHook` has them.
        namespace_selector, object_selector, match_conditions: as `AdmissionHook` has them.

    Raises:
        ConfigurationError: something of it cannot be.
    """
    return _hook(
        "mutating",
        kind,
        operations=tuple(operations),
        of=resource,
        subresource=subresource,
        path=path,
        name=name,
        failure_policy=failure_policy,
        timeout_seconds=timeout_seconds,
        side_effects=side_effects,
        match_policy=match_policy,
        namespace_selector=namespace_selector,
        object_selector=object_selector,
        match_conditions=dict(match_conditions or {}),
        reinvocation=reinvocation,
    )


def _hook(
    what: Literal["validating", "mutating"], kind: Any, *, of: Any, **options: Any
) -> AdmissionHook[Any]:
    codec_for(kind)
    seen = resource_type_of(kind)
    resource = seen if of is None else resource_type_of(of)
    verb = "validate" if what == "validating" else "mutate"
    operations: tuple[str, ...] = options["operations"]
    if not operations or not set(operations) <= set(OPERATIONS):
        raise ConfigurationError(
            f"{what}({seen.kind}): operations are some of {', '.join(OPERATIONS)}, got {operations!r}"
        )
    if not 1 <= options["timeout_seconds"] <= 30:
        raise ConfigurationError(f"{what}({seen.kind}): a server waits 1 to 30 seconds (timeout_seconds)")
    path: str = options.pop("path")
    if not path:
        path = f"/{verb}-{seen.group.replace('.', '-')}-{seen.version}-{seen.kind.lower()}"
    given: str = options.pop("name")
    if given and given.count(".") < 2:
        raise ConfigurationError(f"the name {given!r} of a webhook needs three parts: what.example.com")
    subresource = f"-{options['subresource']}" if options["subresource"] not in ("", "*") else ""
    name = given or f"{verb}-{resource.plural}{subresource}.{resource.group or 'core.k8s.io'}"
    return AdmissionHook(
        what=what, kind=kind, path=path, name=name, resource=resource, _named=bool(given), **options
    )
