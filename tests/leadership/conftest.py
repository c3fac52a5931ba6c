"""What tests of leadership on a real control plane need."""

import pytest

from reconcile.testing.requirements import require


@pytest.fixture(scope="session")
def needs_control_plane() -> None:
    """Skips or fails the tests that ask for it where no control plane can be run."""
    require("controlplane")
