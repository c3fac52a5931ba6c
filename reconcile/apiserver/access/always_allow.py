"""The authorizer of a server that knows who asks and lets everybody do everything."""

from __future__ import annotations

from reconcile.apiserver.access.attributes import Attributes, Decision, RulesFound
from reconcile.apiserver.interfaces import User


class AlwaysAllow:
    """kube-apiserver's `--authorization-mode=AlwaysAllow`."""

    def authorize(self, attributes: Attributes) -> Decision:
        return Decision(True)

    def rules_for(self, user: User, namespace: str) -> RulesFound:
        everything = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
        return RulesFound((everything, {"verbs": ["*"], "nonResourceURLs": ["*"]}))
