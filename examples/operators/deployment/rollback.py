"""Going back to an earlier revision because the Deployment's annotation asks for it. Pure.

`kubectl rollout undo` writes the old template itself. Clients of API versions before apps/v1 left that to the
controller, through a field that lives on as the annotation `deprecated.deployment.rollback.to`.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from reconcile.api.apps.v1 import Deployment, ReplicaSet

from .revisions import ROLLBACK_TO, last_revision, revision_of, template_annotations
from .template import HASH_LABEL, same_template


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is told of a rollback: an event's type, reason and text."""

    type: Literal["Normal", "Warning"]
    reason: str
    text: str


def wanted(deployment: Deployment) -> int | None:
    """The revision that is asked for, 0 for the last one; None when none is."""
    text = deployment.metadata.annotations.get(ROLLBACK_TO, "")
    return int(text) if re.fullmatch(r"[+-]?[0-9]+", text) else None


def roll_back(deployment: Deployment, replica_sets: Sequence[ReplicaSet], revision: int) -> Outcome:
    """Put the revision's template and annotations into the Deployment, where there is such a revision.

    What asked for it is taken away in any case.
    """
    outcome = _roll_back(deployment, replica_sets, revision)
    deployment.metadata.annotations = {
        key: value for key, value in deployment.metadata.annotations.items() if key != ROLLBACK_TO
    }
    return outcome


def _roll_back(deployment: Deployment, replica_sets: Sequence[ReplicaSet], revision: int) -> Outcome:
    not_found = "DeploymentRollbackRevisionNotFound"
    revision = revision or last_revision(replica_sets)
    if not revision:
        return Outcome("Warning", not_found, "Unable to find last revision.")
    found = next((one for one in replica_sets if revision_of(one) == revision), None)
    if found is None:
        return Outcome("Warning", not_found, "Unable to find the revision to rollback to.")
    name = deployment.metadata.name
    if same_template(found.spec.template, deployment.spec.template):
        text = f'The rollback revision contains the same template as current deployment "{name}"'
        return Outcome("Warning", "DeploymentRollbackTemplateUnchanged", text)
    template = copy.deepcopy(found.spec.template)
    template.metadata.labels = {k: v for k, v in template.metadata.labels.items() if k != HASH_LABEL}
    deployment.spec.template = template
    deployment.metadata.annotations = template_annotations(deployment, found)
    return Outcome("Normal", "DeploymentRollback", f'Rolled back deployment "{name}" to revision {revision}')
