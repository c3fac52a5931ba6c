"""The official client's informer (`kubernetes.informer`) of all pods.

It has no indexes: two dicts, filled by the handler, stand in for them.
"""

from __future__ import annotations

import logging
from typing import Any

from kubernetes import client, config
from kubernetes.informer import ADDED, DELETED, MODIFIED, SharedInformer

from benchmarks.workers.protocol import Peer, arguments


def main() -> None:
    options = arguments()
    logging.basicConfig(level=logging.WARNING)
    config.load_kube_config(options.kubeconfig)
    informer = SharedInformer(list_func=client.CoreV1Api().list_pod_for_all_namespaces)
    peer = Peer()
    by_app: dict[str, dict[str, Any]] = {}
    by_node: dict[str, dict[str, Any]] = {}

    def seen(pod: Any) -> None:
        metadata = pod.metadata
        by_app.setdefault(metadata.labels["app"], {})[metadata.uid] = pod
        by_node.setdefault(pod.spec.node_name or "", {})[metadata.uid] = pod
        peer.seen(int(metadata.resource_version))
        if peer.events == options.objects:
            peer.synced(len(informer.cache.list_keys()))

    for kind in (ADDED, MODIFIED):
        informer.add_event_handler(kind, seen)

    def deleted(pod: Any) -> None:
        by_app[pod.metadata.labels["app"]].pop(pod.metadata.uid, None)
        by_node[pod.spec.node_name or ""].pop(pod.metadata.uid, None)

    informer.add_event_handler(DELETED, deleted)
    peer.read = lambda: [(pod.spec, pod.status) for pod in informer.cache.list()]
    peer.run(informer.start)


if __name__ == "__main__":
    main()
