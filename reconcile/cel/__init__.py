"""The Common Expression Language as Kubernetes 1.36 has it: parse, type-check, cost, evaluate.

Rules of a CustomResourceDefinition (`x-kubernetes-validations`) are compiled against its structural schema,
as kube-apiserver compiles them when the definition is created, and evaluated on objects as it does when they
are written. Schemas and objects are plain JSON: dicts, lists, strings, numbers.

A whole schema:

    compiled = compile_schema(schema)       # openAPIV3Schema of one version; never raises
    compiled.problems                       # what a server would refuse: field, reason, message, place
    compiled.costs                          # the estimated cost of each rule, beside the limits
    compiled.raise_for_problems()           # CelError with the same words
    compiled.validate(new, old)             # violations: field path, reason, message; old None on creation

One rule, against the schema it stands in (`root=True` for a custom resource's own schema):

    program = compile_rule(schema, "self.replicas <= self.maxReplicas")     # CelError: syntax, type, cost
    program.cost                            # CostEstimate(min, max)
    program.evaluate(value, old)            # the value; CelEvaluationError

An expression over variables of one's own (as admission policies have them):

    program = compile_expression("object.spec.replicas < params.max", {"object": None, "params": schema})
    program.evaluate({"object": value, "params": value})

A selector of devices, as ResourceClaims and DeviceClasses have them:

    selector = DeviceSelector("device.attributes['gpu.example.com'].cores > 8")
    selector.matches(driver="gpu.example.com", attributes={"cores": 16}, capacity={})       # True

A pattern, as schemas and `matches` have them:

    check_re2("^(?=a)")                     # "invalid or unsupported Perl syntax: `(?=`", or None

Guarantees: verdict, error path, rejection by cost and both costs (estimated and actual) agree with
k8s.io/apiserver v0.36; the test suite compares them one by one with that library. Texts of type errors and
evaluation errors are cel-go's; of a syntax error the place is, and the words are our own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reconcile.cel.compiled import (
        CompiledSchema,
        Program,
        compile_expression,
        compile_rule,
        compile_schema,
    )
    from reconcile.cel.devices import DeviceSelector, Version
    from reconcile.cel.errors import (
        CelBudgetError,
        CelCostError,
        CelError,
        CelEvaluationError,
        CelSyntaxError,
        CelTypeError,
        Issue,
    )
    from reconcile.cel.limits import (
        PER_CALL_LIMIT,
        PER_EXPRESSION_ESTIMATE_LIMIT,
        PER_SCHEMA_ESTIMATE_LIMIT,
        RUNTIME_BUDGET,
    )
    from reconcile.cel.programs import Expression
    from reconcile.cel.re2 import check_re2
    from reconcile.cel.results import CostEstimate, RuleCost, RuleProblem, Verdict, Violation

# Found when they are used: who stores definitions without rules does not wait for a compiler.
_ROOMS = {
    "compiled": ("CompiledSchema", "Program", "compile_expression", "compile_rule", "compile_schema"),
    "devices": ("DeviceSelector", "Version"),
    "errors": (
        "CelBudgetError",
        "CelCostError",
        "CelError",
        "CelEvaluationError",
        "CelSyntaxError",
        "CelTypeError",
        "Issue",
    ),
    "limits": (
        "PER_CALL_LIMIT",
        "PER_EXPRESSION_ESTIMATE_LIMIT",
        "PER_SCHEMA_ESTIMATE_LIMIT",
        "RUNTIME_BUDGET",
    ),
    "programs": ("Expression",),
    "re2": ("check_re2",),
    "results": ("CostEstimate", "RuleCost", "RuleProblem", "Verdict", "Violation"),
}
_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names}

__all__ = [
    "PER_CALL_LIMIT",
    "PER_EXPRESSION_ESTIMATE_LIMIT",
    "PER_SCHEMA_ESTIMATE_LIMIT",
    "RUNTIME_BUDGET",
    "CelBudgetError",
    "CelCostError",
    "CelError",
    "CelEvaluationError",
    "CelSyntaxError",
    "CelTypeError",
    "CompiledSchema",
    "CostEstimate",
    "DeviceSelector",
    "Expression",
    "Issue",
    "Program",
    "RuleCost",
    "RuleProblem",
    "Verdict",
    "Version",
    "Violation",
    "check_re2",
    "compile_expression",
    "compile_rule",
    "compile_schema",
]


def __getattr__(name: str) -> Any:
    room = _ROOM_OF.get(name)
    if room is None:
        raise AttributeError(f"module 'reconcile.cel' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"reconcile.cel.{room}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_ROOM_OF})
