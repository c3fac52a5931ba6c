"""Health and readiness checks, with the paths and texts that the API server's own probes have. Pure."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass

Check = Callable[[], Awaitable[None] | None]
"""Returns when all is well and raises when it is not; plain or async, and quick."""


@dataclass(frozen=True, slots=True)
class ProbeAnswer:
    """Status and body of a probe's answer."""

    status: int
    body: str


class Probe:
    """The checks behind `/healthz` or `/readyz`.

    Args:
        name: `healthz` or `readyz`.
        report: called with check and reason for every failure; the answer itself withholds the reason.
    """

    def __init__(self, name: str, report: Callable[[str, str], None]) -> None:
        self.name = name
        self._report = report
        self._checks: dict[str, Check] = {}

    def add(self, name: str, check: Check) -> None:
        """Add a check; one of the same name is replaced."""
        self._checks[name] = check

    async def answer(self, *, verbose: bool = False, exclude: Collection[str] = ()) -> ProbeAnswer:
        """All checks but the excluded ones; the lines are shown when asked for or when one fails."""
        lines: list[str] = []
        failed = False
        for name, check in self._checks.items():
            if name in exclude:
                lines.append(f"[+]{name} excluded: ok")
                continue
            if await self._passes(name, check):
                lines.append(f"[+]{name} ok")
            else:
                failed = True
                lines.append(f"[-]{name} failed: reason withheld")
        unknown = sorted(name for name in exclude if name not in self._checks)
        if unknown:
            quoted = ", ".join(f'"{name}"' for name in unknown)
            lines.append(f"warn: some health checks cannot be excluded: no matches for {quoted}")
        text = "".join(f"{line}\n" for line in lines)
        if failed:
            return ProbeAnswer(500, f"{text}{self.name} check failed\n")
        return ProbeAnswer(200, f"{text}{self.name} check passed\n" if verbose else "ok")

    async def answer_one(self, name: str) -> ProbeAnswer:
        """One check by its name."""
        check = self._checks.get(name)
        if check is None:
            return ProbeAnswer(404, f"no check {name!r}\n")
        if await self._passes(name, check):
            return ProbeAnswer(200, "ok")
        return ProbeAnswer(500, "internal server error: reason withheld\n")

    async def _passes(self, name: str, check: Check) -> bool:
        try:
            outcome = check()
            if inspect.isawaitable(outcome):
                await outcome
        except Exception as error:
            self._report(f"{self.name}/{name}", f"{type(error).__name__}: {error}")
            return False
        return True
