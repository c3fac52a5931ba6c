from pathlib import Path

import pytest

from reconcile.testing.control_plane import ControlPlaneOptions
from reconcile.testing.control_plane.commands import apiserver_flags
from reconcile.testing.control_plane.files import Files
from reconcile.testing.control_plane.options import runs_controller


@pytest.mark.parametrize(
    ("controllers", "expected"),
    [
        ((), False),
        (("*",), True),
        (("*", "-a"), False),
        (("a",), True),
        (("b",), False),
        (("*", "-b"), True),
        (("-a", "a"), True),
    ],
)
def test_whether_a_controller_runs(controllers: tuple[str, ...], expected: bool) -> None:
    assert runs_controller(controllers, "a") is expected


def test_service_accounts_need_their_controller() -> None:
    assert not ControlPlaneOptions().creates_service_accounts
    assert ControlPlaneOptions(controllers=("*",)).creates_service_accounts
    assert not ControlPlaneOptions(controllers=("*", "-serviceaccount-controller")).creates_service_accounts


def test_admission_of_service_accounts_is_off_where_nothing_creates_them_unless_asked_for(
    tmp_path: Path,
) -> None:
    def flags(*more: str) -> list[str]:
        options = ControlPlaneOptions(apiserver_flags=more)
        return apiserver_flags(options, Files(tmp_path), port=1, etcd_port=2)

    off, on = "--disable-admission-plugins=ServiceAccount", "--enable-admission-plugins=ServiceAccount"
    assert off in flags()
    assert off not in flags(on)
    assert on in flags(on)


def test_one_string_for_a_sequence_of_words_is_refused() -> None:
    with pytest.raises(TypeError, match=r"write \('\*',\)"):
        ControlPlaneOptions(controllers="*")
