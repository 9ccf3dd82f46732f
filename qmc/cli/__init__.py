"""The command `qmc`: data to stdout, progress and errors to stderr, an exit code that means it.

Exit codes: 0 done, 1 failed, 2 usage or specification, 3 goal not reached (the result is still
printed), 130 interrupted. Heavy modules are imported inside the commands, so help is quick.
"""

from qmc.cli.entry import main

__all__ = ["main"]
