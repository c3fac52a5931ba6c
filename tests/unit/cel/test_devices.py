"""Selectors of devices: what they see, and what they say when they can say neither yes nor no."""

from __future__ import annotations

import pytest

from reconcile.cel import CelEvaluationError, CelSyntaxError, CelTypeError, DeviceSelector, Version


def matches(text: str) -> bool:
    attributes = {"cores": 16, "shared": True, "model": "a", "other.com/version": Version("1.2.3")}
    return DeviceSelector(text).matches(driver="gpu.com", attributes=attributes, capacity={"memory": "2Gi"})


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('device.driver == "gpu.com"', True),
        ('device.attributes["gpu.com"].cores > 16', False),
        ('device.attributes["gpu.com"].shared', True),
        ('device.capacity["gpu.com"].memory.isGreaterThan(quantity("1Gi"))', True),
        ('device.attributes["other.com"].version.isLessThan(semver("1.10.0"))', True),
        ('cel.bind(mine, device.attributes["gpu.com"], mine.shared && mine.cores == 16)', True),
        ('"unknown.com" in device.attributes', False),
        ('has(device.attributes["unknown.com"].cores)', False),
    ],
)
def test_a_device_is_seen_by_domain_and_name(text: str, wanted: bool) -> None:
    assert matches(text) is wanted


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('device.attributes["unknown.com"].cores == 1', "no such key: cores"),
        ('device.attributes["gpu.com"].model', "CEL result of type string could not be converted to bool"),
    ],
)
def test_what_a_device_lacks_is_an_error(text: str, said: str) -> None:
    with pytest.raises(CelEvaluationError, match=said):
        matches(text)


def test_a_version_that_is_none_is_an_error() -> None:
    with pytest.raises(CelEvaluationError, match="attribute v: parse semantic version"):
        DeviceSelector("true").matches(driver="x", attributes={"v": Version("1")}, capacity={})


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(CelSyntaxError):
        DeviceSelector("device.driver ==")
    with pytest.raises(CelTypeError, match="undefined field 'unknown'"):
        DeviceSelector("device.unknown")
    with pytest.raises(CelTypeError, match="must evaluate to bool or the unknown type, not string"):
        DeviceSelector("device.driver")
