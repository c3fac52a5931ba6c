"""What a model says to the generator beyond its types: columns, scale, rules.

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
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

Reason: TypeAlias = Literal[
    "", "FieldValueInvalid", "FieldValueForbidden", "FieldValueRequired", "FieldValueDuplicate"
]


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


@dataclass(frozen=True, slots=True)
class Rule:
    """A CEL rule that the server checks, in an annotation: `Annotated[str, Rule("self == oldSelf")]`.

    Attributes:
        rule: the expression; `self` is the value, `oldSelf` the one before in a transition rule.
        message: what a violation says; by default the server quotes the rule.
        message_expression: CEL for the message, where it depends on the value.
        reason: machine-readable reason of the violation.
        field_path: path of the field that is blamed, below the one that carries the rule.
        optional_old_self: whether a transition rule also runs at creation, with an optional `oldSelf`.
    """

    rule: str
    message: str = ""
    message_expression: str = ""
    reason: Literal[
        "", "FieldValueInvalid", "FieldValueForbidden", "FieldValueRequired", "FieldValueDuplicate"
    ] = ""
    field_path: str = ""
    optional_old_self: bool = False

    def to_wire(self) -> dict[str, Any]:
        optional = {
            "message": self.message,
            "messageExpression": self.message_expression,
            "reason": self.reason,
            "fieldPath": self.field_path,
            "optionalOldSelf": self.optional_old_self,
        }
        return {"rule": self.rule, **{name: value for name, value in optional.items() if value}}

    def __get_pydantic_json_schema__(self, core_schema: Any, handler: Any) -> dict[str, Any]:
        schema: dict[str, Any] = dict(handler(core_schema))
        schema["x-kubernetes-validations"] = [*schema.get("x-kubernetes-validations", ()), self.to_wire()]
        return schema
