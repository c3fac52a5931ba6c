"""Which writes pass the client's fence, and for how long."""

from __future__ import annotations

import asyncio

import pytest

from reconcile.client.seams import Write, WriteOutcome
from reconcile.controllers.leadership import Term, current_term, led, unled
from reconcile.errors import WriteRefusedError
from reconcile.leaderelection import LeaseGuard
from reconcile.objects.identity import ObjectKey, ResourceType
from reconcile.runtime import SystemRuntime

WRITE = Write("update", ResourceType("apps", "v1", "Deployment", "deployments"), ObjectKey("shop", "web"))


class Lease:
    described = "shop/operator"

    def __init__(self, left: float) -> None:
        self.left = left
        self.now = 100.0

    def seconds_to_write(self) -> float:
        return self.left

    def seconds_held(self) -> float:
        return self.left + 5

    def elapsed(self) -> float:
        return self.now


def test_work_that_needs_no_lead_passes() -> None:
    assert LeaseGuard(Lease(-1)).check(WRITE) is None


def test_work_of_the_term_passes_for_what_is_left_of_the_lease() -> None:
    with led(Term("operator")):
        assert LeaseGuard(Lease(3.0)).check(WRITE) == 8.0


@pytest.mark.parametrize("left", [0.0, -0.001, -60.0])
def test_after_the_deadline_nothing_passes_and_the_elector_is_told(left: float) -> None:
    told: list[str] = []
    guard = LeaseGuard(Lease(left), on_expired=lambda: told.append("told"))
    message = (
        r"update of deployments.apps shop/web refused: the lease was not renewed .* \(Lease shop/operator\)"
    )
    with led(Term("operator")), pytest.raises(WriteRefusedError, match=message):
        guard.check(WRITE)
    assert guard.refused == 1 and told == ["told"]


def test_a_term_that_is_over_or_has_not_begun_writes_nothing_though_the_lease_is_held() -> None:
    guard = LeaseGuard(Lease(9.0))
    for term, message in (
        (Term("a", over=True), "the lead it belongs to is lost"),
        (Term("a", begun=False), "`setup`"),
    ):
        with led(term), pytest.raises(WriteRefusedError, match=message):
            guard.check(WRITE)


def test_terms_go_along_into_tasks_and_threads_and_stay_what_they_were() -> None:
    first, second = Term("operator"), Term("operator")
    guard = LeaseGuard(Lease(9.0))

    async def late() -> float | None:
        await asyncio.sleep(0)
        return guard.check(WRITE)

    async def main() -> None:
        with led(first):
            task = asyncio.create_task(late())
            thread = asyncio.create_task(SystemRuntime().run_in_thread(lambda: current_term(), name="t"))
        first.over = True
        with led(second):
            assert guard.check(WRITE) == 14.0
            with pytest.raises(WriteRefusedError, match="the lead it belongs to is lost"):
                await task
            assert await thread is first
            with unled():
                assert current_term() is None and guard.check(WRITE) is None

    asyncio.run(main())


UNKNOWN = WriteOutcome(error=TimeoutError("no answer"), unknown=True)


def test_a_write_of_unknown_end_is_unsettled_for_as_long_as_it_was_given() -> None:
    lease = Lease(3.0)
    guard = LeaseGuard(lease)
    with led(Term("operator")):
        guard.check(WRITE)
        guard.write_finished(WRITE, UNKNOWN)
    assert guard.unsettled
    lease.now += 8.0
    assert not guard.unsettled


def test_a_lease_that_is_lost_meanwhile_does_not_shorten_that() -> None:
    lease = Lease(3.0)
    guard = LeaseGuard(lease)
    with led(Term("operator")):
        guard.check(WRITE)
        lease.left, lease.now = -5.0, 104.0
        guard.write_finished(WRITE, UNKNOWN)
    assert guard.unsettled


def test_what_needs_no_lead_and_what_is_known_leaves_nothing_unsettled() -> None:
    guard = LeaseGuard(Lease(3.0))
    guard.check(WRITE)
    guard.write_finished(WRITE, UNKNOWN)
    with led(Term("operator")):
        guard.check(WRITE)
        guard.write_finished(WRITE, WriteOutcome(error=None))
    assert not guard.unsettled
