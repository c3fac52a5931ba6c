"""How long the definition of a large kind takes, and how many bytes it has.

python -m benchmarks.generate_crd
python -m benchmarks.generate_crd --runs 20
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    sys.path.insert(0, str(ROOT / "tests"))
    from helpers.large_model import Monitor

    from reconcile.crd import generate, to_yaml

    made, written = [], []
    for _ in range(runs):
        began = time.process_time()
        (generated,) = generate([Monitor])
        made.append(time.process_time() - began)
        began = time.process_time()
        text = to_yaml(generated.definition)
        written.append(time.process_time() - began)
    (cut,) = generate([Monitor], max_description=0)
    command = [sys.executable, "-m", "reconcile.cli", "gen-crd", "tests/helpers/large_model.py", "--stdout"]
    began = time.perf_counter()
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    whole = time.perf_counter() - began
    print(f"definition: {statistics.median(made):.2f} s of CPU; as YAML: {statistics.median(written):.2f} s")
    print(f"the whole command, Python's start and imports included: {whole:.2f} s of wall time")
    print(f"{text.count(chr(10))} lines, {len(text.encode())} bytes of YAML")
    print(
        f"as JSON {_size(generated.definition)} bytes, without descriptions {_size(cut.definition)}; ", end=""
    )
    print("kubectl apply takes 262144")


def _size(definition: object) -> int:
    return len(json.dumps(definition, separators=(",", ":"), ensure_ascii=False).encode())


if __name__ == "__main__":
    main()
