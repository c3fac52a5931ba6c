"""Self-made certificates, kept in a Secret that replicas share. The steps are in `rotation`.

Whichever replica looks first makes the step; the others find it done. The Secret is replaced only as it was
read (optimistic concurrency), so no two certificates are ever current.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from reconcile.errors import AlreadyExistsError, ConflictError
from reconcile.objects.identity import ObjectKey
from reconcile.objects.meta import ObjectMeta
from reconcile.webhooks.certificates import Issued, Pair, issue
from reconcile.webhooks.options import OwnCertificates
from reconcile.webhooks.rotation import Kept, next_kept
from reconcile.webhooks.trust import Trusting, tell_authority

if TYPE_CHECKING:
    from reconcile.api.core.v1 import Secret
    from reconcile.client.client import Client
    from reconcile.controllers.logs import Logger
    from reconcile.runtime import Runtime

_ATTEMPTS = 5


class SharedSource:
    """The current pair of the Secret, which is made and renewed on the way.

    Args:
        client: may get and update the Secret, and create it where it is not there.
        runtime: its wall clock decides.
        options: names and times.
        trusting: what is to trust the authority; asked each time.
        log: for what was made.

    Attributes:
        authorities: PEM of those that are to be trusted; empty before the first look.
    """

    def __init__(
        self,
        client: Client,
        runtime: Runtime,
        options: OwnCertificates,
        trusting: Callable[[], Sequence[Trusting]],
        log: Logger,
    ) -> None:
        self.check_interval = options.check_interval
        self._client = client
        self._runtime = runtime
        self._options = options
        self._trusting = trusting
        self._log = log
        self._key = ObjectKey.parse(options.secret_key)
        self.authorities = b""

    async def renew(self) -> Pair:
        """The pair to show, after whatever step is due. Raises what the API server answers."""
        kept = await self._kept()
        self.authorities = kept.authorities
        return kept.current

    async def announce(self) -> None:
        """Have API servers trust the authorities; what cannot be told is logged and tried next time."""
        if self._options.inject and self.authorities:
            await tell_authority(self._client, self.authorities, self._trusting(), self._log)

    async def _kept(self) -> Kept:
        from reconcile.api.core.v1 import Secret

        for attempt in range(_ATTEMPTS):
            secret = await self._client.get_or_none(Secret, self._key)
            found = None if secret is None else Kept.from_data(secret.data)
            wanted = next_kept(
                found,
                frozenset(self._options.all_names),
                self._runtime.now(),
                self._options.times,
                self._make,
            )
            if wanted is None:
                assert found is not None
                return found
            try:
                await self._write(secret, wanted)
            except (ConflictError, AlreadyExistsError):
                # Another replica made the step.
                if attempt + 1 == _ATTEMPTS:
                    raise
                continue
            what = "made" if found is None else "renewed"
            self._log.info("the webhook certificate was " + what, secret=str(self._key))
            return wanted
        raise AssertionError("unreachable")

    async def _write(self, secret: Secret | None, kept: Kept) -> None:
        from reconcile.api.core.v1 import Secret

        if secret is None:
            meta = ObjectMeta(name=self._key.name, namespace=self._key.namespace)
            await self._client.create(Secret(metadata=meta, type="Opaque", data=kept.to_data()))
            return
        secret.data = kept.to_data()
        await self._client.update(secret)

    def _make(self) -> Issued:
        return issue(self._options.all_names, self._runtime.now(), self._options.times.lifetime)
