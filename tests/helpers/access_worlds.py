"""Drawn roles, bindings and questions: who may do what, and what of it they may grant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from helpers.access_builders import GROUP, REVIEWS, account, binding, group, review, role, user
from helpers.access_servers import RBAC, SAR, SETTLE, acting
from helpers.differential import Ask, delete, post
from hypothesis import strategies as st

PLACES: Final = ("drawn-one", "drawn-two")
LABEL: Final = "drawn"
_VERBS: Final = ("get", "list", "create", "*", "bind", "escalate")
_GROUPS: Final = ("", "apps", "*", GROUP)
_RESOURCES: Final = (
    "pods", "pods/log", "*/log", "*", "deployments", "deployments/scale", "*/scale", "roles", "clusterroles",
)  # fmt: skip
_NAMES: Final = ("one", "two", "role-0", "role-1")
_PATHS: Final = ("/a", "/a/*", "*", "/b*", "/a/b", "/")
_USERS: Final = ("ursula", "victor")
_TEAMS: Final = ("team-one", "team-two")
_ROLE_NAMES: Final = tuple(f"role-{number}" for number in range(4))

_some = {"min_size": 1, "max_size": 2, "unique": True}


@st.composite
def _resource_rules(draw: st.DrawFn) -> dict[str, Any]:
    made: dict[str, Any] = {
        "verbs": draw(st.lists(st.sampled_from(_VERBS), min_size=1, max_size=3, unique=True)),
        "apiGroups": draw(st.lists(st.sampled_from(_GROUPS), **_some)),
        "resources": draw(st.lists(st.sampled_from(_RESOURCES), **_some)),
    }
    names = draw(st.lists(st.sampled_from(_NAMES), max_size=2, unique=True))
    return {**made, "resourceNames": names} if names else made


_path_rules = st.fixed_dictionaries(
    {
        "verbs": st.lists(st.sampled_from(("get", "post", "*")), **_some),
        "nonResourceURLs": st.lists(st.sampled_from(_PATHS), **_some),
    }
)
_places = st.sampled_from(("", *PLACES))


@st.composite
def _subjects(draw: st.DrawFn, place: str) -> dict[str, str]:
    sort = draw(st.sampled_from(("user", "group", "account")))
    if sort == "user":
        return user(draw(st.sampled_from(_USERS)))
    if sort == "group":
        return group(draw(st.sampled_from((*_TEAMS, f"system:serviceaccounts:{PLACES[0]}"))))
    where = draw(st.sampled_from(PLACES if not place else ("", *PLACES)))
    return account("robot", where)


def _collection(place: str, plural: str) -> str:
    return f"{RBAC}/namespaces/{place}/{plural}" if place else f"{RBAC}/cluster{plural}"


@st.composite
def _roles(draw: st.DrawFn, name: str) -> tuple[str, dict[str, Any]]:
    place = draw(_places)
    rules = st.one_of(_resource_rules(), _path_rules) if not place else _resource_rules()
    return place, role(name, *draw(st.lists(rules, min_size=1, max_size=3)))


@st.composite
def _bindings(draw: st.DrawFn, name: str) -> tuple[str, dict[str, Any]]:
    place = draw(_places)
    kind = draw(st.sampled_from(("Role", "ClusterRole"))) if place else "ClusterRole"
    subjects = draw(st.lists(_subjects(place), min_size=1, max_size=2))
    return place, binding(name, kind, draw(st.sampled_from(_ROLE_NAMES)), *subjects)


@st.composite
def _askers(draw: st.DrawFn) -> tuple[str, tuple[str, ...]]:
    if draw(st.booleans()):
        place = draw(st.sampled_from(PLACES))
        accounts = ("system:serviceaccounts", f"system:serviceaccounts:{place}")
        return f"system:serviceaccount:{place}:robot", accounts
    return draw(st.sampled_from((*_USERS, "nobody"))), tuple(
        draw(st.lists(st.sampled_from(_TEAMS), max_size=2, unique=True))
    )


@st.composite
def _reviews(draw: st.DrawFn) -> Ask:
    name, groups = draw(_askers())
    if draw(st.integers(0, 4)) == 0:
        verb = draw(st.sampled_from(("get", "post")))
        path = draw(st.sampled_from(("/a", "/a/b/c", "/bc", "/", "/c")))
        return post(SAR, review(name, groups, path=path, verb=verb))
    resource, _, subresource = draw(st.sampled_from((*_RESOURCES, "secrets"))).partition("/")
    wanted = {
        "verb": draw(st.sampled_from((*_VERBS, "delete"))),
        "group": draw(st.sampled_from(_GROUPS)),
        "resource": resource,
        "subresource": subresource,
        "namespace": draw(_places),
        "name": draw(st.sampled_from(("", *_NAMES))),
    }
    return post(SAR, review(name, groups, **{key: value for key, value in wanted.items() if value}))


@st.composite
def _grants(draw: st.DrawFn) -> Ask:
    """A role or binding that one of the users tries to make."""
    name, groups = draw(_askers())
    place, obj = draw(st.one_of(_roles("granted"), _bindings("granted")))
    plural = "roles" if "rules" in obj else "rolebindings"
    asked = post(_collection(place, plural), obj, dryRun="All")
    return acting(asked, ("User", name), *(("Group", each) for each in (*groups, "system:authenticated")))


@dataclass(frozen=True)
class AccessWorld:
    """Attributes: written: roles and bindings; asked: questions about them."""

    written: tuple[Ask, ...]
    asked: tuple[Ask, ...]

    def questions(self) -> list[Ask]:
        """To be put one after the other; what was written is gone at the end."""
        gone = [
            delete(f"{_collection(place, plural)}?labelSelector={LABEL}")
            for place in ("", *PLACES)
            for plural in ("roles", "rolebindings")
        ]
        return [*gone, *self.written, SETTLE, *self.asked, *gone]


def base() -> list[Ask]:
    """Everybody may write roles and bindings, everywhere: what they may put into them is the question."""
    rules = [
        {"verbs": ["create"], "apiGroups": [GROUP], "resources": ["roles", "rolebindings", "clusterroles",
         "clusterrolebindings"]},
    ]  # fmt: skip
    everybody = binding("drawn-base", "ClusterRole", "drawn-base", group("system:authenticated"))
    return [
        *(post("/api/v1/namespaces", {"metadata": {"name": place}}) for place in PLACES),
        post(f"{RBAC}/clusterroles", role("drawn-base", *rules)),
        post(f"{RBAC}/clusterrolebindings", everybody),
    ]


@st.composite
def access_worlds(draw: st.DrawFn, questions: int) -> AccessWorld:
    written: list[Ask] = []
    for name in draw(st.lists(st.sampled_from(_ROLE_NAMES), min_size=1, max_size=4, unique=True)):
        place, obj = draw(_roles(name))
        written.append(post(_collection(place, "roles"), _labelled(obj)))
    for number in range(draw(st.integers(1, 4))):
        place, obj = draw(_bindings(f"binding-{number}"))
        written.append(post(_collection(place, "rolebindings"), _labelled(obj)))
    drawn = st.one_of(_reviews(), _reviews(), _grants())
    asked = draw(st.lists(drawn, min_size=questions, max_size=questions))
    name, groups = draw(_askers())
    rules = post(f"{REVIEWS}/selfsubjectrulesreviews", {"spec": {"namespace": draw(st.sampled_from(PLACES))}})
    rules = acting(rules, ("User", name), *(("Group", each) for each in (*groups, "system:authenticated")))
    return AccessWorld(tuple(written), (*asked, rules))


def _labelled(obj: dict[str, Any]) -> dict[str, Any]:
    return {**obj, "metadata": {**obj["metadata"], "labels": {LABEL: "yes"}}}
