"""Round trips between the versions of a kind, for users' tests.

def test_no_version_loses_what_another_one_says() -> None:
    check_round_trips(DatabaseV1)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from reconcile.objects.codecs import codec_for
from reconcile.objects.conversions import complete_versions, convert
from reconcile.objects.custom import CustomResource
from reconcile.testing.model_strategies import objects_of

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy


def check_round_trips(
    model: type[CustomResource],
    *,
    examples: int = 100,
    overrides: Mapping[Any, SearchStrategy[Any]] | None = None,
    only: Callable[[CustomResource], bool] | None = None,
) -> int:
    """Convert drawn objects from each version to each other and back: they must come back as they went.

    A server converts what it stores to whatever version a client asks for, and back when the client writes:
    what a round trip loses is lost for all.

    Args:
        model: any version of the kind; conversions lead to the others.
        examples: how many objects are drawn for each pair of versions.
        overrides: strategies by type, as `objects_of` takes them.
        only: leaves out objects that are not to be asked, for example those that break a rule in CEL.

    Returns:
        How many objects went there and back.

    Raises:
        AssertionError: one came back otherwise; shows the smallest that was found.
        ConfigurationError: there is only one version, or functions between two of them are missing.
    """
    from hypothesis import HealthCheck, given, settings
    from hypothesis.strategies import data

    versions = complete_versions(model)
    done = 0

    def check(source: type[CustomResource], target: type[CustomResource]) -> None:
        codec: Any = codec_for(source)
        strategy: Any = objects_of(source, overrides=overrides)
        if only is not None:
            strategy = strategy.filter(only)

        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=[
                HealthCheck.too_slow,
                HealthCheck.filter_too_much,
                HealthCheck.data_too_large,
            ],
        )
        @given(data())
        def there_and_back(drawn: Any) -> None:
            nonlocal done
            obj = drawn.draw(strategy, label=source.__name__)
            there = convert(obj, target)
            back = convert(there, source)
            done += 1
            assert codec.to_plain(back) == codec.to_plain(obj), (
                f"{source.__name__} → {target.__name__} → {source.__name__} changed the object:\n"
                f"before: {codec.to_plain(obj)}\nbetween: {codec_for(target).to_plain(there)}\n"
                f"after:  {codec.to_plain(back)}"
            )

        there_and_back()

    for source in versions:
        for target in versions:
            if source is not target:
                check(source, target)
    return done
