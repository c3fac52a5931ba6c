"""The `authorizer` of expressions, on top of the server's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconcile.apiserver.access.attributes import Attributes
from reconcile.apiserver.interfaces import AdmissionAttributes, User

if TYPE_CHECKING:
    from reconcile.cel.libraries.authorizer import Answer, Ask, Question


def asking(attributes: AdmissionAttributes) -> Ask:
    """Answers questions of expressions for whoever makes the request, each once."""
    from reconcile.cel.libraries.authorizer import Answer

    authorizer = attributes.context.access.authorizer
    known: dict[Question, Answer] = {}

    def ask(question: Question) -> Answer:
        found = known.get(question)
        if found is None:
            if authorizer is None:
                found = Answer(True)
            else:
                decision = authorizer.authorize(_attributes(question, attributes.user))
                found = Answer(decision.allowed, decision.reason)
            known[question] = found
        return found

    return ask


def _attributes(question: Question, user: User) -> Attributes:
    if question.service_account is not None:
        namespace, name = question.service_account
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}")
        user = User(f"system:serviceaccount:{namespace}:{name}", groups)
    if question.path:
        return Attributes(user, question.verb, path=question.path, is_resource=False)
    return Attributes(
        user,
        question.verb,
        resource=question.resource,
        group=question.group,
        version="*",
        subresource=question.subresource,
        namespace=question.namespace,
        name=question.name,
    )
