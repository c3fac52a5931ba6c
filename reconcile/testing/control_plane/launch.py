"""Runs a command that dies with the process which asked for it: `launch.py PARENT_PID COMMAND ARGUMENT…`.
 A program of its own, since code between fork and exec is unsafe in a parent that has threads. Isolated
from the rest of the package: it is run by path.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Asks Linux for SIGKILL at the parent's death and becomes the command; elsewhere only the latter."""
    parent = int(sys.argv[1])
    command = sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        # The parent may have died before the request was in place, and then nobody sends the signal.
        if os.getppid() != parent:
            sys.exit(1)
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
