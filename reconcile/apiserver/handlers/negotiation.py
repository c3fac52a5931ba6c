"""Which form the answer takes: JSON, YAML, protobuf or CBOR; the object, a Table, or its metadata alone.

Two parts of kube-apiserver look at an Accept header, and each refuses in its own words: the router of the
built-in kinds, which wants one of its types by name, and the negotiation behind it, which knows qualities,
wildcards and parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

from reconcile.apiserver import status

Shape = Literal["", "Table", "PartialObjectMetadata", "PartialObjectMetadataList"]
Encoding = Literal["json", "yaml", "protobuf", "cbor"]

_TYPES: dict[str, Encoding] = {
    "application/json": "json",
    "application/yaml": "yaml",
    "application/vnd.kubernetes.protobuf": "protobuf",
}
_CBOR = "application/cbor"
_CBOR_SEQUENCE = "application/cbor-seq"
_STREAM_TYPES = ("application/json;stream=watch", "application/vnd.kubernetes.protobuf;stream=watch")


@dataclass(frozen=True, slots=True)
class Form:
    """The agreed form.

    Attributes:
        encoding: of the body.
        shape: transformation of the object; empty for none.
        pretty: indented JSON.
        version: of meta.k8s.io, in which Tables and metadata are written.
    """

    encoding: Encoding = "json"
    shape: Shape = ""
    pretty: bool = False
    version: str = "v1"


PLAIN = Form()


def _types(cbor: bool) -> dict[str, Encoding]:
    return {**_TYPES, _CBOR: "cbor"} if cbor else _TYPES


def accepted_types(*, cbor: bool = False) -> str:
    """The media types of bodies, as messages list them."""
    return ", ".join(_types(cbor))


def _stream_types(cbor: bool) -> str:
    return ", ".join((*_STREAM_TYPES, _CBOR_SEQUENCE) if cbor else _STREAM_TYPES)


@lru_cache(maxsize=256)
def negotiate(
    accept: str,
    *,
    watch: bool = False,
    watchable: bool = False,
    custom: bool = False,
    tables: bool = True,
    cbor: bool = False,
) -> Form:
    """The most acceptable form of an Accept header: by quality, then by how exact it is, then by order.

    `watch`: a stream is asked for. `watchable`: the path is one that can be watched, which a message tells.
    `custom`: a custom resource, whose objects have no protobuf form; their metadata has. `tables`: whether
    what is asked for has a Table, which reviews and actions have not. `cbor`: the server speaks it. Raises
    406.
    """
    if not accept or accept == "*/*":
        return PLAIN
    clauses = accept_clauses(accept)
    routed = {"*/*", *_types(cbor)}
    if cbor and watchable:
        routed.add(_CBOR_SEQUENCE)
    if not custom and not any(clause.media in routed for clause in clauses):
        types = accepted_types(cbor=cbor)
        if watchable:
            types = f"{types}, {_stream_types(cbor)}"
        raise status.StatusError(
            f"406: Not Acceptable\n\nAvailable representations: {types}",
            code=406,
            reason="NotAcceptable",
            details={},
        )

    def allows(encoding: Encoding, shape: str) -> bool:
        if not shape:
            return encoding != "protobuf" or not custom
        # A Table's cells are of any type: it has no protobuf form. In CBOR upstream does not offer it.
        return shape != "Table" or (tables and encoding not in ("protobuf", "cbor"))

    found = _choose(clauses, allows, cbor)
    if found is None:
        raise status.not_acceptable(
            f"only the following media types are accepted: {accepted_types(cbor=cbor)}"
        )
    if watch and found.encoding == "yaml":
        raise status.not_acceptable(f"only the following media types are accepted: {_stream_types(cbor)}")
    return found


@lru_cache(maxsize=256)
def negotiate_plain(accept: str, *, cbor: bool = False) -> Form:
    """The form of what is no object of the resource: an error's Status, a discovery document.

    Never fails: what cannot be agreed on is JSON.
    """
    if not accept or accept == "*/*":
        return PLAIN
    return _choose(accept_clauses(accept), lambda _, shape: not shape, cbor) or PLAIN


class Clause(NamedTuple):
    """One media range of an Accept header."""

    media: str
    parameters: dict[str, str]


def accept_clauses(accept: str) -> list[Clause]:
    """The media ranges of an Accept header, the preferred first."""
    found: list[tuple[float, bool, bool, Clause]] = []
    for part in accept.split(","):
        media, _, rest = part.strip().partition(";")
        parameters = {
            name.strip(): value.strip()
            for name, separator, value in (item.partition("=") for item in rest.split(";"))
            if separator
        }
        quality = _quality(parameters.pop("q", "1"))
        media = media.strip()
        wild = media.startswith("*"), media.endswith("*")
        found.append((-quality, *wild, Clause(media, parameters)))
    return [clause for *_, clause in sorted(found, key=lambda each: each[:3])]


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _choose(clauses: list[Clause], allows: Callable[[Encoding, str], bool], cbor: bool) -> Form | None:
    for media, parameters in clauses:
        for name, encoding in _types(cbor).items():
            if media not in (name, "application/*", "*/*"):
                continue
            form = _form(encoding, parameters)
            if form is not None and allows(encoding, form.shape):
                return form
    return None


def _form(encoding: Encoding, parameters: dict[str, str]) -> Form | None:
    """What the parameters of a media type ask for, None for what there is not."""
    stream = parameters.get("stream", "")
    if stream and (encoding == "yaml" or stream != "watch"):
        return None
    if parameters.get("sv", "v1") not in ("", "v1"):
        return None
    pretty = parameters.get("pretty") == "1" and encoding == "json"
    if not any(parameters.get(name) for name in ("as", "g", "v")):
        return Form(encoding, pretty=pretty)
    if parameters.get("g") != "meta.k8s.io" or parameters.get("v") not in ("v1", "v1beta1"):
        return None
    shape = parameters.get("as", "")
    if shape == "Table" or shape == "PartialObjectMetadata" or shape == "PartialObjectMetadataList":
        return Form(encoding, shape, pretty, parameters["v"])
    return None
