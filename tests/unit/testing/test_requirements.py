from pathlib import Path
from typing import Any

import pytest

from reconcile.testing.requirements import require


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    monkeypatch.delenv("RECONCILE_REQUIRE", raising=False)


@pytest.mark.usefixtures("nothing_installed")
class TestUnmet:
    @pytest.mark.parametrize("requirement", ["controlplane", "kind"])
    def test_skips_with_the_reason(self, requirement: Any) -> None:
        with pytest.raises(pytest.skip.Exception, match=f"needs {requirement}: .*in PATH"):
            require(requirement)

    def test_fails_where_the_environment_names_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("RECONCILE_REQUIRE", "kind, controlplane")
        with pytest.raises(pytest.fail.Exception, match=r"RECONCILE_REQUIRE names controlplane: .*no `go`"):
            require("controlplane")

    def test_skips_where_the_environment_names_another(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("RECONCILE_REQUIRE", "kind")
        with pytest.raises(pytest.skip.Exception):
            require("controlplane")


def test_met_returns(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for component in ("etcd", "kube-apiserver", "kubectl"):
        (tmp_path / component).touch(mode=0o755)
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path))
    require("controlplane")


def test_a_misspelt_requirement_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECONCILE_REQUIRE", "contolplane")
    with pytest.raises(ValueError, match="contolplane"):
        require("controlplane")
