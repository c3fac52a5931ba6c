"""`reconcile fence`: the admission policy of an operator under leader election, as YAML."""

from __future__ import annotations

import sys

from reconcile.cli.locate import load_setup
from reconcile.leaderelection import fence_policy
from reconcile.manager import Manager


def print_fence(target: str, *, name: str, namespace: str, service_account: str) -> int:
    """Print policy and binding for all kinds of the operator."""
    import yaml

    manager = Manager()
    load_setup(target)(manager)
    objects = fence_policy(name, namespace=namespace, service_account=service_account, kinds=manager.kinds)
    sys.stdout.write(yaml.safe_dump_all(objects, sort_keys=False, width=110))
    return 0
