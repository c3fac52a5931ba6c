"""Webhooks that an API server calls: conversion between versions, admission; and their certificates.

    conversion    ConversionReview in, ConversionReview out
    endpoints     which hook answers at which path; HTTP without sockets

The manager serves them; a test's embedded server calls them in the same process.
"""

from reconcile.webhooks.conversion import ConversionHook, converting, review_conversions
from reconcile.webhooks.endpoints import Answer, Endpoints
from reconcile.webhooks.errors import BadReviewError, HookFailedError

__all__ = [
    "Answer",
    "BadReviewError",
    "ConversionHook",
    "Endpoints",
    "HookFailedError",
    "converting",
    "review_conversions",
]
