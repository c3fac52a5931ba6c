"""Packs what the built-in kinds look like as protobuf for the embedded server.

    go run ./wiretypes > wiretypes.json         (in tools/controlplane)
    python tools/generate_protobuf_tables.py wiretypes.json

Output, byte-stable: reconcile/apiserver/protobuf/tables.json.gz. Its form is described in the Go program.
"""

from __future__ import annotations

import argparse
import gzip
import json
from pathlib import Path

OUTPUT = Path(__file__).parent.parent / "reconcile" / "apiserver" / "protobuf" / "tables.json.gz"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("wire_types", type=Path)
    parser.add_argument("--output", type=Path, default=OUTPUT)
    options = parser.parse_args()
    document = json.loads(options.wire_types.read_text())
    data = json.dumps(document, separators=(",", ":")).encode()
    options.output.write_bytes(gzip.compress(data, 9, mtime=0))


if __name__ == "__main__":
    main()
