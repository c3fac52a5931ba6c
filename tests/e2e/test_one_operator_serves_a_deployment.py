"""The smallest kind cluster in which an operator does something; the rest of this folder is nightly."""

from __future__ import annotations

import pytest
from helpers.kind_cluster import Lived
from helpers.kind_site import SITE, says

pytestmark = [pytest.mark.kind, pytest.mark.timeout(1800)]


def test_a_deployment_is_served_by_an_operator_in_a_pod(small: Lived) -> None:
    small.kubectl("apply", "-f", "-", text=SITE)
    small.rolled_out("site")
    assert says(small, "ask") == "first"
