"""What is behind a pod: its logs, commands in its containers, its ports.

backend.py    what a kubelet does, for who puts something there
locating.py   which container is meant, on which node, and what is said when nothing answers there
logs.py       pods/log
channels.py   the streams of a command or port, numbered, in one WebSocket
sessions.py   pods/exec, pods/attach, pods/portforward
"""

from __future__ import annotations

from reconcile.apiserver.kubelet.backend import Kubelet, LogOptions, Streams

__all__ = ["Kubelet", "LogOptions", "Streams"]
