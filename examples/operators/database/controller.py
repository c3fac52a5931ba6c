"""The Database loop."""

from __future__ import annotations

from contextlib import suppress

from reconcile import (
    AlreadyExistsError,
    NotFoundError,
    ObjectKey,
    ObjectReconciler,
    Result,
    is_true,
    parse_time,
    same,
    set_controller_reference,
)
from reconcile.api.apps.v1 import StatefulSet
from reconcile.api.batch.v1 import CronJob, Job
from reconcile.api.core.v1 import Secret, Service

from .model import Database, DatabaseStatus
from .resources import backup_for, final_backup_for, secret_for, service_for, stateful_set_for
from .status import deleting_status, status_of


class DatabaseReconciler(ObjectReconciler[Database]):
    """Makes a Secret, a Service, a StatefulSet and a backup CronJob of each Database."""

    owns = (Secret, Service, StatefulSet, CronJob, Job)
    finalizer = "example.com/final-backup"

    def __init__(self, *, final_backup_timeout: float = 120.0) -> None:
        self._final_backup_timeout = final_backup_timeout

    async def reconcile(self, database: Database, /) -> None:
        await self._ensure_secret(database)
        await self.client.apply(service_for(database), owner=database)
        await self.client.apply(stateful_set_for(database), owner=database)
        if database.spec.backup:
            await self.client.apply(backup_for(database), owner=database)
        else:
            await self._remove_backup(database)
        stateful_set = self.cache.get(StatefulSet, database.key)
        await self._report(database, status_of(database, stateful_set, self.runtime.now()))

    async def finalize(self, database: Database, /) -> Result | None:
        """Take the last backup; what the database owns goes with it, by its owner references."""
        if not database.spec.backup:
            return None
        await self._remove_backup(database)
        job = await self._final_backup(database)
        if is_true(job.status.conditions, "Complete"):
            return None
        now = self.runtime.now()
        failed = is_true(job.status.conditions, "Failed")
        age = (now - parse_time(job.metadata.creation_timestamp or "")).total_seconds()
        if failed or age > self._final_backup_timeout:
            note = f"Job {job.metadata.name} did not finish: the database goes without a last backup"
            self.events.event(database, "Warning", "FinalBackupFailed", "Finalize", note)
            return None
        await self._report(database, deleting_status(database, "waiting for the last backup", now))
        return Result(requeue_after=self._final_backup_timeout - age + 1.0)

    async def _ensure_secret(self, database: Database) -> None:
        """Made once: a password that changed with every reconcile would be no use to anybody."""
        secret = secret_for(database, password=self.runtime.uuid())
        if self.cache.get(Secret, secret.key) is not None:
            return
        set_controller_reference(secret, database)
        with suppress(AlreadyExistsError):
            await self.client.create(secret)

    async def _remove_backup(self, database: Database) -> None:
        key = ObjectKey(database.metadata.namespace, f"{database.metadata.name}-backup")
        if self.cache.get(CronJob, key) is not None:
            with suppress(NotFoundError):
                await self.client.delete(CronJob, key)

    async def _final_backup(self, database: Database) -> Job:
        wanted = final_backup_for(database, self._final_backup_timeout)
        cached = self.cache.get(Job, wanted.key)
        if cached is not None:
            return cached
        set_controller_reference(wanted, database)
        try:
            return await self.client.create(wanted)
        except AlreadyExistsError:
            return await self.client.get(Job, wanted.key)

    async def _report(self, database: Database, status: DatabaseStatus) -> None:
        if not same(status, database.status):
            await self.client.apply_status(database, status)
