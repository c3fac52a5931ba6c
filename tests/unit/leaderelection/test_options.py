"""What an election may be told."""

from __future__ import annotations

from typing import Any

import pytest

from reconcile.errors import ConfigurationError
from reconcile.leaderelection import LeaseOptions


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": ""}, "cannot name a Lease"),
        ({"name": "Operator"}, "cannot name a Lease"),
        ({"name": "shop/"}, "cannot name a Lease"),
        ({"name": "a/b/c"}, "cannot name a Lease"),
        ({"name": "/operator"}, "cannot be a namespace"),
        ({"name": "operator", "namespace": "Shop"}, "cannot be a namespace"),
        ({"name": "shop/operator", "namespace": "bar"}, "differ"),
        ({"name": "a", "lease_duration": 10.0}, "a leader must stop before others take over"),
        ({"name": "a", "renew_deadline": 2.4}, "must be more than 1.2 × retry_period"),
        ({"name": "a", "retry_period": 0.0}, "retry_period must be more than 0 seconds"),
        ({"name": "a", "lease_duration": -1.0}, "lease_duration must be more than 0 seconds"),
    ],
)
def test_options_that_cannot_work_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        LeaseOptions(**arguments)


def test_the_numbers_are_client_gos() -> None:
    options = LeaseOptions("operator")
    assert (options.lease_duration, options.renew_deadline, options.retry_period) == (15.0, 10.0, 2.0)


def test_a_name_may_say_its_namespace() -> None:
    for options in (LeaseOptions("shop/operator"), LeaseOptions("operator", namespace="shop")):
        assert (options.namespace, options.name) == ("shop", "operator")
    assert LeaseOptions("shop/operator", namespace="shop").namespace == "shop"
