from hypothesis import given
from hypothesis import strategies as st

from reconcile.apiserver.storage import SortedMap

KEYS = st.text("ab/-0", max_size=6)
STEPS = st.lists(st.tuples(st.booleans(), KEYS), max_size=400)


@given(STEPS, KEYS, KEYS)
def test_a_map_equals_a_sorted_dict(steps: list[tuple[bool, str]], start: str, end: str) -> None:
    model: dict[str, int] = {}
    tested: SortedMap[int] = SortedMap()
    for number, (add, key) in enumerate(steps):
        if add:
            model[key] = number
            tested = tested.set(key, number)
        elif key in model:
            del model[key]
            tested = tested.remove(key)
    keys = sorted(model)
    assert len(tested) == len(model)
    assert list(tested.values()) == [model[key] for key in keys]
    assert list(tested.values(start, end)) == [model[key] for key in keys if start <= key < end]
    assert tested.rank(start) == len([key for key in keys if key < start])
    assert all(tested.get(key) == value for key, value in model.items())
    assert tested.get("missing") is None


def test_old_versions_stay_as_they_were() -> None:
    versions: list[SortedMap[int]] = [SortedMap()]
    for number in range(2000):
        versions.append(versions[-1].set(f"{number * 7919 % 2000:05}", number))
    for number in range(2000):
        versions.append(versions[-1].remove(f"{number * 104729 % 2000:05}"))
    assert [len(version) for version in versions] == [*range(2001), *range(1999, -1, -1)]
    assert [len(list(version.values())) for version in versions[::97]] == [
        len(version) for version in versions[::97]
    ]


def test_removing_an_unknown_key_is_an_error() -> None:
    try:
        SortedMap[int]().remove("a")
    except KeyError:
        return
    raise AssertionError
