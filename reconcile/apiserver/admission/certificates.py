"""Who may approve and sign requests for certificates, and what must not be asked for."""

from __future__ import annotations

import base64

from reconcile.apiserver.admission.refusals import refused
from reconcile.apiserver.interfaces import AdmissionAttributes, AdmissionPlugin, JSONObject, Operation
from reconcile.apiserver.resources import Resource

_REQUESTS = "certificatesigningrequests.certificates.k8s.io"
_CLIENT_SIGNER = "kubernetes.io/kube-apiserver-client"


class _OfSigners(AdmissionPlugin):
    """Asks whether the user may do something for the request's signer."""

    subresource: str
    verb: str

    def handles(self, operation: Operation, resource: Resource, subresource: str) -> bool:
        wanted = resource.type.group_resource == _REQUESTS and subresource == self.subresource
        return wanted and operation == "UPDATE"

    async def validate(self, attributes: AdmissionAttributes) -> None:
        old = attributes.old_object
        assert old is not None
        signer: str = (old.get("spec") or {}).get("signerName") or ""
        if not may_for_signer(attributes, self.verb, signer):
            text = f'user not permitted to {self.verb} requests with signerName "{signer}"'
            raise refused(attributes, text)


def may_for_signer(attributes: AdmissionAttributes, verb: str, signer: str) -> bool:
    """Whether the user has the verb for the signer, or for all signers of its domain."""
    authorizer = attributes.context.authorizer
    if authorizer is None:
        return True
    from reconcile.apiserver.access.attributes import Attributes

    return any(
        authorizer.authorize(
            Attributes(attributes.user, verb, "signers", group="certificates.k8s.io", version="*", name=name)
        ).allowed
        for name in (signer, f"{signer.partition('/')[0]}/*")
    )


class CertificateApproval(_OfSigners):
    name = "CertificateApproval"
    subresource = "approval"
    verb = "approve"


class CertificateSigning(_OfSigners):
    name = "CertificateSigning"
    subresource = "status"
    verb = "sign"

    async def validate(self, attributes: AdmissionAttributes) -> None:
        new, old = attributes.object or {}, attributes.old_object or {}
        now, before = new.get("status") or {}, old.get("status") or {}
        if any((now.get(key) or None) != (before.get(key) or None) for key in ("certificate", "conditions")):
            await super().validate(attributes)


class CertificateSubjectRestriction(AdmissionPlugin):
    """Nobody becomes an administrator by a certificate."""

    name = "CertificateSubjectRestriction"

    def handles(self, operation: Operation, resource: Resource, subresource: str) -> bool:
        return resource.type.group_resource == _REQUESTS and operation == "CREATE" and not subresource

    async def validate(self, attributes: AdmissionAttributes) -> None:
        spec: JSONObject = (attributes.object or {}).get("spec") or {}
        if spec.get("signerName") != _CLIENT_SIGNER:
            return
        from cryptography import x509
        from cryptography.x509.oid import NameOID

        try:
            request = x509.load_pem_x509_csr(base64.b64decode(spec.get("request") or ""))
        except ValueError as error:
            raise refused(attributes, f"failed to parse CSR: {error}") from None
        groups = request.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
        if any(group.value == "system:masters" for group in groups):
            text = f"use of {_CLIENT_SIGNER} signer with system:masters group is not allowed"
            raise refused(attributes, text)
