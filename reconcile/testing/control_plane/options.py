"""What a control plane is made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

AuditLevel = Literal["None", "Metadata", "Request", "RequestResponse"]

_SERVICE_ACCOUNT_CONTROLLER = "serviceaccount-controller"


@dataclass(frozen=True, kw_only=True)
class ControlPlaneOptions:
    """Options of a `ControlPlane`; the default is etcd and a kube-apiserver, nothing else.

    Flags are whole words such as `"--watch-cache=false"`, given after this package's own, so that they win.

    - `audit_level`: write an audit log that records every request at this level; None for no log.
    - `audit_rules`: rules of an audit policy that are asked before `audit_level`, such as
      `{"level": "None", "verbs": ["get", "list", "watch"]}`; the first that matches a request counts.
    - `apiserver_flags`, `etcd_flags`, `controller_manager_flags`, `scheduler_flags`: more flags. Admission
      of service accounts is off where no controller creates them; `--enable-admission-plugins=ServiceAccount`
      has it on nevertheless.
    - `controllers`: run a kube-controller-manager with these controllers, spelled as its `--controllers`
      flag has them (`("*", "-deployment-controller")`); empty for none. Without
      `clusterrole-aggregation-controller` the roles `admin`, `edit` and `view` grant nothing.
    - `scheduler`: run a kube-scheduler. New nodes stay tainted as not ready unless a controller or the test
      removes that.
    - `start_timeout`: seconds that each component has to become ready, 60 by default.
    - `stop_timeout`: seconds that a component has to end by itself when it is stopped alone, 15 by default;
      the control plane as a whole is ended at once.
    - `directory`: keeps data, certificates and logs there, also after the end; it must be empty or absent.
      None for a temporary directory that is removed at the end.
    """

    audit_level: AuditLevel | None = None
    audit_rules: Sequence[Mapping[str, Any]] = ()
    apiserver_flags: Sequence[str] = ()
    etcd_flags: Sequence[str] = ()
    controllers: Sequence[str] = ()
    controller_manager_flags: Sequence[str] = ()
    scheduler: bool = False
    scheduler_flags: Sequence[str] = ()
    start_timeout: float = 60.0
    stop_timeout: float = 15.0
    directory: Path | None = None

    def __post_init__(self) -> None:
        for name in (
            "apiserver_flags", "etcd_flags", "controllers", "controller_manager_flags", "scheduler_flags"
        ):  # fmt: skip
            value: object = getattr(self, name)
            if isinstance(value, str):
                raise TypeError(f"{name} is a sequence of words, not one string: write ({value!r},)")

    @property
    def creates_service_accounts(self) -> bool:
        """Whether namespaces get their `default` service account, without which the server admits no pod."""
        return runs_controller(self.controllers, _SERVICE_ACCOUNT_CONTROLLER)


def runs_controller(controllers: Sequence[str], name: str) -> bool:
    """Whether a controller-manager with `--controllers` set to `controllers` runs the controller `name`.

    True for controllers that are on by default only: `*` means those.
    """
    if name in controllers:
        return True
    return "*" in controllers and f"-{name}" not in controllers
