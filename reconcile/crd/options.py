"""What a kind says of itself beside its schema: columns, scale, conversion.

    class Database(
        CustomResource, group="example.com", version="v1", short_names=["db"], categories=["all"],
        printer_columns=[PrinterColumn("Phase", ".status.phase")],
    ): ...

Class keywords of a CustomResource, all optional but group and version:

    kind, plural, singular      names; by default from the class's name
    namespaced                  default True
    short_names, categories     for kubectl
    status                      status subresource; by default, whether the model has a field `status`
    scale                       `Scale(…)`
    printer_columns             of `PrinterColumn`
    selectable_fields           JSON paths such as `.spec.size`
    deprecated                  True, or the warning's text
    served                      default True
    storage                     which of several versions is stored; the only one always is
    skip                        leave this version out of the definition
    labels, annotations         of the definition itself
    conversion                  `WebhookConversion(…)`, where versions differ

Several versions of one kind are several classes with the same group and kind. What belongs to the kind and
not to a version (names, scope, labels, conversion) is said in one of them, or the same in all.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from reconcile.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class PrinterColumn:
    """A column of `kubectl get`.

    Attributes:
        name: its heading.
        path: JSON path to the value, such as `.status.phase`.
        type: how it is shown; `date` shows an age.
        description: what `kubectl describe crd` says of it.
        format: such as `int32`; empty for none.
        priority: 0 is always shown, above 0 only with `-o wide`.
    """

    name: str
    path: str
    type: Literal["string", "integer", "number", "boolean", "date"] = "string"
    description: str = ""
    format: str = ""
    priority: int = 0

    def to_wire(self) -> dict[str, Any]:
        wire: dict[str, Any] = {"name": self.name, "type": self.type, "jsonPath": self.path}
        if self.description:
            wire["description"] = self.description
        if self.format:
            wire["format"] = self.format
        if self.priority:
            wire["priority"] = self.priority
        return wire


@dataclass(frozen=True, slots=True)
class Scale:
    """The scale subresource: where `kubectl scale` and autoscalers read and write.

    Attributes:
        spec_replicas: JSON path to the wanted number.
        status_replicas: JSON path to the actual number.
        selector: JSON path to the label selector as a string; empty for none.
    """

    spec_replicas: str = ".spec.replicas"
    status_replicas: str = ".status.replicas"
    selector: str = ""

    def to_wire(self) -> dict[str, Any]:
        wire = {"specReplicasPath": self.spec_replicas, "statusReplicasPath": self.status_replicas}
        return {**wire, "labelSelectorPath": self.selector} if self.selector else wire


@dataclass(frozen=True, slots=True)
class WebhookConversion:
    """Who converts between the versions of a kind: a webhook, by service or by URL.

    Attributes:
        service: `namespace/name` of the service; empty for a URL.
        path: the path on the service.
        port: the port of the service.
        url: `https://…`, in place of a service.
        ca_bundle: PEM of the authority that signed the webhook's certificate; empty where something else
            (cert-manager, the operator at its start) fills it in.
        review_versions: versions of ConversionReview that the webhook understands, the preferred one first.
    """

    service: str = ""
    path: str = "/convert"
    port: int = 443
    url: str = ""
    ca_bundle: bytes = b""
    review_versions: Sequence[str] = ("v1",)

    def to_wire(self) -> dict[str, Any]:
        """The stanza `spec.conversion`.

        Raises:
            ConfigurationError: not exactly one of service and url is given, or the service has no namespace.
        """
        if bool(self.service) == bool(self.url):
            raise ConfigurationError("WebhookConversion takes either service= or url=")
        client: dict[str, Any] = {"url": self.url}
        if self.service:
            namespace, _, name = self.service.partition("/")
            if not name:
                raise ConfigurationError(
                    f"WebhookConversion(service={self.service!r}): write it as namespace/name"
                )
            client = {"service": {"namespace": namespace, "name": name, "path": self.path, "port": self.port}}
        if self.ca_bundle:
            client["caBundle"] = base64.b64encode(self.ca_bundle).decode()
        return {
            "strategy": "Webhook",
            "webhook": {"clientConfig": client, "conversionReviewVersions": list(self.review_versions)},
        }
