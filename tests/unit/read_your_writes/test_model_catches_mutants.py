"""The model can fail: each way to build the overlay wrong, that somebody once did or could, is caught.

A mutant is one method of the real code replaced by a wrong one while the model runs. Faults that take an
interleaving too rare for it are caught by name instead: a tombstone that hides whoever bears the name, the
last answer that wins, dry runs that count and lost answers that do not (`tests/unit/informers/overlay`),
echoes told by their version alone (`tests/unit/controllers/test_echoes.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from helpers.overlay_machine import OverlayMachine
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from reconcile.controllers import echoes
from reconcile.controllers.echoes import EchoFilter
from reconcile.informers.overlay import own_writes
from reconcile.informers.overlay.overlay import Overlay
from reconcile.informers.overlay.own_writes import OwnWrites
from reconcile.informers.overlay.reader import OverlayReader
from reconcile.informers.overlay.records import Record
from reconcile.informers.overlay.selection import Selection

Mutant = Callable[[pytest.MonkeyPatch], None]


def never_retire(patch: pytest.MonkeyPatch) -> None:
    """An entry outlives its proof."""
    patch.setattr(Record, "served", lambda self, stored, reached: False)


def retire_with_any_event(patch: pytest.MonkeyPatch) -> None:
    """Whatever the stream brings is taken for the proof of everything."""

    def advanced(self: Overlay, namespace: str | None, version: str, *, relist: bool) -> None:
        self.clear()

    patch.setattr(Overlay, "store_advanced", advanced)


def retire_with_a_relist(patch: pytest.MonkeyPatch) -> None:
    """A list is taken for newer than the writes that were answered while it was on its way."""
    real = Overlay.store_advanced

    def advanced(self: Overlay, namespace: str | None, version: str, *, relist: bool) -> None:
        if relist:
            self.clear()
        real(self, namespace, version, relist=relist)

    patch.setattr(Overlay, "store_advanced", advanced)


def no_tombstones(patch: pytest.MonkeyPatch) -> None:
    """A deletion is seen when its event comes."""
    patch.setattr(Overlay, "bury", lambda self, key, uid, version, **_: None)


def late_answers_are_news(patch: pytest.MonkeyPatch) -> None:
    """JOSDK 2314: an answer is kept though its event has passed."""
    patch.setattr(Overlay, "_add", Overlay._keep)


def ghosts_go_in_silence(patch: pytest.MonkeyPatch) -> None:
    """Who saw an object that came and went unwatched is not told of its end."""
    patch.setattr(OverlayReader, "_unseen", lambda self, obj: None)


def lists_of_the_bare_cache(patch: pytest.MonkeyPatch) -> None:
    """JOSDK 3345."""
    patch.setattr(OverlayReader, "list", lambda self, namespace=None: self._bare.list(namespace))


def indexes_of_the_bare_cache(patch: pytest.MonkeyPatch) -> None:
    """JOSDK 3345 as well."""
    patch.setattr(OverlayReader, "by_index", lambda self, *arguments: self._bare.by_index(*arguments))


def selectors_are_not_asked(patch: pytest.MonkeyPatch) -> None:
    """A write out of the selection is shown in it."""
    patch.setattr(Selection, "has", lambda self, obj: True)


def unselected_writes_are_ignored(patch: pytest.MonkeyPatch) -> None:
    """A write that takes an object out of the selection leaves it there."""
    patch.setattr(Overlay, "hide", lambda self, key, version, **_: None)


def no_barriers(patch: pytest.MonkeyPatch) -> None:
    """Bindings, evictions, scales, deletions of many and lost answers are forgotten."""

    async def settle(self: OwnWrites, *_: Any) -> None:
        return

    patch.setattr(OwnWrites, "settle", settle)


def live_reads_are_thrown_away(patch: pytest.MonkeyPatch) -> None:
    """The server is asked, and the answer is not put in front of the store."""

    async def read(*_: Any) -> None:
        return

    patch.setattr(own_writes, "read_live", read)


def echoes_of_written_objects_are_dropped(patch: pytest.MonkeyPatch) -> None:
    """JOSDK 3398: while own writes are on their way, every event of the object passes for an echo."""
    patch.setattr(EchoFilter, "_judge", lambda self, place, old, new: True)


def own_spec_changes_are_dropped(patch: pytest.MonkeyPatch) -> None:
    """The echo of more than a status is dropped."""
    patch.setattr(echoes, "_differ_in_status_alone", lambda old, new: True)


QUICK: Sequence[Mutant] = (never_retire, retire_with_any_event, no_tombstones, no_barriers)
OTHERS: Sequence[Mutant] = (
    retire_with_a_relist,
    late_answers_are_news,
    ghosts_go_in_silence,
    lists_of_the_bare_cache,
    indexes_of_the_bare_cache,
    selectors_are_not_asked,
    unselected_writes_are_ignored,
    live_reads_are_thrown_away,
    echoes_of_written_objects_are_dropped,
    own_spec_changes_are_dropped,
)


def _assert_caught(mutant: Mutant, monkeypatch: pytest.MonkeyPatch, examples: int) -> None:
    class Machine(OverlayMachine):
        pass

    mutant(monkeypatch)
    with pytest.raises(AssertionError) as caught:
        run_state_machine_as_test(
            Machine,
            settings=settings(
                max_examples=examples,
                stateful_step_count=40,
                deadline=None,
                # That it fails is enough: no smaller example is looked for.
                phases=[Phase.generate],
                report_multiple_bugs=False,
            ),
        )
    found = Machine.counts.get("examples", 0)
    print(f"{mutant.__name__} is caught by example {found}: {str(caught.value).splitlines()[0][:200]}")


@pytest.mark.parametrize("mutant", QUICK, ids=lambda mutant: mutant.__name__)
def test_the_model_catches(mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    _assert_caught(mutant, monkeypatch, 300)


@pytest.mark.nightly
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("mutant", OTHERS, ids=lambda mutant: mutant.__name__)
def test_the_model_catches_at_length(mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    _assert_caught(mutant, monkeypatch, 3000)
