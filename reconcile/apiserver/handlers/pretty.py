"""Who gets indented JSON: those that ask, and programs before which a person sits."""

from __future__ import annotations

from reconcile.apiserver.handlers.messages import Request

# By their User-Agent, as upstream knows them.
_READ_BY_PEOPLE = ("curl", "Wget", "Mozilla/5.0")
_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})


def wants_pretty(request: Request) -> bool:
    """Whether JSON is to be indented: by the query, which may refuse it too, else by who asks."""
    for name, value in request.query:
        if name == "pretty":
            if value:
                return value in _TRUE
            break
    return request.headers.get("user-agent", "").startswith(_READ_BY_PEOPLE)
