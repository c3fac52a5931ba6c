"""A pod with a chosen node on its way there: reserve, permit, pre_bind, bind, post_bind; or back.

`reserve` and `permit` belong to the decision: they run before the next pod is decided. The rest runs beside
the next decisions. Whatever fails, `unreserve` puts the picture right again, the last plugin first.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

from reconcile import APIError, TransportError

from .filtering import fit_error
from .framework import CycleState, Plugin, PluginError, Plugins, PreFlight, Refusal, Surroundings, Wait
from .pods import PodInfo
from .waiting import WaitingPods

_LONGEST_WAIT = 900.0


class Refused(Exception):
    """A plugin refused the chosen node after all: the pod is unschedulable until something changes."""

    def __init__(self, node: str, refusal: Refusal) -> None:
        super().__init__(fit_error(1, {node: refusal}))
        self.rejected_by = frozenset({refusal.plugin} - {""})


def reserve(plugins: Plugins, state: CycleState, pod: PodInfo, node: str) -> None:
    """Note the decision; raises Refused or PluginError, after which `unreserve` is due."""
    for plugin in plugins.reservers:
        try:
            refusal = plugin.reserve(state, pod, node)
        except Exception as error:  # whatever a plugin fails with
            raise PluginError(f'running Reserve plugin "{plugin.name}": {error}') from error
        if refusal is not None:
            raise Refused(node, refusal)


def unreserve(plugins: Plugins, state: CycleState, pod: PodInfo, node: str) -> None:
    for plugin in plugins.unreservers:
        plugin.unreserve(state, pod, node)


def permit(plugins: Plugins, state: CycleState, pod: PodInfo, node: str) -> dict[str, float]:
    """For how many seconds each plugin lets the pod wait; empty when it can go. Raises as `reserve` does."""
    waits: dict[str, float] = {}
    for plugin in plugins.permitters:
        try:
            answer = plugin.permit(state, pod, node)
        except Exception as error:  # whatever a plugin fails with
            raise PluginError(f'running Permit plugin "{plugin.name}": {error}') from error
        if isinstance(answer, Wait):
            waits[plugin.name] = min(answer.seconds, _LONGEST_WAIT)
        elif answer is not None:
            raise Refused(node, answer)
    return waits


def pre_flights(
    plugins: Plugins, state: CycleState, pod: PodInfo, node: str
) -> list[tuple[Plugin, PreFlight]]:
    """The plugins that have something to do before the pod is bound."""
    found: list[tuple[Plugin, PreFlight]] = []
    for plugin in plugins.pre_binders:
        try:
            flight = plugin.pre_bind_pre_flight(state, pod, node)
        except Exception as error:  # whatever a plugin fails with
            raise PluginError(f'running PreBindPreFlight "{plugin.name}": {error}') from error
        if flight is not None:
            found.append((plugin, flight))
    return found


async def wait_for_permission(waiting: WaitingPods, pod: PodInfo, node: str) -> None:
    refusal = await waiting.wait(pod)
    if refusal is not None:
        raise Refused(node, refusal)


async def pre_bind(
    flights: Sequence[tuple[Plugin, PreFlight]],
    state: CycleState,
    pod: PodInfo,
    node: str,
    around: Surroundings,
) -> None:
    """Run the plugins in their order, neighbours that allow it side by side; the first error ends all.

    What was written is then taken back.
    """
    try:
        await _pre_bind_all(flights, state, pod, node, around)
    except (PluginError, Refused):
        await _take_back([plugin for plugin, _ in flights], state, pod, node, around)
        raise


async def _pre_bind_all(
    flights: Sequence[tuple[Plugin, PreFlight]],
    state: CycleState,
    pod: PodInfo,
    node: str,
    around: Surroundings,
) -> None:
    groups: list[list[Plugin]] = []
    parallel = False
    for plugin, flight in flights:
        if parallel and flight.parallel:
            groups[-1].append(plugin)
        else:
            groups.append([plugin])
        parallel = flight.parallel
    for group in groups:
        tasks = [asyncio.ensure_future(_pre_bind(plugin, state, pod, node, around)) for plugin in group]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _pre_bind(plugin: Plugin, state: CycleState, pod: PodInfo, node: str, around: Surroundings) -> None:
    try:
        refusal = await plugin.pre_bind(state, pod, node, around)
    except Exception as error:  # whatever a plugin fails with
        raise PluginError(f'running PreBind plugin "{plugin.name}": {error}') from error
    if refusal is not None:
        raise Refused(node, refusal)


async def bind(plugins: Plugins, state: CycleState, pod: PodInfo, node: str, around: Surroundings) -> None:
    """Write the decision: the first plugin that binds has done it. After a failure `pre_bind` is undone."""
    try:
        for plugin in plugins.binders:
            if await plugin.bind(state, pod, node, around):
                return
        raise PluginError("no plugin binds pods")
    except Exception:
        await _take_back(plugins.pre_binders, state, pod, node, around)
        raise


async def _take_back(
    plugins: Sequence[Plugin], state: CycleState, pod: PodInfo, node: str, around: Surroundings
) -> None:
    for plugin in reversed(plugins):
        with contextlib.suppress(APIError, TransportError):
            await plugin.take_back(state, pod, node, around)


def post_bind(plugins: Plugins, state: CycleState, pod: PodInfo, node: str) -> None:
    for plugin in plugins.post_binders:
        plugin.post_bind(state, pod, node)
