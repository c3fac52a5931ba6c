"""What a claim asks for, request by request, and which devices would do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from reconcile.api.resource.v1 import (
    CapacityRequirements,
    Device,
    DeviceClass,
    DeviceRequest,
    DeviceSelector,
    DeviceSubRequest,
    DeviceTaint,
    DeviceToleration,
    ExactDeviceRequest,
    ResourceClaim,
    ResourceSlice,
)
from reconcile.cel import CelError, CelEvaluationError, Version
from reconcile.cel import DeviceSelector as Selector

from .device_pools import DeviceID, Pool
from .failing import PluginError


@dataclass(frozen=True, slots=True)
class Candidate:
    """A device, and where it was found."""

    device: Device
    pool: Pool
    slice: ResourceSlice

    @property
    def id(self) -> DeviceID:
        return self.pool.id(self.device)


@dataclass(slots=True, eq=False)
class Wanted:
    """A request of a claim, or one of the alternatives that it has (a subrequest).

    Attributes:
        parent: the name of the request whose alternative it is; empty for a request by itself.
        number: how many devices; of `all`, those that were found.
        all: every device that matches, in mode All; None in mode ExactCount.
    """

    name: str
    parent: str
    device_class: DeviceClass
    selectors: Sequence[DeviceSelector]
    tolerations: Sequence[DeviceToleration]
    capacity: CapacityRequirements | None
    admin: bool | None
    number: int
    all: list[Candidate] | None
    fits: dict[DeviceID, bool] = field(default_factory=dict[DeviceID, bool])

    @property
    def full_name(self) -> str:
        return f"{self.parent}/{self.name}" if self.parent else self.name

    @property
    def base(self) -> str:
        return self.parent or self.name

    @property
    def subrequest(self) -> str:
        return self.name if self.parent else ""

    def tolerates(self, device: Device) -> bool:
        return all(
            any(_answers(toleration, taint) for toleration in self.tolerations)
            for taint in device.taints
            if taint.effect in ("NoSchedule", "NoExecute")
        )


def wanted_by(claim: ResourceClaim, request: DeviceRequest, classes: dict[str, DeviceClass]) -> list[Wanted]:
    """The alternatives of a request, the first the best; one, for most requests."""
    found: list[Wanted] = []
    parts: list[tuple[str, str, ExactDeviceRequest | DeviceSubRequest]] = [
        (each.name, request.name, each) for each in request.first_available
    ]
    if request.exactly is not None:
        parts = [(request.name, "", request.exactly)]
    for name, parent, each in parts:
        where = f"claim {claim.key}, request {name}"
        for number, selector in enumerate(each.selectors):
            if selector.cel is None:
                raise PluginError(
                    f"{where}, selector #{number}: CEL expression empty (unsupported selector type?)"
                )
        class_name = each.device_class_name
        if not class_name:
            raise PluginError(f"{where}: missing device class name (unsupported request type?)")
        device_class = classes.get(class_name)
        if device_class is None:
            missing = f'deviceclass.resource.k8s.io "{class_name}" not found'
            raise PluginError(f"{where}: could not retrieve device class {class_name}: {missing}")
        mode = each.allocation_mode or ""
        if mode not in ("All", "ExactCount"):
            raise PluginError(f"{where}: unsupported count mode {mode}")
        found.append(
            Wanted(
                name,
                parent,
                device_class,
                each.selectors,
                each.tolerations,
                each.capacity,
                request.exactly.admin_access if request.exactly is not None else None,
                each.count or 0,
                [] if mode == "All" else None,
            )
        )
    return found


class Selectors:
    """Compiled selectors, by their text; those that do not compile are remembered too."""

    def __init__(self, most: int = 256) -> None:
        self._most = most
        self._compiled: dict[str, Selector | CelError] = {}

    def match(self, selectors: Sequence[DeviceSelector], owner: str, device: Device, driver: str) -> bool:
        """Whether a device fulfils all; `owner` is whose they are, for the text of errors."""
        for number, each in enumerate(selectors):
            text = each.cel.expression if each.cel is not None else ""
            compiled = self._selector(text)
            if isinstance(compiled, CelError):
                raise PluginError(
                    f"{owner}: selector #{number}: CEL compile error: {_compile_error(compiled)}"
                )
            try:
                if not compiled.matches(
                    driver=driver,
                    attributes={name: _value(name, device) for name in device.attributes},
                    capacity={name: held.value for name, held in device.capacity.items()},
                    allow_multiple_allocations=bool(device.allow_multiple_allocations),
                ):
                    return False
            except CelEvaluationError as error:
                raise PluginError(f"{owner}: selector #{number}: CEL runtime error: {error}") from error
        return True

    def _selector(self, text: str) -> Selector | CelError:
        found = self._compiled.get(text)
        if found is None:
            if len(self._compiled) >= self._most:
                self._compiled.clear()
            try:
                found = Selector(text)
            except CelError as error:
                found = error
            self._compiled[text] = found
        return found


def _compile_error(error: CelError) -> str:
    text = str(error)
    return text if text.startswith("must evaluate") else f"compilation failed: {text}"


def _value(name: str, device: Device) -> bool | int | str:
    attribute = device.attributes[name]
    if attribute.int_ is not None:
        return attribute.int_
    if attribute.bool_ is not None:
        return attribute.bool_
    if attribute.string is not None:
        return attribute.string
    return Version(attribute.version or "")


def _answers(toleration: DeviceToleration, taint: DeviceTaint) -> bool:
    if toleration.effect and toleration.effect != taint.effect:
        return False
    if toleration.key and toleration.key != taint.key:
        return False
    operator = toleration.operator or "Equal"
    return operator == "Exists" or (operator == "Equal" and (toleration.value or "") == (taint.value or ""))
