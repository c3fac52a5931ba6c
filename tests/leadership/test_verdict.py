"""The judge of single-writer can fail: each kind of wrong is found, each lawful story passes."""

from __future__ import annotations

import pytest
from helpers.leadership_verdict import LeaseCommit, ObjectCommit, Rules, Verdict, judge

RULES = Rules(lease_duration=15.0, outlives=15.0, contenders=frozenset(("a", "b", "c")))


def lease(revision: int, holder: str, at: float, writer: str | None = None) -> LeaseCommit:
    return LeaseCommit("lead", revision, holder, holder if writer is None else writer, at, at + 0.01)


def write(revision: int, writer: str, at: float = 0.0) -> ObjectCommit:
    return ObjectCommit("lead", revision, "configmaps web/x", writer, at)


def verdict(*commits: LeaseCommit | ObjectCommit) -> Verdict:
    return judge(
        [each for each in commits if isinstance(each, LeaseCommit)],
        [each for each in commits if isinstance(each, ObjectCommit)],
        RULES,
    )


def test_the_writes_of_each_holder_in_its_term_are_lawful() -> None:
    found = verdict(
        lease(1, "a", 0.0),
        write(2, "a"),
        lease(3, "a", 2.0),
        write(4, "a"),
        lease(5, "b", 17.5),
        write(6, "b"),
    )
    assert found.violations == []
    assert (found.writes, found.changes) == (3, 2)
    (takeover,) = found.takeovers
    assert (takeover.loser, takeover.winner, takeover.seconds) == ("a", "b", pytest.approx(15.5))


def test_a_write_of_the_old_holder_after_the_takeover_is_a_violation() -> None:
    found = verdict(lease(1, "a", 0.0), lease(2, "b", 16.0), write(3, "a", 1.0))
    (violation,) = found.violations
    assert "at 3 by a while b led" in violation
    assert "it led until 2" in violation


def test_a_write_after_ones_own_release_is_a_violation() -> None:
    found = verdict(lease(1, "a", 0.0), lease(2, "", 1.0, writer="a"), write(3, "a", 1.1))
    assert found.releases == 1
    assert len(found.violations) == 1


@pytest.mark.parametrize("writer", ["c", "stranger", ""])
def test_a_write_of_one_who_never_led_is_a_violation(writer: str) -> None:
    assert len(verdict(lease(1, "a", 0.0), write(2, writer)).violations) == 1


def test_a_write_before_any_lease_is_a_violation() -> None:
    assert len(verdict(write(1, "a"), lease(2, "a", 0.0)).violations) == 1


def test_a_takeover_before_the_lease_ran_out_is_a_violation() -> None:
    found = verdict(lease(1, "a", 0.0), lease(2, "a", 10.0), lease(3, "b", 24.0))
    (violation,) = found.violations
    assert "14.000 s after its last renewal" in violation


def test_a_lease_that_was_given_away_may_be_taken_at_once() -> None:
    found = verdict(lease(1, "a", 0.0), lease(2, "", 1.0, writer="a"), lease(3, "b", 1.1), write(4, "b"))
    assert found.violations == []
    assert found.takeovers == []


@pytest.mark.parametrize("taken", ["", "stranger"])
def test_a_holder_that_a_stranger_took_the_lease_from_may_write_until_its_renewal_runs_out(
    taken: str,
) -> None:
    story = (lease(1, "a", 0.0), lease(2, taken, 3.0, writer="admin"), lease(3, "b", 18.1))
    found = verdict(*story, write(4, "a", 14.9))
    assert (found.violations, found.tolerated, found.seized) == ([], 1, 1)
    assert len(verdict(*story, write(4, "a", 15.1)).violations) == 1


def test_a_stranger_that_renews_in_the_holders_name_renews_nothing() -> None:
    found = verdict(lease(1, "a", 0.0), lease(2, "a", 5.0, writer="admin"), lease(3, "b", 15.5))
    assert found.violations == []


def test_one_contender_that_writes_another_into_the_lease_is_a_violation() -> None:
    found = verdict(lease(1, "a", 0.0), lease(2, "c", 16.0, writer="b"))
    assert len(found.violations) == 1


def _announced(revision: int, holder: str, at: float, writer: str) -> LeaseCommit:
    return LeaseCommit("lead-replica-1f", revision, holder, writer, at, at + 0.01)


def test_the_announcement_of_a_replica_that_is_gone_may_be_swept_away_by_another() -> None:
    found = verdict(_announced(1, "a", 0.0, "a"), _announced(2, "", 150.0, "b"))
    assert found.violations == [] and found.takeovers == []


def test_an_announcement_that_has_not_run_out_may_not_and_neither_may_a_lease_that_is_led_by() -> None:
    early = verdict(_announced(1, "a", 0.0, "a"), _announced(2, "", 14.0, "b"))
    assert len(early.violations) == 1
    assert len(verdict(lease(1, "a", 0.0), lease(2, "", 150.0, writer="b")).violations) == 1


def test_each_write_is_judged_by_its_own_lease() -> None:
    other = LeaseCommit("other", 2, "b", "b", 0.0, 0.0)
    found = judge([lease(1, "a", 0.0), other], [ObjectCommit("other", 3, "x", "a", 0.0)], RULES)
    assert len(found.violations) == 1


def test_verdicts_add_up() -> None:
    total = Verdict()
    total.add(verdict(lease(1, "a", 0.0), write(2, "a"), write(3, "b")))
    total.add(verdict(lease(1, "a", 0.0), write(2, "a")))
    assert (total.writes, total.changes, len(total.violations)) == (3, 2, 1)
    assert total.counts().startswith("3 writes, 2 changes")
