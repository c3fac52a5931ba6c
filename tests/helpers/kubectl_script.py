"""A conversation with kubectl, the same before any server, and what of its output must differ between two."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

NAMESPACE = "script"

_VARYING = (
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "UID"),
    (re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"), "TIME"),
    (re.compile(r"\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}"), "TIME"),
    (re.compile(r'(resourceVersion"?: )"?\d+"?'), r"\1RV"),
    (re.compile(r"\bResource Version:( +)\d+"), r"Resource Version:\1RV"),
    (re.compile(r"\b10\.\d+\.\d+\.\d+\b"), "IP"),
    (re.compile(r"https?://(127\.0\.0\.1|localhost):\d+"), "SERVER"),
    (re.compile(r"(?<=[\s(])(<unknown>|<invalid>|(\d+[dhms])+)(?=[\s)])"), "AGE"),
    (re.compile(r"\bkube-api-access-\w{5}\b"), "kube-api-access-SUFFIX"),
    (re.compile(r"/tmp/\S+"), "FILE"),
    (re.compile(r"[ \t]+"), " "),
)


def plain(text: str) -> str:
    """The text without what two servers cannot agree on: uids, times, versions, addresses, widths."""
    text += "\n"
    for pattern, replacement in _VARYING:
        text = pattern.sub(replacement, text)
    return "\n".join(line.rstrip() for line in text.rstrip().splitlines())


@dataclass(frozen=True)
class Said:
    """What one command came to."""

    command: str
    status: int
    output: str
    errors: str

    def __str__(self) -> str:
        return f"$ kubectl {self.command}\n[{self.status}]\n{self.output}\n--\n{self.errors}"


@dataclass(frozen=True)
class Step:
    """One command line; `stdin` is what it reads, `editor` a sed script that takes an editor's place.

    `any_order`: lines come in an order that the server does not set. `without`: lines with this are left out.
    """

    command: str
    stdin: str = ""
    editor: str = ""
    any_order: bool = False
    without: str = ""


def run(program: Path, kubeconfig: Path, steps: list[Step]) -> Iterator[Said]:
    """Each step in turn, with what it came to."""
    base = [str(program), f"--kubeconfig={kubeconfig}", f"--cache-dir={kubeconfig}.cache", f"-n={NAMESPACE}"]
    for step in steps:
        environment = {**os.environ, "KUBECTL_KUBERC": "false"}
        if step.editor:
            environment["KUBE_EDITOR"] = f"sed -i {step.editor}"
        done = subprocess.run(
            [*base, *step.command.split(" ")],
            input=step.stdin,
            capture_output=True,
            text=True,
            timeout=600,
            env=environment,
            check=False,
        )
        output, errors = plain(done.stdout), plain(done.stderr)
        if step.any_order:
            output, errors = ("\n".join(sorted(text.splitlines())) for text in (output, errors))
        if step.without:
            lines = output.splitlines()
            output = "\n".join(line for line in lines if step.without not in line)
        yield Said(step.command, done.returncode, output, errors)
