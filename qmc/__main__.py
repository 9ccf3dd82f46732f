"""`python -m qmc`: the command line, where `qmc` is not on the path."""

import sys

from qmc.cli import main

if __name__ == "__main__":
    sys.exit(main())
