"""Record what the real Deployment and ReplicaSet controllers do in every script of `tests/helpers/histories`.

    python tools/record_workload_histories.py [SCRIPT…]

Builds and starts a control plane of the version that the records are of, plays the scripts and writes
`tests/helpers/histories/recorded/<version>/`. Takes some minutes.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from helpers.histories.real import control_plane, play_all
from helpers.histories.recorded import record
from helpers.histories.scripts import all_scripts


def main(names: list[str]) -> int:
    scripts = [script for name, script in all_scripts().items() if not names or name in names]
    with control_plane(ours=False) as plane:
        histories = asyncio.run(play_all(plane, scripts, ours=False, told=print))
    record(histories)
    broken = {name: history.violations for name, history in histories.items() if history.violations}
    for name, violations in broken.items():
        print(f"{name}: {violations}")
    print(f"{len(histories)} histories recorded")
    return 1 if broken else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
