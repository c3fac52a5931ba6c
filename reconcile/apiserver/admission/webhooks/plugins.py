"""The plugins MutatingAdmissionWebhook and ValidatingAdmissionWebhook.

Order, failure policies and words are those of the dispatchers in pkg/admission/plugin/webhook.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from reconcile.apiserver.admission.configured import Configured
from reconcile.apiserver.admission.matching import Match, Objects
from reconcile.apiserver.admission.webhooks.calling import Caller, CallError
from reconcile.apiserver.admission.webhooks.hooks import Hook, hooks_of
from reconcile.apiserver.admission.webhooks.reviews import (
    ReviewError,
    ReviewResponse,
    checked,
    denial,
    review_for,
    version_of,
)
from reconcile.apiserver.field_errors import go_quote
from reconcile.apiserver.interfaces import AdmissionAttributes, AdmissionPlugin, JSONObject
from reconcile.apiserver.status import StatusError, bad_request, internal_error
from reconcile.objects.patches.errors import PatchError
from reconcile.objects.patches.json_patch import apply_json_patch

if TYPE_CHECKING:
    from reconcile.apiserver.handlers.parts import Parts

_log = logging.getLogger(__name__)
_GROUP = "admissionregistration.k8s.io"


class CallingError(Exception):
    """A webhook did not do its part: its failure policy decides."""

    def __init__(self, hook: Hook, reason: str) -> None:
        super().__init__(f"failed calling webhook {go_quote(hook.name)}: {reason}")


class _Webhooks(AdmissionPlugin):
    """What both plugins share."""

    resource = ""

    def __init__(self, parts: Parts, caller: Caller) -> None:
        self._parts = parts
        self._objects = Objects(parts)
        self._caller = caller
        self._hooks = Configured(parts.store.storage, f"{self.resource}.{_GROUP}", hooks_of)

    async def _call(
        self,
        hook: Hook,
        attributes: AdmissionAttributes,
        match: Match,
        objects: tuple[JSONObject | None, JSONObject | None],
        *,
        mutating: bool,
    ) -> ReviewResponse:
        """Ask a webhook. Raises CallingError, and StatusError for its denial."""
        if attributes.dry_run and hook.spec.get("sideEffects") not in ("None", "NoneOnDryRun"):
            raise bad_request(f"admission webhook {go_quote(hook.name)} does not support dry run")
        version = version_of(hook.spec)
        if version is None:
            raise CallingError(
                hook,
                "could not create admission objects: webhook does not accept known AdmissionReview versions "
                "(v1, v1beta1)",
            )
        uid = self._parts.runtime.uuid()
        review = review_for(version, uid, attributes, match, *objects)
        try:
            answer = await self._caller.ask(hook.spec.get("clientConfig") or {}, review, hook.timeout)
        except CallError as error:
            raise CallingError(hook, f"failed to call webhook: {error}") from None
        try:
            response = checked(answer, version, uid, mutating=mutating)
        except ReviewError as error:
            raise CallingError(hook, f"received invalid webhook response: {error}") from None
        attributes.context.warnings.extend(response.warnings)
        if not response.allowed:
            raise denial(hook.name, response.result)
        return response


@dataclass(slots=True)
class _Memory:
    """What the mutating plugin keeps between the two passes.

    Attributes:
        last: the object as the webhooks left it.
        invoked: those that were called and want to be called again if needed.
        again: those to call in the second pass.
    """

    last: bytes = b""
    invoked: set[str] = field(default_factory=set[str])
    again: set[str] = field(default_factory=set[str])

    def require(self) -> None:
        self.again |= self.invoked
        self.invoked = set()


class MutatingWebhooks(_Webhooks):
    """One after the other, each sees what those before it made of the object."""

    name = "MutatingAdmissionWebhook"
    resource = "mutatingwebhookconfigurations"

    async def admit(self, attributes: AdmissionAttributes) -> None:
        state = attributes.reinvocation
        memory: _Memory = state.memory.setdefault(self.name, _Memory())
        if state.running and memory.last != msgspec.msgpack.encode(attributes.object):
            memory.require()
        try:
            for hook in self._hooks.get():
                match = await hook.match(attributes, self._objects)
                if match is None or (state.running and hook.key not in memory.again):
                    continue
                if await self._ask(hook, attributes, match):
                    memory.require()
                    state.wanted = True
                if hook.spec.get("reinvocationPolicy") == "IfNeeded":
                    memory.invoked.add(hook.key)
        finally:
            memory.last = msgspec.msgpack.encode(attributes.object)

    async def _ask(self, hook: Hook, attributes: AdmissionAttributes, match: Match) -> bool:
        """Whether the webhook changed the object. Raises StatusError."""
        new = await self._objects.converted(attributes.object, attributes, match)
        old = await self._objects.converted(attributes.old_object, attributes, match)
        try:
            response = await self._call(hook, attributes, match, (new, old), mutating=True)
            operations = _operations(hook, response)
        except CallingError as error:
            if hook.ignores_failures:
                _log.warning("%s: failing open: %s", hook.name, error)
                return False
            raise internal_error(str(error)) from None
        if not operations:
            return False
        held = attributes.object
        if new is None or held is None:
            raise internal_error(
                f"admission webhook {go_quote(hook.name)} attempted to modify the object, which is not "
                "supported for this operation"
            )
        made = patched(new, operations, self._objects, attributes, match)
        changed = made != new
        self._objects.default(made, attributes, match)
        made = await self._objects.converted_back(made, attributes, match)
        held.clear()
        held.update(made)
        return changed


def _operations(hook: Hook, response: ReviewResponse) -> list[Any]:
    if not response.patch:
        return []
    try:
        operations = msgspec.json.decode(response.patch)
    except msgspec.DecodeError:
        from reconcile.apiserver.handlers.bodies import go_json_error

        problem = go_json_error(response.patch)
        raise CallingError(hook, f"received undecodable patch in webhook response: {problem}") from None
    if response.patch_type != "JSONPatch":
        raise CallingError(hook, f"unsupported patch type {go_quote(response.patch_type)}")
    if not isinstance(operations, list):
        kind = {dict: "object", str: "string", bool: "bool"}.get(type(operations), "number")
        raise CallingError(
            hook,
            "received undecodable patch in webhook response: json: cannot unmarshal "
            f"{kind} into Go value of type jsonpatch.Patch",
        )
    return operations


def patched(
    obj: JSONObject, operations: list[Any], objects: Objects, attributes: AdmissionAttributes, match: Match
) -> JSONObject:
    """The object after a JSON patch, decoded as its kind. Raises StatusError."""
    try:
        made = apply_json_patch(obj, operations)
    except PatchError as error:
        raise internal_error(str(error)) from None
    if not isinstance(made, dict):
        raise internal_error("couldn't get version/kind; json parse error")
    try:
        objects.check(made, attributes, match)
    except StatusError as error:
        raise internal_error(error.message) from None
    return made


class ValidatingWebhooks(_Webhooks):
    """All at once; the first denial that arrives is told."""

    name = "ValidatingAdmissionWebhook"
    resource = "validatingwebhookconfigurations"

    async def validate(self, attributes: AdmissionAttributes) -> None:
        meant: list[tuple[Hook, Match]] = []
        for hook in self._hooks.get():
            match = await hook.match(attributes, self._objects)
            if match is not None:
                meant.append((hook, match))
        if not meant:
            return
        errors: list[StatusError] = []
        if len(meant) == 1:
            await self._ask(*meant[0], attributes, errors)
        else:
            async with asyncio.TaskGroup() as group:
                for hook, match in meant:
                    group.create_task(self._ask(hook, match, attributes, errors))
        if errors:
            raise errors[0]

    async def _ask(
        self, hook: Hook, match: Match, attributes: AdmissionAttributes, errors: list[StatusError]
    ) -> None:
        new = await self._objects.converted(attributes.object, attributes, match)
        old = await self._objects.converted(attributes.old_object, attributes, match)
        try:
            await self._call(hook, attributes, match, (new, old), mutating=False)
        except CallingError as error:
            if hook.ignores_failures:
                _log.warning("%s: failing open: %s", hook.name, error)
            else:
                errors.append(internal_error(str(error)))
        except StatusError as error:
            errors.append(error)
