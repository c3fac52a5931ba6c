"""How requests are made unless a call says otherwise."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RetryOptions:
    """When and how requests are tried again.

    Tried again, up to `attempts` in total: a read whose connection failed; any request that certainly did
    not reach the server; any request answered 429; an idempotent request (a read, update, delete, apply,
    merge or strategic patch) answered 5xx with a Retry-After, a read also without. Never: a creation or
    JSON patch that may have been carried out, a conflict (see `retry_on_conflict`), an eviction that a
    disruption budget refuses, TLS and credential failures.

    Attributes:
        attempts: requests in total for one call; 1 turns retries off.
        initial_delay: seconds before the first retry, doubled for each further one.
        max_delay: longest pause in seconds that grows by doubling.
        jitter: share of each pause that is added at random, 0 to 1.
        max_retry_after: longest Retry-After in seconds that is waited for; a longer one ends the call
            with the error, whose `retry_after` says it.
    """

    attempts: int = 6
    initial_delay: float = 0.1
    max_delay: float = 5.0
    jitter: float = 0.2
    max_retry_after: float = 60.0
