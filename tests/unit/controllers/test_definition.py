"""A controller that cannot work says so when it is defined, naming class and attribute."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import pytest
from helpers.managed import PODS, WIDGETS

from reconcile import (
    ConfigurationError,
    ControllerOptions,
    Finalizer,
    Index,
    Manager,
    ObjectReconciler,
    Owns,
    Read,
    Watch,
    controller,
    generation_changed,
    to_self,
)
from reconcile.controllers import define
from reconcile.objects.identity import ResourceType
from reconcile.objects.meta import KubernetesObject

T = TypeVar("T")


class Widget(KubernetesObject):
    __resource_type__ = WIDGETS


class WidgetReconciler(ObjectReconciler[Widget]):
    async def reconcile(self, widget: Widget, /) -> None: ...


def test_kind_and_name_come_from_the_generic_argument() -> None:
    definition = define(WidgetReconciler())
    assert definition.kind is Widget and definition.name == "widget" and definition.takes_object


def test_the_generic_argument_is_found_through_classes_between() -> None:
    class Base(ObjectReconciler[T], Generic[T]):
        async def reconcile(self, obj: T, /) -> None: ...

    class Middle(Base[T]): ...

    class Leaf(Middle[Widget]): ...

    assert define(Leaf()).kind is Widget


def test_owned_kinds_come_first_and_the_builder_adds() -> None:
    class Owning(WidgetReconciler):
        owns = (PODS,)
        watches = (Watch(WIDGETS, to=to_self()),)

    node = ResourceType("", "v1", "Node", "nodes", namespaced=False)
    built = (
        controller(Owning())
        .owns(node, every_owner=True)
        .watches(PODS, to=lambda pod: [])
        .with_predicates(generation_changed)
        .with_options(ControllerOptions(max_concurrent_reconciles=4))
        .named("special")
        .build()
    )
    assert [watch.kind for watch in built.watches] == [PODS, node, WIDGETS, PODS]
    assert all(generation_changed in watch.predicates for watch in built.watches)
    assert built.name == "special" and built.options.max_concurrent_reconciles == 4


def reconciler(**attributes: Any) -> Any:
    async def reconcile(self: Any, obj: Any, /) -> None: ...

    return type("Broken", (ObjectReconciler,), {"kind": WIDGETS, "reconcile": reconcile, **attributes})


def generator(self: Any, obj: Any) -> Any:
    yield obj


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: WidgetReconciler, "is a class: give the manager an instance"),
        (lambda: object(), "is not a reconciler"),
        (reconciler(kind=None), "does not say which kind it reconciles"),
        (reconciler(kind=int), r"Broken\.kind: int is not a kind"),
        (reconciler(reconcile=lambda self: None), r"Broken\.reconcile\(\) must take obj"),
        (reconciler(reconcile=lambda self, obj, more: None), r"Broken\.reconcile\(obj, more\) must take obj"),
        (reconciler(reconcile=generator), "is a generator, so it would never run"),
        (reconciler(reconcile=None), r"Broken\.reconcile is missing"),
        (reconciler(owns=(int,)), r"Broken\.owns: int is not a kind"),
        (reconciler(watches=(PODS,)), r"Broken\.watches: expected Watch\(kind, to=mapper\)"),
        (reconciler(watches=(Watch(int, to_self()),)), r"Broken\.watches: int is not a kind"),
        (reconciler(finalizer="example.com/x"), r"Broken\.finalize is missing.*finalizer = 'example.com/x'"),
        (reconciler(finalize=lambda self, obj: None), "defines finalize\\(\\) but no finalizer"),
        (
            reconciler(finalizer="x", finalize=lambda self, obj: None),
            "finalizer 'x' must have the form <domain>/<name>",
        ),
        (reconciler(finalizers=(Finalizer("a/b", print), Finalizer("a/b", print))), "given twice"),
        (reconciler(on_error=lambda self, obj: None), r"Broken\.on_error\(obj\) must take obj and error"),
    ],
)
def test_what_cannot_work_is_refused_by_name(made: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        define(made())


def test_an_unresolved_type_variable_is_refused() -> None:
    class Open(ObjectReconciler[T]):
        async def reconcile(self, obj: T, /) -> None: ...

    with pytest.raises(ConfigurationError, match="Open"):
        define(Open())


def test_a_forward_reference_is_refused() -> None:
    class Forward(ObjectReconciler["Widget"]):
        async def reconcile(self, obj: Any, /) -> None: ...

    with pytest.raises(ConfigurationError, match="is no kind"):
        define(Forward())


def test_two_controllers_of_one_name_are_refused_in_one_manager_only() -> None:
    manager = Manager(reconcilers=[WidgetReconciler()])
    with pytest.raises(ConfigurationError, match="the name 'widget' is taken"):
        manager.add(WidgetReconciler())
    Manager(reconcilers=[WidgetReconciler()])


def test_owns_says_more_than_a_kind() -> None:
    class Owning(WidgetReconciler):
        owns = (Owns(PODS, every_owner=True, predicates=(generation_changed,)),)

    (watch,) = define(Owning()).watches
    assert watch.predicates == (generation_changed,)


@pytest.mark.parametrize("options", [{"max_concurrent_reconciles": 0}, {"timeout": 0}, {"sync_timeout": -1}])
def test_options_that_cannot_work_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(options))):
        ControllerOptions(**options)


def of_widget(widget: Widget) -> list[str]:
    return ["default/x"]


@pytest.mark.parametrize(
    ("to", "words"),
    [
        ("of_widgets", "names no method of Mapping: did you mean 'of_widget'"),
        ("nothing_like_it", "names no method of Mapping: define it"),
        ("state", "names no method of Mapping"),
        ("of_two", "must take one object of the kind and return keys"),
        ("of_later", "is async: a mapper runs for every event"),
        (7, "neither a mapper nor a function nor the name of a method"),
    ],
)
def test_a_watch_that_names_no_usable_method_says_so(to: Any, words: str) -> None:
    class Mapping(WidgetReconciler):
        watches = (Watch(PODS, to=to),)
        state = "not callable"

        def of_widget(self, widget: Widget) -> list[str]: ...

        def of_two(self, one: Any, two: Any) -> list[str]: ...

        async def of_later(self, one: Any) -> list[str]: ...

    with pytest.raises(ConfigurationError, match=words) as caught:
        define(Mapping())
    assert "Mapping.watches: Watch(Pod, to=" in str(caught.value)


def test_a_function_of_the_class_is_bound_and_any_other_is_left_as_it_is() -> None:
    class Mapping(WidgetReconciler):
        def of_pod(self, pod: Any) -> list[str]:
            return [self.prefix]

        prefix = "default/p"
        watches = (Watch(PODS, to=of_pod), Watch(PODS, to="of_pod"), Watch(PODS, to=of_widget))

    class Derived(Mapping):
        prefix = "default/d"

    bound, named, plain = (watch.to for watch in define(Derived()).watches)
    assert callable(bound) and callable(named)
    assert bound("pod") == named("pod") == ["default/d"] and plain is of_widget


def test_what_is_read_and_indexed_is_checked_and_the_builder_adds() -> None:
    class Reading(WidgetReconciler):
        reads = (PODS,)
        indexes = (Index("spec.color"),)

    by_node = Index("spec.nodeName")
    built = controller(Reading()).reads(PODS, indexes=(by_node,)).indexed_by(Index("spec.size")).build()
    assert built.reads == (Read(PODS), Read(PODS, indexes=(by_node,)))
    assert [index.name for index in built.indexes] == ["spec.color", "spec.size"]

    class Wrong(WidgetReconciler):
        reads = ("pods",)

    with pytest.raises(ConfigurationError, match=r"Wrong\.reads"):
        define(Wrong())
    with pytest.raises(ConfigurationError, match=r"WidgetReconciler\.indexes: expected an Index"):
        controller(WidgetReconciler()).indexed_by("spec.color").build()  # type: ignore[arg-type]
