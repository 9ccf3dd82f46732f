"""A problem file: TOML (or command-line options) -> problems, goal and quantum engine.

pydantic checks the shape (unknown, missing and mistyped fields); the values are checked by the
nouns themselves, so a number out of range is refused with the same words in a file, on the command
line and in Python. Models and contracts are the dataclasses of `qmc.models` and `qmc.contracts`, by
their own fields; `written` goes the other way. Every refusal names the field by its path, such as
`contract.strike`.
"""

from qmc.specification.nouns import written
from qmc.specification.refusals import InvalidField
from qmc.specification.specification import Specification
from qmc.specification.toml import read_toml

__all__ = ["InvalidField", "Specification", "read_toml", "written"]
