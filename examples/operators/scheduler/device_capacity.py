"""How much of a device a request takes, of devices that several requests can share."""

from __future__ import annotations

from collections.abc import Mapping

from reconcile import Amount
from reconcile.api.resource.v1 import CapacityRequestPolicy, CapacityRequirements, DeviceCapacity
from reconcile.objects.quantities import Format

Taken = dict[str, Amount]
"""By the name of the capacity."""


def fits(
    wanted: CapacityRequirements | None, capacity: Mapping[str, DeviceCapacity], *taken: Mapping[str, Amount]
) -> bool:
    """Whether a device with some of its capacity taken has what is wanted."""
    if wanted is not None and not wanted.requests.keys() <= capacity.keys():
        return False
    for name, offered in capacity.items():
        consumed = _consumed(wanted, name, offered)
        if _violates(consumed, offered.request_policy):
            return False
        for already in taken:
            if name in already:
                consumed += already[name]
        if consumed > Amount.parse(offered.value):
            return False
    return True


def consumed_by(wanted: CapacityRequirements | None, capacity: Mapping[str, DeviceCapacity]) -> Taken:
    return {name: _consumed(wanted, name, offered) for name, offered in capacity.items()}


def _consumed(wanted: CapacityRequirements | None, name: str, offered: DeviceCapacity) -> Amount:
    """What is wanted, rounded up to what the device can give; without a word, its default or all of it."""
    policy = offered.request_policy
    if wanted is None or name not in wanted.requests:
        default = policy.default if policy is not None else None
        return Amount.parse(offered.value if default is None else default)
    amount = Amount.parse(wanted.requests[name])
    if policy is not None and policy.valid_range is not None:
        least = Amount.parse(policy.valid_range.min)
        if amount < least:
            return least
        if policy.valid_range.step is None:
            return amount
        step = Amount.parse(policy.valid_range.step).value
        steps = -(-(amount.value - least.value) // step)
        return Amount.of(least.value + step * steps, Format.BINARY)
    if policy is not None and policy.valid_values:
        valid = (Amount.parse(value) for value in policy.valid_values)
        return next((value for value in valid if amount <= value), amount)
    return amount


def _violates(amount: Amount, policy: CapacityRequestPolicy | None) -> bool:
    if policy is None:
        return False
    if policy.default is not None:
        default = Amount.parse(policy.default)
        if (default, default.format) == (amount, amount.format):
            return False
    if policy.valid_range is not None:
        span = policy.valid_range
        if span.max is not None and amount > Amount.parse(span.max):
            return True
        if span.step is None:
            return False
        added, step = amount.value - Amount.parse(span.min).value, Amount.parse(span.step).value
        return added % step != 0
    if policy.valid_values:
        return all(Amount.parse(value) != amount for value in policy.valid_values)
    return False
