"""What k8s.io/apiserver's own libraries say of expressions, and what ours do, asked and answered alike.

The oracle is the Go command of `tools/celoracle`, built once for each version of its sources into the cache
folder.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reconcile.cel import CelError, compile_schema
from reconcile.cel.compiler import Failed
from reconcile.cel.failure import Failure
from reconcile.cel.programs import Expression
from reconcile.cel.re2 import PatternError, compile_re2, find_all
from reconcile.cel.schema_types import Declared, declare
from reconcile.cel.schema_values import ValueSchema
from reconcile.cel.types import Type
from reconcile.cel.values import (
    Duration,
    ListValue,
    MapValue,
    Opaque,
    Optional,
    Timestamp,
    UInt,
    type_of_value,
)

Question = dict[str, Any]
Answer = dict[str, Any]

_SOURCE = Path(__file__).resolve().parents[2] / "tools" / "celoracle"


def build_oracle() -> Path:
    """The oracle's executable, built if need be; AssertionError with Go's words if it cannot be."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    folder = Path(cache) / "reconcile" / "celoracle"
    go = shutil.which("go")
    assert go is not None, "the oracle is built with Go, and there is no `go` in PATH"
    version = subprocess.run([go, "env", "GOVERSION"], capture_output=True, check=True, cwd=_SOURCE).stdout
    digest = hashlib.sha256(version)
    for path in sorted(_SOURCE.glob("*")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    target = folder / digest.hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            with tempfile.TemporaryDirectory(dir=folder) as partial:
                made = Path(partial) / "celoracle"
                command = [go, "build", "-trimpath", "-buildvcs=false", "-o", str(made), "."]
                environment = {**os.environ, "CGO_ENABLED": "0"}
                done = subprocess.run(command, cwd=_SOURCE, env=environment, capture_output=True, text=True)
                assert done.returncode == 0, f"`go build` of tools/celoracle failed:\n{done.stderr[-2000:]}"
                made.rename(target)
    return target


def module_folder(module: str) -> Path:
    """Where Go keeps the sources of `path@version`; it fetches them into its own cache once."""
    go = shutil.which("go")
    assert go is not None, "the sources come in a Go module, and there is no `go` in PATH"
    command = [go, "mod", "download", "-json", module]
    environment = {**os.environ, "GOFLAGS": "-mod=mod"}
    done = subprocess.run(command, capture_output=True, check=True, env=environment, cwd=_SOURCE)
    return Path(json.loads(done.stdout)["Dir"])


def ask_oracle(executable: Path, questions: Sequence[Question]) -> list[Answer]:
    """The oracle's answers, in the order of the questions."""
    lines = "".join(json.dumps(question) + "\n" for question in questions)
    done = subprocess.run([str(executable)], input=lines, capture_output=True, text=True, check=True)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(questions)
    return answers


def ask_ours(question: Question) -> Answer:
    """Our answer to a question, in the oracle's form."""
    if "pattern" in question:
        return _pattern(question["pattern"], question.get("text", ""))
    if "expression" in question:
        return _expression(question)
    return _schema(question)


def _pattern(pattern: str, text: str) -> Answer:
    try:
        compiled = compile_re2(pattern)
    except PatternError as error:
        return {"error": f"error parsing regexp: {error}", "found": False, "first": "", "all": None}
    match = compiled.search(text)
    return {
        "found": match is not None,
        "first": match.group() if match else "",
        "all": find_all(compiled, text, -1) or None,
    }


def _expression(question: Question) -> Answer:
    variables: dict[str, Declared] = {}
    values: dict[str, Any] = {}
    for name, schema in (question.get("types") or {}).items():
        declared = declare(schema)
        assert declared is not None
        variables[name] = declared.named(f"type.{name}")
        if name in (question.get("variables") or {}):
            values[name] = ValueSchema(schema).convert(question["variables"][name])
    try:
        expression = Expression(question["expression"], variables)
    except CelError as error:
        text = str(error)
        if text.startswith("program instantiation failed: "):
            return {"plan": text.removeprefix("program instantiation failed: ")}
        return {"issues": text}
    answer: Answer = {
        "type": str(expression.type),
        "min": expression.cost.min,
        "max": expression.cost.max,
    }
    try:
        value, answer["spent"] = expression.run(values)
        answer["value"] = plain(value)
    except Failed as failed:
        answer["error"], answer["spent"] = failed.message, failed.cost
    except Failure as failure:
        answer["error"] = failure.message
    return answer


def plain(value: Any) -> list[Any]:
    """A value as the oracle writes it."""
    match value:
        case None:
            return ["null", ""]
        case bool():
            return ["bool", "true" if value else "false"]
        case UInt():
            return ["uint", str(int(value))]
        case int():
            return ["int", str(value)]
        case float():
            return ["double", repr(value)]
        case str():
            return ["string", value]
        case bytes():
            return ["bytes", value.hex()]
        case Duration():
            return ["duration", str(value.nanos)]
        case Timestamp():
            seconds, nanos = divmod(value.nanos, 10**9)
            return ["timestamp", f"{seconds}.{nanos:09d}"]
        case Optional():
            return ["optional", plain(value.value)] if value.present else ["optional"]
        case ListValue():
            return ["list", [plain(item) for item in value]]
        case MapValue():
            entries = [[plain(key), plain((value.find(key) or (None,))[0])] for key in value]
            return ["map", sorted(entries, key=lambda entry: str(entry[0]))]
        case Type():
            return ["type", value.name]
        case Opaque():
            kind = {"kubernetes.Quantity": "quantity"}.get(value.type.name, value.type.name)
            return [kind, value.text]
        case _:
            return [type_of_value(value).name, str(value)]


def _schema(question: Question) -> Answer:
    compiled = compile_schema(question["schema"])
    answer: Answer = {
        "refusals": [
            {"type": each.reason, "field": each.field, "detail": each.message} for each in compiled.problems
        ],
        "costs": [
            {"field": each.field, "cost": each.cost, "cardinality": each.cardinality}
            for each in compiled.costs
        ],
    }
    if "object" in question:
        verdict = compiled.judge(question["object"], question.get("oldObject"))
        answer["violations"] = [
            {"type": each.reason, "field": each.field or "<nil>", "detail": each.message}
            for each in verdict.violations
        ]
        answer["warnings"] = len(verdict.warnings)
        answer["spent"] = verdict.cost
    return answer


_SELF = re.compile(r"selfType\d*")


@dataclass(frozen=True, slots=True)
class Difference:
    """Where two answers differ."""

    question: Question
    what: str
    theirs: Any
    ours: Any

    def __str__(self) -> str:
        asked = self.question.get("expression") or self.question.get("pattern") or json.dumps(self.question)
        return f"{self.what} of {asked!r}\n  theirs: {self.theirs!r}\n  ours:   {self.ours!r}"


def differences(question: Question, theirs: Answer, ours: Answer) -> list[Difference]:
    """How two answers to a question differ; nothing when they agree."""
    if "pattern" in question:
        pairs = [(key, theirs.get(key), ours.get(key)) for key in ("error", "found", "first", "all")]
    elif "expression" in question:
        pairs = list(_expression_pairs(theirs, ours))
    else:
        pairs = list(_schema_pairs(theirs, ours))
    return [Difference(question, what, one, other) for what, one, other in pairs if one != other]


def disagreements(executable: Path, questions: Sequence[Question], patience: int = 24) -> list[Difference]:
    """How our answers differ from the oracle's.

    Go's maps have no order of their own: where a fold over a map stops at the first failure, what it has cost
    by then, and which failure it is, changes from one answer to the next. A question is therefore put again
    before an answer is called different.
    """
    found: list[Difference] = []
    for question, theirs in zip(questions, ask_oracle(executable, questions), strict=True):
        ours = ask_ours(question)
        unlike = _unlike(question, theirs, ours)
        if unlike:
            again = ask_oracle(executable, [question] * patience)
            if all(_unlike(question, answer, ours) for answer in again):
                found += unlike
    return found


def _unlike(question: Question, theirs: Answer, ours: Answer) -> list[Difference]:
    if "panic" in theirs or "malformed" in theirs:
        return [Difference(question, "answer", theirs, ours)]
    return differences(question, theirs, ours)


def _expression_pairs(theirs: Answer, ours: Answer) -> list[tuple[str, Any, Any]]:
    if "issues" in theirs or "issues" in ours:
        one, other = theirs.get("issues"), ours.get("issues")
        if one and other and "Syntax error" in one and "Syntax error" in other:
            return []
        return [("issues", one, other)]
    if "plan" in theirs or "plan" in ours:
        return [("plan", theirs.get("plan"), ours.get("plan"))]
    if _CRASH in theirs.get("error", ""):
        ours = {**ours, "error": theirs["error"], "spent": theirs["spent"]}
    value = theirs.get("value")
    pairs = [
        ("type", theirs.get("type"), ours.get("type")),
        ("estimate", (theirs["min"], theirs["max"]), (ours["min"], ours["max"])),
        ("value", _loose(value), _loose(ours.get("value"))),
        ("error", _error(theirs.get("error")), _error(ours.get("error"))),
        ("spent", theirs["spent"], ours.get("spent")),
    ]
    return pairs


def _loose(value: Any) -> Any:
    """Doubles by value, and values of libraries by their type: their texts are no part of the language."""
    if isinstance(value, list) and value and value[0] == "double":
        return ["double", float(value[1])] if value[1] != "nan" else value
    if isinstance(value, list) and value and isinstance(value[0], str) and "." in value[0]:
        return value[0]
    if isinstance(value, list) and value and value[0] == "map":
        return ["map", sorted(([_loose(part) for part in entry] for entry in value[1]), key=str)]
    if isinstance(value, list):
        return [_loose(item) for item in value]
    return value


def _error(text: str | None) -> str | None:
    """An error without numbers of nodes, and without Go's reasons why a text is no address."""
    if text is None:
        return None
    text = re.sub(r"(no such overload: \S+) \d+$", r"\1", text)
    return re.sub(r'((?:ParseAddr|ParsePrefix)\("[^"]*"\)): .*$', r"\1", text)


def _about_rules(refusal: dict[str, str]) -> bool:
    return "x-kubernetes-validations" in refusal["field"] or "estimated rule cost" in refusal["detail"]


_PREFIX = "spec.validation.openAPIV3Schema"


_RULE_FIELDS = re.compile(r"x-kubernetes-validations\[\d+\]\.(message|reason|fieldPath)$")


# What the server says, and what it counts, after a crash of a library's function that it caught.
_CRASH = "internal error: interface conversion"


def _crashed(theirs: Answer) -> bool:
    return any(_CRASH in each["detail"] for each in theirs.get("violations") or ())


def _schema_pairs(theirs: Answer, ours: Answer) -> list[tuple[str, Any, Any]]:
    foreign = [each for each in theirs["refusals"] if not _about_rules(each)]
    theirs = {**theirs, "refusals": [each for each in theirs["refusals"] if _about_rules(each)]}
    if foreign:
        # A schema that is wrong in itself is refused before its rules are looked at.
        ours = {**ours, "refusals": theirs["refusals"], "costs": theirs["costs"]}
    if any(_RULE_FIELDS.search(each["field"]) or "Required" in each["type"] for each in ours["refusals"]):
        ours = {**ours, "costs": theirs["costs"]}

    def refusals(answer: Answer) -> list[tuple[str, str, str]]:
        return sorted(
            (each["type"], each["field"].removeprefix(_PREFIX).removeprefix("."), _text(each["detail"]))
            for each in answer["refusals"]
        )

    def violations(answer: Answer) -> list[tuple[str, str, str]]:
        return sorted(
            (each["type"], each["field"], _text(each["detail"])) for each in answer.get("violations") or ()
        )

    def costs(answer: Answer) -> list[tuple[str, int, int]]:
        return sorted((each["field"], each["cost"], each["cardinality"]) for each in answer["costs"])

    if _crashed(theirs):
        ours = {**ours, "violations": theirs["violations"], "spent": theirs["spent"]}
    warnings = theirs.get("warnings")
    return [
        ("refusals", refusals(theirs), refusals(ours)),
        ("costs", costs(theirs), costs(ours)),
        ("violations", violations(theirs), violations(ours)),
        *(
            [("spent", theirs["spent"], ours["spent"]), ("warnings", len(warnings or ()), ours["warnings"])]
            if "spent" in ours
            else ()
        ),
    ]


def _text(detail: str) -> str:
    """A detail without what no one can know: the random names of types; of syntax errors, the words."""
    if "Syntax error" in detail:
        return "compilation failed: Syntax error"
    detail = detail.replace(f"schema within {_PREFIX}.", "schema within ")
    return _SELF.sub("selfType", detail)
