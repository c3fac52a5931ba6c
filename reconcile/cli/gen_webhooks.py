"""`reconcile gen-webhooks`: the webhook configurations of an operator, as YAML."""

from __future__ import annotations

import difflib
import sys
from pathlib import Path

from reconcile.cli.failures import CommandError
from reconcile.cli.locate import load_setup
from reconcile.crd.text import to_yaml
from reconcile.crd.webhook_manifests import webhook_configurations
from reconcile.manager import Manager


def generate_webhooks(target: str, *, service: str, name: str, check: Path | None) -> int:
    """Print, or compare with a file; returns the exit status."""
    manager = Manager()
    load_setup(target)(manager)
    configurations = webhook_configurations(manager.webhooks.admission_hooks, service=service, name=name)
    if not configurations:
        raise CommandError(
            f"{target} adds no admission webhook: manager.add(validating(…)) or manager.add(mutating(…))"
        )
    text = "---\n".join(map(to_yaml, configurations))
    if check is None:
        sys.stdout.write(text)
        return 0
    try:
        present = check.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{check}: {getattr(error, 'strerror', None) or error}", status=2) from error
    lines = difflib.unified_diff(
        present.splitlines(keepends=True),
        text.splitlines(keepends=True),
        fromfile=str(check),
        tofile=f"{check} (from the hooks)",
    )
    sys.stdout.writelines(lines)
    return int(present != text)
