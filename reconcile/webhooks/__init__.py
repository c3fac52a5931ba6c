"""Webhooks that an API server calls: conversion between versions, admission; and their certificates.

    conversion    ConversionReview in, ConversionReview out
    admission     what a hook is and is asked;  admission_review: AdmissionReview in, AdmissionReview out
    endpoints     which hook answers at which path; HTTP without sockets
    certificates  made, read, put into TLS
    rotation      when self-made ones are made, announced, used, forgotten
    shared        … in a Secret that replicas share;  folder: … in files of somebody else
    trust         tells API servers which authority to trust

The manager serves them; a test's embedded server calls them in the same process.
"""

from reconcile.webhooks.admission import (
    AdmissionHook,
    AdmissionRequest,
    Denied,
    UserInfo,
    mutating,
    validating,
)
from reconcile.webhooks.admission_review import review_admission
from reconcile.webhooks.conversion import ConversionHook, converting, review_conversions
from reconcile.webhooks.endpoints import Answer, Endpoints
from reconcile.webhooks.errors import BadReviewError, HookFailedError
from reconcile.webhooks.options import CertificateFolder, OwnCertificates, WebhookServerOptions

__all__ = [
    "AdmissionHook",
    "AdmissionRequest",
    "Answer",
    "BadReviewError",
    "CertificateFolder",
    "ConversionHook",
    "Denied",
    "Endpoints",
    "HookFailedError",
    "OwnCertificates",
    "UserInfo",
    "WebhookServerOptions",
    "converting",
    "mutating",
    "review_admission",
    "review_conversions",
    "validating",
]
