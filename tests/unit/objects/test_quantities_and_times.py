"""Quantities and times read and write as apimachinery's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.objects.quantities import Amount, InvalidQuantityError, canonical
from reconcile.objects.times import (
    format_duration,
    format_micro_time,
    format_time,
    parse_duration,
    parse_time,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", "0"),
        ("0Ki", "0"),
        ("1000m", "1"),
        ("100m", "100m"),
        ("0.5", "500m"),
        ("1.5", "1500m"),
        (".5Gi", "512Mi"),
        ("1024Mi", "1Gi"),
        ("1500Mi", "1500Mi"),
        ("1023", "1023"),
        ("1023Ki", "1023Ki"),
        ("0.5Ki", "512"),
        ("1000k", "1M"),
        ("1E", "1E"),
        ("12e6", "12e6"),
        ("1e3", "1e3"),
        ("1500e-3", "1500e-3"),
        ("-1.5Gi", "-1536Mi"),
        ("0.0000000001", "1n"),
        ("100000000000Ei", "9223372036854775807"),
        ("1000000000000000000000", "1000E"),
        ("+5", "5"),
    ],
)
def test_canonical_forms(text: str, expected: str) -> None:
    assert canonical(text) == expected


@pytest.mark.parametrize("text", ["", "x", "1x", "1.1.1", "1Kib", "--1", "1 Gi", ".", "m"])
def test_what_is_no_quantity(text: str) -> None:
    with pytest.raises(InvalidQuantityError):
        Amount.parse(text)


def test_computing() -> None:
    total = Amount.parse("1Gi") + Amount.parse("512Mi")
    assert str(total) == "1536Mi"
    assert str(total - Amount.parse("512Mi")) == "1Gi"
    assert str(Amount.parse("100m") * 3) == "300m"
    assert Amount.parse("1000m") == 1 == Amount.parse("1")
    assert hash(Amount.parse("1000m")) == hash(Amount.parse("1"))
    assert Amount.parse("1Ki") > Amount.parse("1k")
    assert Amount.parse("1500m").value == 2
    assert Amount.parse("1.0001").milli_value == 1001
    assert str(Amount.of(0) + Amount.parse("1Mi")) == "1Mi"
    assert Amount.parse(2) == Amount.parse("2")
    assert not Amount.of(0)


@given(
    st.integers(-(10**15), 10**15),
    st.sampled_from(["n", "u", "m", "", "k", "M", "Ki", "Mi", "Gi", "e3", "E-3"]),
)
def test_the_canonical_form_is_the_same_amount(number: int, suffix: str) -> None:
    amount = Amount.parse(f"{number}{suffix}")
    again = Amount.parse(str(amount))
    assert again == amount
    assert str(again) == str(amount)


@given(st.fractions(min_value=-(10**9), max_value=10**9))
def test_rounding_is_away_from_zero(number: Fraction) -> None:
    amount = Amount.of(number)
    assert abs(amount.fraction) >= abs(number)
    assert abs(amount.fraction - number) < Fraction(1, 10**9)


def test_times() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    assert format_time(moment) == "2026-01-02T03:04:05Z"
    assert format_micro_time(moment) == "2026-01-02T03:04:05.678901Z"
    assert parse_time("2026-01-02T03:04:05.678901234Z") == moment
    assert parse_time("2026-01-02T05:04:05.678901+02:00") == moment
    for wrong in ("2026-01-02", "2026-01-02T03:04:05", "x", "2026-13-02T03:04:05Z"):
        with pytest.raises(ValueError):
            parse_time(wrong)
    with pytest.raises(ValueError, match="no zone"):
        format_time(datetime(2026, 1, 1))


@given(st.datetimes(timezones=st.just(UTC)))
def test_micro_times_are_exact(moment: datetime) -> None:
    assert parse_time(format_micro_time(moment)) == moment


@given(st.timedeltas(timedelta(days=-4000), timedelta(days=4000)))
def test_durations_are_exact(span: timedelta) -> None:
    assert parse_duration(format_duration(span)) == span


def test_durations() -> None:
    assert parse_duration("1h15m30.918s") == timedelta(hours=1, minutes=15, seconds=30.918)
    assert format_duration(timedelta(hours=2)) == "2h0m0s"
    for wrong in ("", "1", "1x", "h", "1h 2m", "-"):
        with pytest.raises(ValueError, match="not a duration"):
            parse_duration(wrong)
