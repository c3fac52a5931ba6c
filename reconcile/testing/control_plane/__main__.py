"""`python -m reconcile.testing.control_plane`: builds the executables if need be, prints their directory."""

import sys

from reconcile.testing.control_plane.build import ensure_binaries
from reconcile.testing.control_plane.errors import BinariesUnavailableError


def main() -> int:
    """Returns the exit status: 1, with the reason on the standard error, if there are no executables."""
    try:
        print(ensure_binaries().directory)
    except BinariesUnavailableError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
