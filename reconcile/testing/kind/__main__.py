"""`python -m reconcile.testing.kind`: builds what kind clusters need, prints where it is."""

import sys

from reconcile.testing.kind.errors import KindUnavailableError
from reconcile.testing.kind.kit import ensure_kit


def main() -> int:
    """Returns the exit status: 1, with the reason on the standard error, if no cluster can be had."""
    try:
        kit = ensure_kit()
    except KindUnavailableError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"kind: {kit.kind}\nkubectl: {kit.kubectl}\nnode image: {kit.image}\nPATH for kind: {kit.path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
