"""Writes examples/operators/scheduler/default_plugins.py: kube-scheduler's default profile, from its code.

python tools/generate_scheduler_profile.py            write
python tools/generate_scheduler_profile.py --check    fail where the table differs

Needs Go: the profile is printed by tools/controlplane/scheduleroracle.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
TABLE = ROOT / "examples" / "operators" / "scheduler" / "default_plugins.py"


def main() -> int:
    command = ["go", "run", "./scheduleroracle", "profile"]
    done = subprocess.run(command, cwd=ROOT / "tools" / "controlplane", capture_output=True, check=True)
    text = rendered(json.loads(done.stdout))
    if "--check" in sys.argv:
        if TABLE.read_text() != text:
            print(f"{TABLE.relative_to(ROOT)} differs: run python tools/generate_scheduler_profile.py")
            return 1
        return 0
    TABLE.write_text(text)
    return 0


def rendered(profile: dict[str, Any]) -> str:
    lines = [
        '"""kube-scheduler 1.36\'s default profile; tools/generate_scheduler_profile.py writes it."""',
        "",
        "from __future__ import annotations",
        "",
        "PLUGINS: tuple[tuple[str, int], ...] = (",
        *(f'    ("{each["name"]}", {each.get("weight", 0)}),' for each in profile["plugins"]),
        ")",
        '"""Each plugin in its order, with its weight; 0 for those that do not score."""',
        "",
        "GATES: dict[str, bool] = {",
        *(f'    "{name}": {is_on},' for name, is_on in sorted(profile["gates"].items())),
        "}",
        '"""The feature gates that plugins look at. What is off is not built here."""',
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
