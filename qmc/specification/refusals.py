"""`InvalidField`: a refusal that knows which field of a problem file it is about."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from qmc.errors import InvalidProblem

if TYPE_CHECKING:
    from pydantic import ValidationError

_SHOWN = 60
# how the nouns refuse a field: "strike=-1.0: must be ..." or "weights[3]=nan: must be ..."
_NOUN = re.compile(
    r"(?P<name>[a-z_][a-z0-9_]*)(?P<given>(\.[a-z]+)?(\[[^]]*\])?=.*?)"
    r": (?P<complaint>(must|unknown) .*)"
)
_INSTANCE = re.compile(r" or instance of \w+Section")
_PLAIN = (
    ("Input should be", "must be"),
    ("a valid integer", "a whole number"),
    ("a valid dictionary or object to extract fields from", "a section of fields"),
    ("a valid dictionary", "a section of fields"),
    ("a valid string", "text in quotes"),
    ("a valid ", "a "),
    ("greater than or equal to 0", "a whole number >= 0"),
)


class InvalidField(InvalidProblem):
    """One or more fields of a problem file that cannot be used.

    Attributes:
        paths: the fields, such as ("contract.strike",).
        given: what was given, such as "=-1.0"; empty when nothing was.
        complaint: what is allowed and what to do.
        is_missing: True when nothing was given.
    """

    def __init__(self, paths: Sequence[str], given: str, complaint: str) -> None:
        """Keep the parts, so that a command line can name its option instead."""
        self.paths = tuple(paths)
        self.given = given
        self.complaint = complaint
        noun = "field" if len(self.paths) == 1 else "fields"
        self.is_missing = complaint.startswith("missing")
        super().__init__(f"{noun} {', '.join(self.paths)}{given}: {complaint}")


@contextmanager
def naming(section: str, **renamed: str) -> Iterator[None]:
    """Turn a noun's refusal into one of a field of `section`.

    Args:
        section: the section that the noun is made of.
        renamed: the noun's name of a field -> the section's.
    """
    try:
        yield
    except InvalidField:
        raise
    except InvalidProblem as error:
        text = str(error)
        found = _NOUN.fullmatch(text)
        if found is None:
            raise  # it speaks of a file or of data, not of a field
        name = renamed.get(found["name"], found["name"])
        path = name if "." in name else f"{section}.{name}"
        raise InvalidField([path], found["given"], found["complaint"]) from error


def refusal(error: ValidationError, fields: Mapping[str, Sequence[str]]) -> InvalidField:
    """The first complaint of pydantic in this project's words; all missing fields at once.

    Args:
        error: what pydantic found.
        fields: the fields that each section, and each kind of one, has.
    """
    found = error.errors(include_url=False)
    missing = [_path(one["loc"], fields) for one in found if one["type"] == "missing"]
    if len(missing) == len(found):
        return InvalidField(missing, "", f"missing; {_add(missing)}")
    first = next(one for one in found if one["type"] != "missing")
    more = len(found) - 1
    tail = f" (and {more} more)" if more else ""
    path, given, complaint = _complaint(first, fields)
    return InvalidField([path], given, complaint + tail)


def shown(value: object) -> str:
    """What was given as a refusal says it, cut where it is long.

    >>> shown(-1.0)
    '=-1.0'
    """
    text = repr(value)
    return f"={text}" if len(text) <= _SHOWN else f"={text[:_SHOWN]}..."


def _add(missing: Sequence[str]) -> str:
    return "add it to the file" if len(missing) == 1 else "add them to the file"


def _complaint(one: Any, fields: Mapping[str, Sequence[str]]) -> tuple[str, str, str]:  # noqa: ANN401
    """Path, what was given and the complaint of one error of pydantic."""
    kind, path = one["type"], _path(one["loc"], fields)
    given = shown(one["input"])
    if kind == "extra_forbidden":
        owner = next(str(part) for part in reversed(one["loc"][:-1] or ("file",))).strip("<>")
        others = ", ".join(name for name in fields[owner] if name != "kind")
        return path, given, f"unknown here; {owner} takes {others or 'no other field'}"
    if kind == "union_tag_not_found":
        return f"{path}.kind", "", f"missing; give one of {', '.join(_kinds(path, fields))}"
    if kind == "union_tag_invalid":
        tag = one["ctx"]["tag"]
        return f"{path}.kind", f"={tag!r}", f"must be one of {', '.join(_kinds(path, fields))}"
    reason = _INSTANCE.sub("", one["msg"])
    for before, after in _PLAIN:
        reason = reason.replace(before, after)
    return path, given, reason[0].lower() + reason[1:]


def _kinds(path: str, fields: Mapping[str, Sequence[str]]) -> Sequence[str]:
    """The kinds that the table of a path may be of; those in a list are contracts."""
    return fields.get("contracts.kind" if path.endswith("]") else f"{path}.kind", ())


def _path(location: Sequence[int | str], fields: Mapping[str, Sequence[str]]) -> str:
    """`contract.strike` of ("contract", "call", "strike"): the kind of a section is no field."""
    parts: list[int | str] = []
    above: int | str = ""
    for part in location:
        # the kind of a section and the tag of a union are no fields
        owners = _kinds(str(above), fields) if parts else ()
        if part not in owners and not (isinstance(part, str) and part.startswith("<")):
            parts.append(part)
        above = f"[{part}]" if isinstance(part, int) else part
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)
    return text.removeprefix(".")
