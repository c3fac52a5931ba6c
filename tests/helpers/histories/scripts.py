"""All scripts, by family: a family is one record."""

from __future__ import annotations

from . import scripts_revisions, scripts_rollout, scripts_sets, scripts_who_goes
from .script import Script


def families() -> dict[str, list[Script]]:
    return {
        "rollout": scripts_rollout.scripts(),
        "revisions": scripts_revisions.scripts(),
        "sets": scripts_sets.scripts(),
        "who_goes": scripts_who_goes.scripts(),
    }


def all_scripts() -> dict[str, Script]:
    """Every script by its name."""
    found: dict[str, Script] = {}
    for script in (script for family in families().values() for script in family):
        assert script.name not in found, f"two scripts named {script.name}"
        found[script.name] = script
    return found
