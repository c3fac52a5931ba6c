"""What the handlers ask of the parts around them, and what these may ask back.

The handlers know no kind. For each request they find a `Resource` (`resources.py`), which names
the schema, strategy and subresources of its kind, and lead the object through them:

    create   schema.check → schema.default → strategy.default → field_manager.update → admission.admit
             → strategy.prepare_for_create → metadata checks → schema.validate + strategy.validate_create
             → admission.validate → strategy.before_commit → storage
    update   the same with `…_update`, inside a loop that starts anew when the object changed meanwhile
    patch    patcher makes the new object out of the current one, then as update (or create, for apply)

Where the handlers find the parts:

    apiserver.schemas          BuiltinSchemas() -> SchemaSource
    apiserver.patching         Patcher(field_manager) -> Patcher
    apiserver.managedfields    FieldManager(find) -> FieldManager
    apiserver.admission        default_plugins() -> tuple[AdmissionPlugin, ...]
    apiserver.tables           TableRenderer() -> TableRenderer
    apiserver.strategies       strategy_for(ResourceType) -> Strategy,
                               subresources_for(ResourceType) -> tuple[Subresource, ...],
                               action_for(ResourceType) -> Action | None  (reviews),
                               conversion_for(ResourceType) -> Conversion | None
    apiserver.customresources  custom_resources(crd) -> tuple[Resource, ...]  (served versions, preferred
                               first; empty until Established); the definition's own rules are the
                               strategy of customresourcedefinitions, its status conditions are computed by
                               establish(crd, others) -> crd, called by the handlers after each change

Objects are plain JSON dictionaries here, private to the request: the parts change them in place.
Everything is called on the event loop; what is not `async` must not block.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, Protocol

from reconcile.apiserver.field_errors import FieldError
from reconcile.objects.identity import GroupVersionKind
from reconcile.runtime import Runtime

if TYPE_CHECKING:
    from reconcile.apiserver.access.attributes import Authorizer
    from reconcile.apiserver.access.authentication import Authentication
    from reconcile.apiserver.access.service_account_tokens import ServiceAccountTokens
    from reconcile.apiserver.resources import Resource

JSONObject = dict[str, Any]
FieldValidation = Literal["Strict", "Warn", "Ignore"]
Operation = Literal["CREATE", "UPDATE", "DELETE", "CONNECT"]


@dataclass(frozen=True, slots=True)
class User:
    """Who asks.

    Attributes:
        name: user name, such as `system:serviceaccount:default:default`.
        groups: group names.
        uid: unique id; may be empty.
        extra: more, as authenticators give it.
    """

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])


ADMIN = User("kubernetes-admin", ("system:masters", "system:authenticated"))
LOOPBACK = User("system:apiserver", ("system:masters", "system:authenticated"))


@dataclass(slots=True)
class RequestContext:
    """One request, as its object's way through the parts sees it.

    Attributes:
        user: who asks.
        verb: `create`, `update`, `patch`, `delete`, `deletecollection`, `get`, `list`, `watch`.
        resource: the resource asked for, in the version asked for.
        subresource: `status`, `scale`, …; empty for the object itself.
        namespace: from the path; empty for cluster-scoped resources and for all namespaces.
        name: from the path; empty for collections.
        now: the wall-clock time of the request, whole seconds used for timestamps.
        access: the server's objects and its runtime.
        dry_run: nothing is stored.
        field_manager: given name, or the one made from the User-Agent.
        field_validation: what happens on unknown and repeated fields.
        force: server-side apply takes fields from other managers.
        options: the request's CreateOptions, UpdateOptions, PatchOptions or DeleteOptions as given, without
            kind and apiVersion.
        warnings: texts for `Warning` headers; the parts append.
    """

    user: User
    verb: str
    resource: Resource
    subresource: str
    namespace: str
    name: str
    now: datetime
    access: Access
    dry_run: bool = False
    field_manager: str = ""
    field_validation: FieldValidation = "Warn"
    force: bool = False
    options: JSONObject = field(default_factory=dict[str, Any])
    warnings: list[str] = field(default_factory=list[str])

    @property
    def timestamp(self) -> str:
        """`now` as metadata carries it: RFC 3339 in whole seconds."""
        return f"{self.now.isoformat()[:19]}Z"

    @property
    def authorizer(self) -> Authorizer | None:
        """Who decides what `user` may do; None: everybody may do everything."""
        return self.access.authorizer


class Access(Protocol):
    """The server's own objects, for parts that must look at or change others than the request's.

    Objects are given out as private copies, in the stored version. A `group_resource` is
    `pods` or `deployments.apps`. Reads see the latest revision. Writes skip admission,
    and run the strategy.
    """

    @property
    def runtime(self) -> Runtime: ...

    @property
    def authorizer(self) -> Authorizer | None:
        """Who decides what users may do; None: everybody may do everything."""
        ...

    @property
    def authentication(self) -> Authentication:
        """Knows whose token or certificate something is."""
        ...

    @property
    def tokens(self) -> ServiceAccountTokens:
        """Signs and checks the tokens of service accounts."""
        ...

    @property
    def service_ranges(self) -> tuple[str, ...]:
        """The networks that services have addresses from, while there is no ServiceCIDR."""
        ...

    def read(self, group_resource: str, namespace: str, name: str) -> JSONObject | None:
        """The object, or None."""
        ...

    def read_all(self, group_resource: str, namespace: str = "") -> list[JSONObject]:
        """Every object of a namespace or, when empty, of all, in key order. Unknown resource: none."""
        ...

    def exists(self, group_resource: str, namespace: str, name: str) -> bool: ...

    def fields(self, group_resource: str, namespace: str, name: str) -> Mapping[str, str] | None:
        """What field selectors see of the object, without decoding it; None when it does not exist."""
        ...

    async def create(
        self, group_resource: str, obj: JSONObject, *, manager: str = "kube-apiserver"
    ) -> JSONObject:
        """Create the object, for a field manager."""
        ...

    def create_now(self, group_resource: str, obj: JSONObject) -> None:
        """Store an object that is whole as it is, in this very step, without any rule being asked.

        For `Strategy.before_commit`: what must be there when the object of the request is. Raises
        StorageConflictError when there is one of that name.
        """
        ...

    async def update(
        self,
        group_resource: str,
        namespace: str,
        name: str,
        change: Callable[[JSONObject], JSONObject | None],
        *,
        subresource: str = "",
        dry_run: bool = False,
        manager: str = "kube-apiserver",
    ) -> JSONObject:
        """Read, change and write, anew when the object changed between, for a field manager.

        `change` gets a private copy and returns the new object, or None to leave it as it is.
        Raises StatusError: 404, or what `change` and validation raise.
        """
        ...

    async def apply(
        self,
        group_resource: str,
        namespace: str,
        name: str,
        applied: JSONObject,
        *,
        manager: str,
        subresource: str = "",
    ) -> JSONObject:
        """Server-side apply for a field manager, which wins conflicts; `applied` without kind and metadata.

        Raises StatusError: 404, or what validation raises.
        """
        ...

    async def delete(
        self,
        group_resource: str,
        namespace: str,
        name: str,
        options: JSONObject | None = None,
        *,
        user: User | None = None,
        collection: bool = False,
    ) -> None:
        """Delete with the given DeleteOptions (body form), with grace and finalizers as a client's.

        For a `user` admission is asked, as for a client's. `collection`: as one of many that are deleted at
        once.
        """
        ...

    def resource_for(self, group_resource: str) -> Resource | None:
        """The resource in its preferred version, or None."""
        ...

    def resource_for_kind(self, api_version: str, kind: str) -> Resource | None: ...


class Strategy:
    """The rules of one kind beyond its schema. The defaults are those of a kind without any rule.

    The handlers themselves do what holds for every kind: names and generateName, uid, creationTimestamp,
    resourceVersion rules, ObjectMeta validation, metadata immutability, finalizers and graceful deletion,
    managedFields. A strategy never touches these, but owns `generation`:
    `prepare_for_create` sets it to 1 where the kind has one, `prepare_for_update` adds 1.

    Attributes:
        allow_create_on_update: PUT of an object that does not exist creates it.
        allow_unconditional_update: an update may leave out resourceVersion.
        selectable: field selectors beside `selectable_names`.
        selectable_names: field selectors of metadata.
        unknown_field: what is said to a field selector of another field, `{field}` standing for it; empty:
            what most kinds say.
        validates_meta: metadata is checked with the rest; otherwise when nothing else is wrong.
        name_rule: how `metadata.name` is checked: `subdomain`, `label` (DNS-1123), `label1035` (DNS-1035),
            or `path_segment`; `generated_name` kinds override `validate_name`.
        unchecked: an update under these rules is not even asked for valid metadata.
        releases: `after_commit` is called.
    """

    allow_create_on_update: bool = False
    allow_unconditional_update: bool = True
    selectable: tuple[str, ...] = ()
    selectable_names: tuple[str, ...] = ("metadata.name", "metadata.namespace")
    unknown_field: str = ""
    validates_meta: bool = True
    name_rule: Literal["subdomain", "label", "label1035", "path_segment"] = "subdomain"
    unchecked: bool = False
    releases: bool = False

    def default(self, obj: JSONObject, context: RequestContext) -> None:
        """Set the defaults that the schema cannot say. Also called on objects made by patches."""

    def prepare_for_create(self, obj: JSONObject, context: RequestContext) -> None:
        """Drop what a client may not set (status, …) and set what the server sets."""

    def validate_create(self, obj: JSONObject, context: RequestContext) -> list[FieldError]:
        return []

    def prepare_for_update(self, new: JSONObject, old: JSONObject, context: RequestContext) -> None:
        """Put back what an update of the object itself may not change (status, …); raise generation."""

    def validate_update(self, new: JSONObject, old: JSONObject, context: RequestContext) -> list[FieldError]:
        return []

    def validate_name(self, name: str, *, prefix: bool) -> list[str] | None:
        """Messages on what is wrong with a name (or a generateName prefix); None to go by `name_rule`."""
        return None

    def before_commit(self, new: JSONObject | None, old: JSONObject | None, context: RequestContext) -> None:
        """Directly before the write, nothing can happen in between: allocate or release what is unique.

        `new` is None on deletion, `old` on creation. May change `new`, or raise StatusError.
        Called on dry runs too.
        """

    async def after_commit(
        self, new: JSONObject | None, old: JSONObject | None, context: RequestContext
    ) -> None:
        """Directly after the write: give back what the object has no more. Not called on dry runs."""

    def grace_period(self, obj: JSONObject, options: JSONObject, context: RequestContext) -> int | None:
        """Seconds a deleted object stays with its deletionTimestamp; None: it goes at once.

        `options` is the DeleteOptions of the request; `gracePeriodSeconds` there may be missing.
        """
        return None

    def begin_deletion(self, obj: JSONObject, context: RequestContext) -> bool:
        """Deletion of an object begins or is asked for again; may change it (phase, conditions, finalizers).

        True: the object stays for now, with its deletionTimestamp, although it may have no finalizers
        (a namespace whose `spec.finalizers` are not empty).
        """
        return False

    def field_values(self, obj: JSONObject) -> Mapping[str, str]:
        """The value of each of `selectable`."""
        return {}

    def default_propagation(self, obj: JSONObject) -> Literal["Background", "Orphan", "Unsupported"]:
        """What a deletion without propagationPolicy does with dependents; `Unsupported`: no policy counts."""
        return "Background"

    def warnings(self, new: JSONObject, old: JSONObject | None, context: RequestContext) -> list[str]:
        """Texts for Warning headers about this object."""
        return []

    def warn_of_deletion(self, context: RequestContext) -> None:
        """Warn of what a deletion, or one of a collection, will do; `context.options` are its options."""


@dataclass(frozen=True, slots=True)
class Subresource:
    """A path below an object. One of the three classes below says how it works.

    Attributes:
        name: such as `status`; may contain a slash (`proxy/…` is not served).
        gvk: kind of its body; None: that of the parent.
        verbs: verbs that discovery shows: `get`, `update`, `patch`, `create`.
    """

    name: str
    verbs: tuple[str, ...] = ("get", "patch", "update")
    gvk: GroupVersionKind | None = None


@dataclass(frozen=True, slots=True)
class ObjectSubresource(Subresource):
    """The body is the whole object, under other rules (status, finalize, approval, resize, …).

    Attributes:
        rules: `prepare_for_update` and `validate_update` are used.
    """

    rules: Strategy = field(default_factory=Strategy)


class Projection(Protocol):
    """A view of an object that can be written back, such as its scale."""

    @property
    def managed_path(self) -> tuple[str, ...]:
        """Where the object has what the view writes, as managed fields name it: `f:spec`, `f:replicas`."""
        ...

    def read(self, obj: JSONObject, context: RequestContext) -> JSONObject: ...

    def write(self, obj: JSONObject, body: JSONObject, context: RequestContext) -> None:
        """Carry a changed view (after `validate`) into the object."""
        ...

    def validate(self, body: JSONObject, context: RequestContext) -> list[FieldError]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectedSubresource(Subresource):
    projection: Projection


class Action(Protocol):
    """What a POST to a subresource does (binding, eviction, token)."""

    async def __call__(self, body: JSONObject, context: RequestContext) -> JSONObject:
        """Carry it out through `context.access`; returns the response body.

        `body` has passed its schema's check, default and validation. A returned object of kind Status
        sets the answer's code, other objects answer with 201.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionSubresource(Subresource):
    action: Action
    # The action itself looks at the name in the body.
    name_checked: bool = False


class ObjectSchema(Protocol):
    """The schema of one kind in one version."""

    def check(self, obj: JSONObject, context: RequestContext) -> list[str]:
        """Check a decoded body's types and remove unknown fields (built-in: always; custom: pruning).

        Returns the strict-decoding findings, worded `unknown field "spec.foo"`; the handler turns them
        into an error or warnings by fieldValidation. Raises StatusError 400 where a value cannot
        be decoded at all (built-in kinds).
        """
        ...

    def default(self, obj: JSONObject) -> None: ...

    def settle(self, obj: JSONObject) -> None:
        """Bring a checked object into the form in which it comes out of the storage."""
        ...

    def validate(self, new: JSONObject, old: JSONObject | None, context: RequestContext) -> list[FieldError]:
        """Structural validation (custom resources: with ratcheting and CEL); `old` is None on creation."""
        ...

    @property
    def patch_schema(self) -> Any | None:
        """`objects.patches.strategic.PatchSchema` of the kind, or None where strategic merge is refused."""
        ...


class SchemaSource(Protocol):
    """The built-in kinds' schemas (`apiserver.schemas.BuiltinSchemas()`), read lazily from one data file."""

    def schema_for(self, gvk: GroupVersionKind) -> ObjectSchema | None: ...

    def openapi_v2(self) -> bytes:
        """The whole swagger document of the built-in kinds as JSON."""
        ...

    def openapi_v3_groups(self) -> tuple[str, ...]:
        """Group version paths: `api/v1`, `apis/apps/v1`, …, `version`."""
        ...

    def openapi_v3(self, path: str) -> bytes:
        """The OpenAPI v3 document of one group version as JSON."""
        ...


class Patcher(Protocol):
    """Content type and patch body → new object (`apiserver.patching.Patcher(field_manager)`)."""

    @property
    def content_types(self) -> tuple[str, ...]:
        """The accepted content types, in the order in which the 415 message lists them."""
        ...

    async def patch(
        self, content_type: str, body: bytes, current: JSONObject | None, context: RequestContext
    ) -> JSONObject:
        """The patched object (a new one; `current` is left as it is), managedFields included for apply.

        `current` is None only for apply of an object that does not exist. The handler then runs
        schema check and default on the result (a patcher that already did returns the same findings
        through `context.warnings` only, never twice). Raises StatusError.
        """
        ...


class FieldManager(Protocol):
    """managedFields (`apiserver.managedfields.FieldManager(find)`)."""

    async def update(self, new: JSONObject, live: JSONObject | None, context: RequestContext) -> None:
        """Set `new["metadata"]["managedFields"]` after a create, update or non-apply patch.

        `live` is None on creation. The manager is `context.field_manager`. Also drops broken
        managedFields given by clients, honours an emptied list (reset), and keeps the timestamp of
        an entry that does not change. Called before admission and before `prepare_for_…`, as the
        real server does, so the fields which these reset (status in the object itself, all but
        status in the status subresource) must be left out here.
        """
        ...

    async def apply(
        self, applied: JSONObject, live: JSONObject | None, context: RequestContext
    ) -> JSONObject:
        """Server-side apply: the merged object. Raises the 409 of conflicts unless `context.force`."""
        ...


@dataclass(slots=True)
class Reinvocation:
    """Whether the mutating pass runs a second time, and what plugins remember between the two.

    Attributes:
        wanted: a policy or webhook changed the object and others want to see it again.
        running: this is the second time.
        memory: what a plugin keeps from the first time, by plugin name.
    """

    wanted: bool = False
    running: bool = False
    memory: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(slots=True)
class AdmissionAttributes:
    """What is about to happen.

    Attributes:
        operation: the operation.
        resource: the resource; `subresource` empty for the object itself.
        namespace: of the object; empty for cluster-scoped, but a namespace's own name for the namespace.
        name: of the object; empty while a name is still to be generated, and in deletecollection.
        object: the new object; None on deletion; the options (PodExecOptions, …) on CONNECT. For scale,
            binding and the like it is of the subresource's kind. Mutating plugins change it in place.
        old_object: the object as stored, not to be changed; None on creation.
        context: the request: `user`, `warnings`, `access` (other objects), `now`.
        kind: kind of `object`.
        reinvocation: state of the mutating pass.
    """

    operation: Operation
    resource: Resource
    subresource: str
    namespace: str
    name: str
    object: JSONObject | None
    old_object: JSONObject | None
    context: RequestContext
    kind: GroupVersionKind
    reinvocation: Reinvocation = field(default_factory=Reinvocation)

    @property
    def user(self) -> User:
        return self.context.user

    @property
    def dry_run(self) -> bool:
        return self.context.dry_run

    @property
    def options(self) -> JSONObject | None:
        """CreateOptions, UpdateOptions or DeleteOptions, as webhooks see them; None on CONNECT."""
        if self.operation == "CONNECT":
            return None
        kind = f"{self.operation.capitalize()}Options"
        return {**self.context.options, "kind": kind, "apiVersion": "meta.k8s.io/v1"}


class AdmissionPlugin:
    """One step of the admission chain. Plugins run in order: all `admit`, and later all `validate`.

    The order is that of `apiserver.admission.chain.ORDER`, by `name`. The mutating pass may run twice for one
    request (webhooks with reinvocation), so `admit` must not mind what it did itself.

    Attributes:
        name: as kube-apiserver names the plugin.
        active: False while there is nothing to do for any request (no webhooks configured): not called then.
    """

    name: str = ""
    active: bool = True

    def handles(self, operation: Operation, resource: Resource, subresource: str) -> bool:
        """Whether the plugin is interested; asked once per combination and remembered."""
        return True

    async def admit(self, attributes: AdmissionAttributes) -> None:
        """Change the object, or raise StatusError."""

    async def validate(self, attributes: AdmissionAttributes) -> None:
        """Raise StatusError to refuse."""


class TableRenderer(Protocol):
    """kubectl's server-side printing (`apiserver.tables.TableRenderer()`)."""

    def columns(self, resource: Resource) -> list[JSONObject]:
        """`columnDefinitions` of a Table of this resource."""
        ...

    def cells(self, resource: Resource, obj: JSONObject, now: datetime) -> list[Any]:
        """The cells of one object's row."""
        ...


class Conversion(Protocol):
    """Between the versions of a resource. A resource with one version, or only equal ones, has none."""

    async def convert(self, objects: list[JSONObject], api_version: str) -> list[JSONObject]:
        """The objects in the version `api_version` (group/version); may change them in place."""
        ...


class CustomConversion(Conversion, Protocol):
    """Between the versions of a custom kind, whose definition may change. Every custom kind has one.

    Attributes:
        outside: a program outside is asked, which may say something else next time.
    """

    outside: bool

    async def rewrite(self, objects: list[JSONObject], api_version: str) -> list[JSONObject]:
        """The objects as the conversion writes them: what the version's schema does not know is kept."""
        ...

    def refresh(self, obj: JSONObject) -> None:
        """Have an object fit the present schema of its version, with its defaults, as upstream reads it."""
        ...
