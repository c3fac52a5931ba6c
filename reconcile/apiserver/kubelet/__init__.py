"""What is behind a pod: its logs, commands in its containers, its ports.

backend.py    what a kubelet does, for who puts something there
locating.py   which container is meant, on which node, and what is said when nothing answers there
logs.py       pods/log
channels.py   the streams of a command or port, numbered, in one WebSocket
sessions.py   pods/exec, pods/attach, pods/portforward
spdy.py       SPDY/3.1 as bytes; spdy_connection.py: its streams; spdy_sessions.py: commands and ports in them
proxying.py   pods/proxy, services/proxy, nodes/proxy; http_exchange.py: one request to a port;
              rewriting.py: addresses in what comes back
"""

from __future__ import annotations

from reconcile.apiserver.kubelet.backend import Kubelet, LogOptions, Streams

__all__ = ["Kubelet", "LogOptions", "Streams"]
