"""`python -m qmc.cli`."""

import sys

from qmc.cli.entry import main

if __name__ == "__main__":
    sys.exit(main())
