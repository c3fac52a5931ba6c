"""The embedded server answers as the real one does: the same requests to both, the answers compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from helpers.differential import real_server
from helpers.differential_catalogue import names, questions
from helpers.differential_exceptions import EXCEPTIONS
from helpers.differential_lines import CONVERSED, missing, report
from helpers.differential_run import both, converse, make_namespace

pytestmark = [pytest.mark.controlplane, pytest.mark.real_time]


@pytest.fixture(scope="module")
def met() -> Iterator[Counter[tuple[str, bool]]]:
    """How often each line was met, in good and bad form; printed at the end."""
    counts: Counter[tuple[str, bool]] = Counter()
    yield counts
    print(f"\n{report(counts.elements(), CONVERSED)}")


@pytest.mark.parametrize("name", names())
async def test_both_servers_answer_alike(name: str, control_plane: Any, met: Counter[Any]) -> None:
    real = real_server(control_plane.url, control_plane.admin_certificate, control_plane.admin_key)
    # A namespace of its own for each conversation, of one length, so that sizes agree too.
    namespace = f"differential-{names().index(name):04}"

    def compact() -> None:
        # Its caches would serve for some minutes what etcd has forgotten.
        control_plane.compact_etcd()
        control_plane.restart_apiserver()

    async with both(real, compact) as servers:
        await make_namespace(namespace, servers)
        comparison = await converse(servers, questions(name, namespace))
    met.update(comparison.met)
    assert not comparison.found, "\n".join(comparison.found)


def test_every_line_is_met_in_good_and_bad_form(met: Counter[tuple[str, bool]], request: Any) -> None:
    asked = {item.name for item in request.session.items if item.path == request.path}
    if len(asked) < len(names()):
        pytest.skip("only some of the conversations were run")
    assert not missing(met.elements(), CONVERSED), (
        f"never met: {', '.join(missing(met.elements(), CONVERSED))}"
    )


def test_the_exceptions_are_few_and_have_reasons() -> None:
    assert len(EXCEPTIONS) <= 25
    assert all(len(exception.reason) > 30 for exception in EXCEPTIONS)
