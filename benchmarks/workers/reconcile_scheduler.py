"""The example scheduler as a process of its own; ends with SIGTERM, as kube-scheduler does."""

from __future__ import annotations

import argparse

from examples.operators import scheduler
from reconcile import Client, Manager, ManagerOptions


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kubeconfig", required=True)
    parser.add_argument("--profile", default="", help="where a profile of the process is written")
    arguments = parser.parse_args()
    manager = Manager(
        Client.from_kubeconfig(arguments.kubeconfig), options=ManagerOptions(log_level="warning")
    )
    scheduler.setup(manager)
    if not arguments.profile:
        manager.run()
        return
    import cProfile

    profile = cProfile.Profile()
    try:
        profile.runcall(manager.run)
    finally:
        profile.dump_stats(arguments.profile)


if __name__ == "__main__":
    main()
