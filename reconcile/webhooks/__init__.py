"""Webhooks that an API server calls: conversion between versions, admission; and their certificates.

    conversion    ConversionReview in, ConversionReview out
    endpoints     which hook answers at which path; HTTP without sockets
    certificates  made, read, put into TLS
    rotation      when self-made ones are made, announced, used, forgotten
    shared        … in a Secret that replicas share;  folder: … in files of somebody else
    trust         tells API servers which authority to trust

The manager serves them; a test's embedded server calls them in the same process.
"""

from reconcile.webhooks.conversion import ConversionHook, converting, review_conversions
from reconcile.webhooks.endpoints import Answer, Endpoints
from reconcile.webhooks.errors import BadReviewError, HookFailedError
from reconcile.webhooks.options import CertificateFolder, OwnCertificates, WebhookServerOptions

__all__ = [
    "Answer",
    "BadReviewError",
    "CertificateFolder",
    "ConversionHook",
    "Endpoints",
    "HookFailedError",
    "OwnCertificates",
    "WebhookServerOptions",
    "converting",
    "review_conversions",
]
