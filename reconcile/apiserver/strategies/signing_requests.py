"""CertificateSigningRequest, its status and its approval: in upstream's words and order."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from reconcile.apiserver.field_errors import (
    FieldError,
    duplicate,
    forbidden,
    go_quote,
    invalid,
    not_supported,
    required,
    too_long,
)
from reconcile.apiserver.interfaces import RequestContext, Strategy
from reconcile.apiserver.strategies import checks
from reconcile.apiserver.strategies.basic import KindStrategy, keep
from reconcile.apiserver.strategies.changes import difference
from reconcile.objects.names import dns_label_problems, dns_subdomain_problems

JSONObject = dict[str, Any]

_USAGES = (
    "any", "cert sign", "client auth", "code signing", "content commitment", "crl sign", "data encipherment",
    "decipher only", "digital signature", "email protection", "encipher only", "ipsec end system",
    "ipsec tunnel", "ipsec user", "key agreement", "key encipherment", "microsoft sgc", "netscape sgc",
    "ocsp signing", "s/mime", "server auth", "signing", "timestamping",
)  # fmt: skip
_APPROVALS = ("Approved", "Denied")
_FINAL = (*_APPROVALS, "Failed")
_STATUSES = ("False", "True", "Unknown")
_LEGACY_SIGNER = "kubernetes.io/legacy-unknown"
_LONGEST_DOMAIN = 253
_LONGEST_PATH = 253 + 63 + 1
_BLOCK = re.compile(rb"-----BEGIN ([^\n-]*)-----\r?\n(.*?)-----END \1-----", re.DOTALL)


class SigningRequestStrategy(KindStrategy):
    """Requests: who asks is written into the request, whatever it says; afterwards nothing changes it."""

    def __init__(self) -> None:
        super().__init__(
            status=True, fields={"spec.signerName": ("spec", "signerName")}, name_problems=_any_name
        )

    def prepare_for_create(self, obj: JSONObject, context: RequestContext) -> None:
        super().prepare_for_create(obj, context)
        user, spec = context.user, obj["spec"]
        for key in ("username", "uid", "groups", "extra"):
            spec.pop(key, None)
        spec["username"] = user.name
        spec["groups"] = list(user.groups)
        if user.uid:
            spec["uid"] = user.uid
        if user.extra:
            spec["extra"] = {key: list(value) for key, value in user.extra.items()}

    def prepare_for_update(self, new: JSONObject, old: JSONObject, context: RequestContext) -> None:
        keep(new, old, "spec")
        keep(new, old, "status")

    def validate_create(self, obj: JSONObject, context: RequestContext) -> list[FieldError]:
        return _request(obj, {})

    def validate_update(self, new: JSONObject, old: JSONObject, context: RequestContext) -> list[FieldError]:
        return _update(new, old)


class SigningStatusStrategy(Strategy):
    """`certificatesigningrequests/status`: the certificate, and conditions that decide nothing."""

    def prepare_for_update(self, new: JSONObject, old: JSONObject, context: RequestContext) -> None:
        keep(new, old, "spec")
        conditions, before = _conditions(new), _conditions(old)
        for kind in _APPROVALS:
            places = [index for index, each in enumerate(conditions) if each.get("type") == kind]
            held = [each for each in before if each.get("type") == kind]
            if len(places) == len(held):
                for index, condition in zip(places, held, strict=True):
                    conditions[index] = condition
        _timed(new, old, context)

    def validate_update(self, new: JSONObject, old: JSONObject, context: RequestContext) -> list[FieldError]:
        return _update(new, old, certificate=True)


class ApprovalStrategy(Strategy):
    """`certificatesigningrequests/approval`: the conditions alone."""

    def prepare_for_update(self, new: JSONObject, old: JSONObject, context: RequestContext) -> None:
        _timed(new, old, context)
        conditions = (new.get("status") or {}).get("conditions")
        keep(new, old, "spec")
        new["status"] = dict(old.get("status") or {})
        new["status"].pop("conditions", None)
        if conditions:
            new["status"]["conditions"] = conditions

    def validate_update(self, new: JSONObject, old: JSONObject, context: RequestContext) -> list[FieldError]:
        return _update(new, old, approval=True)


def _any_name(_name: str, _prefix: bool) -> list[str]:
    return []


def _conditions(obj: JSONObject) -> list[JSONObject]:
    return (obj.get("status") or {}).get("conditions") or []


def _timed(new: JSONObject, old: JSONObject, context: RequestContext) -> None:
    """Conditions without times get them: of a transition, that of the same condition before."""
    for condition in _conditions(new):
        condition["lastUpdateTime"] = condition.get("lastUpdateTime") or context.timestamp
        if condition.get("lastTransitionTime"):
            continue
        same = (each for each in _conditions(old) if _state(each) == _state(condition))
        times = (each["lastTransitionTime"] for each in same if each.get("lastTransitionTime"))
        condition["lastTransitionTime"] = next(times, context.timestamp)


def _state(condition: JSONObject) -> tuple[str, str]:
    return condition.get("type") or "", condition.get("status") or ""


def _request(obj: JSONObject, old: JSONObject) -> list[FieldError]:
    """What is wrong with a request, but for what was wrong with it before."""
    spec: JSONObject = obj.get("spec") or {}
    before: JSONObject = old.get("spec") or {}
    problem = _request_problem(spec.get("request"))
    errors = [invalid("spec.request", spec.get("request"), problem)] if problem else []
    errors += _usages(spec.get("usages") or [], before.get("usages") or [])
    signer = spec.get("signerName") or ""
    if signer == _LEGACY_SIGNER and before.get("signerName") != _LEGACY_SIGNER:
        text = "the legacy signerName is not allowed via this API version"
        errors.append(invalid("spec.signerName", signer, text))
    else:
        errors += signer_name("spec.signerName", signer)
    seconds = spec.get("expirationSeconds")
    if seconds is not None and seconds < 600:
        text = "may not specify a duration less than 600 seconds (10 minutes)"
        errors.append(invalid("spec.expirationSeconds", seconds, text))
    errors += _condition_errors(_conditions(obj), _conditions(old))
    certificate = (obj.get("status") or {}).get("certificate")
    held = (old.get("status") or {}).get("certificate")
    if certificate != held and not certificate_problem(held):
        problem = certificate_problem(certificate)
        if problem:
            errors.append(invalid("status.certificate", "<certificate data>", problem))
    return errors


def _usages(usages: list[str], before: list[str]) -> list[FieldError]:
    errors = [] if usages else [required("spec.usages")]
    if all(usage in _USAGES for usage in before):
        errors += [
            not_supported(f"spec.usages[{index}]", usage, _USAGES)
            for index, usage in enumerate(usages)
            if usage not in _USAGES
        ]
    if len(set(before)) == len(before):
        errors += [
            duplicate(f"spec.usages[{index}]", usage)
            for index, usage in enumerate(usages)
            if usage in usages[:index]
        ]
    return errors


def _request_problem(text: str | None) -> str:
    """What keeps a text from being a request for a certificate, in PEM and Base64."""
    blocks = _blocks(text)
    if not blocks or blocks[0][0] != "CERTIFICATE REQUEST":
        return "PEM block type must be CERTIFICATE REQUEST"
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        return "" if x509.load_der_x509_csr(blocks[0][1]).is_signature_valid else "x509: invalid signature"
    except (ValueError, UnsupportedAlgorithm, TypeError):
        return "asn1: structure error"


def certificate_problem(text: str | None) -> str:
    """What keeps a text from being certificates in PEM and Base64; nothing is fine too."""
    if not text:
        return ""
    blocks = _blocks(text)
    from cryptography import x509

    for kind, content in blocks:
        if kind != "CERTIFICATE":
            return f"only CERTIFICATE PEM blocks are allowed, found {go_quote(kind)}"
        try:
            x509.load_der_x509_certificate(content)
        except ValueError:
            return "x509: malformed certificate"
    return "" if blocks else "must contain at least one CERTIFICATE PEM block"


def _blocks(text: str | None) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    try:
        raw = base64.b64decode(text or "")
        found += [
            (block[1].decode(), base64.b64decode(b"".join(block[2].split()), validate=True))
            for block in _BLOCK.finditer(raw)
        ]
    except (binascii.Error, UnicodeDecodeError):
        pass
    return found


def signer_name(field: str, name: str) -> list[FieldError]:
    """The name of a signer: a domain of more than one part, a slash, and names of the DNS with dots."""
    if not name:
        return [required(field)]
    domain, slash, path = name.partition("/")
    if not slash or "/" in path:
        text = "must be a fully qualified domain and path of the form 'example.com/signer-name'"
        return [invalid(field, name, text)]
    errors = [too_long(field, "", _LONGEST_DOMAIN)] if len(domain.encode()) > _LONGEST_DOMAIN else []
    errors += _labels(field, domain, dns_label_problems)
    if "." not in domain:
        text = "should be a domain with at least two segments separated by dots"
        errors.append(invalid(field, domain, text))
    errors += _labels(field, path, dns_subdomain_problems)
    longest = _LONGEST_DOMAIN + _LONGEST_PATH + 1
    return errors + ([too_long(field, "", longest)] if len(name.encode()) > longest else [])


def _labels(field: str, text: str, problems: Any) -> list[FieldError]:
    """The first label with problems."""
    for label in text.split("."):
        found = [f"validating label {go_quote(label)}: {problem}" for problem in problems(label)]
        if found:
            return [invalid(field, text, each) for each in found]
    return []


def _condition_errors(conditions: list[JSONObject], before: list[JSONObject]) -> list[FieldError]:
    path = "status.conditions"
    errors: list[FieldError] = []
    held = [each.get("type") or "" for each in before]
    seen: list[str] = []
    for index, condition in enumerate(conditions):
        where, (kind, state) = f"{path}[{index}]", _state(condition)
        if not kind and "" not in held:
            errors.append(required(f"{where}.type"))
        allowed = ("True",) if kind in _FINAL else _STATUSES
        errors += checks.one_of(condition, where, "status", allowed) if state not in allowed else []
        other = {"Approved": "Denied", "Denied": "Approved"}.get(kind)
        if other in seen and not set(_APPROVALS) <= set(held):
            text = "Approved and Denied conditions are mutually exclusive"
            errors.append(invalid(path, kind, text))
        if kind in seen and len(set(held)) == len(held):
            errors.append(duplicate(f"{where}.type", kind))
        seen.append(kind)
    return errors


def _update(
    new: JSONObject, old: JSONObject, *, certificate: bool = False, approval: bool = False
) -> list[FieldError]:
    errors = _request(new, old)
    path = "status.conditions"

    def of(obj: JSONObject, kind: str) -> list[JSONObject]:
        return [each for each in _conditions(obj) if each.get("type") == kind]

    for kind in _FINAL:
        if len(of(new, kind)) < len(of(old, kind)):
            errors.append(forbidden(path, f"updates may not remove a condition of type {go_quote(kind)}"))
    for kind in () if approval else _APPROVALS:
        given, held = of(new, kind), of(old, kind)
        if len(given) > len(held):
            errors.append(forbidden(path, f"updates may not add a condition of type {go_quote(kind)}"))
        elif len(given) == len(held) and not checks.same(given, held):
            text = f"updates may not modify a condition of type {go_quote(kind)}"
            changed = difference({"conditions": held}, {"conditions": given})
            errors.append(forbidden(path, f"{text}\n{changed}"))
    content = (new.get("status") or {}).get("certificate") or ""
    before = (old.get("status") or {}).get("certificate") or ""
    if content != before and not certificate:
        errors.append(forbidden("status.certificate", "updates may not set certificate content"))
    elif content != before and before:
        text = "updates may not modify existing certificate content"
        errors.append(forbidden("status.certificate", text))
    return errors
