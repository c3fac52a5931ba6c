"""kopf with an event handler over all pods.

kopf keeps no cache of objects; its indexes cost far more than the two dicts of names that stand in for them.
"""

from __future__ import annotations

import logging
import os
from typing import Any

from benchmarks.workers.protocol import Peer, arguments


def main() -> None:
    options = arguments()
    os.environ["KUBECONFIG"] = options.kubeconfig
    import kopf

    logging.basicConfig(level=logging.WARNING)
    peer = Peer()
    by_app: dict[str, dict[str, str]] = {}
    by_node: dict[str, dict[str, str]] = {}

    @kopf.on.startup()
    def configure(settings: kopf.OperatorSettings, **_: Any) -> None:
        settings.posting.enabled = False

    @kopf.on.login()
    def login(**kwargs: Any) -> kopf.ConnectionInfo | None:
        return kopf.login_with_kubeconfig(**kwargs)

    # Asynchronous: kopf runs plain functions in threads, which costs more.
    @kopf.on.event("pods")
    async def seen(event: kopf.RawEvent, **_: Any) -> None:
        pod = event["object"]
        metadata = pod["metadata"]
        by_app.setdefault(metadata["labels"]["app"], {})[metadata["uid"]] = metadata["name"]
        by_node.setdefault(pod["spec"].get("nodeName", ""), {})[metadata["uid"]] = metadata["name"]
        peer.seen(int(metadata["resourceVersion"]))
        if peer.events == options.objects:
            peer.synced(peer.events)

    peer.run(lambda: kopf.run(clusterwide=True, standalone=True))


if __name__ == "__main__":
    main()
