"""From a command's options to the specification of what to solve, and refusals back to options."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from qmc.cli.catalogue import CONTRACT, FLAGS, MARKET, METHOD, METHODS, OPTIONS, PORTFOLIO
from qmc.cli.options import Given
from qmc.errors import InvalidProblem, Unsupported

if TYPE_CHECKING:
    from qmc.problem import Problem
    from qmc.resources import Machine
    from qmc.specification import InvalidField, Specification

Kind: TypeAlias = Literal["price", "risk"]

_DEFAULTS: dict[Kind, dict[str, str]] = {
    "price": {"model": "black-scholes", "contract": "call", "measure": "price"},
    "risk": {"model": "filtered", "contract": "portfolio", "measure": "both"},
}
_HELD = {"portfolio", "book", "delta-gamma"}
_RETURNS = {"filtered", "historical", "normal", "student-t"}
_PRICE_ONLY = {one.name for one in (*MARKET, *CONTRACT)}
_RISK_ONLY = {one.name for one in PORTFOLIO} | {"level"}
_RISK_MEASURES = {
    "var", "es", "both", "tail-conditional-expectation", "economic-capital", "expected-loss",
}  # fmt: skip
_MEASURES = {
    "price": {"price", "probability", "greek", "expected-loss"},
    "risk": {*_RISK_MEASURES, "probability"},
}


def specification(given: Given, kind: Kind | None = None) -> Specification:
    """Merge a file, options (which win) and defaults (which lose).

    Args:
        given: options by name.
        kind: what the command is for; None when it takes both.

    Raises:
        InvalidProblem: when the file cannot be read, or asks for what another command does.
        InvalidField: from the specification.
    """
    from qmc.specification import InvalidField, Specification, read_toml

    data = read_toml(given["file"]) if "file" in given else {}
    for one in OPTIONS:
        if one.path and one.name in given:
            _put(data, one.path, given[one.name], replace=True)
    if "method" in given:
        for name, word in _method(given).items():
            _put(data, f"model.{name}", word, replace=True)
    if "greek" in given:
        _put(data, "measure.kind", "greek", replace="measure" not in given)
    found = _kind_of(data) or kind or _kind_by_options(data, given)
    if kind is not None and found != kind:
        msg = f"`qmc {kind}` is not for this problem, which has {_what(data)}: use `qmc {found}`"
        raise InvalidProblem(msg)
    measure, other = _word(data, "measure"), "risk" if found == "price" else "price"
    if kind is not None and measure in _MEASURES[other] - _MEASURES[found]:
        allowed = ", ".join(sorted(_MEASURES[found]))
        raise InvalidField(["measure.kind"], f"={measure!r}", f"must be one of {allowed} here")
    for section, word in _DEFAULTS[found].items():
        _put(data, f"{section}.kind", word, replace=False)
    return Specification.from_mapping(data)


def _method(given: Given) -> dict[str, str]:
    """The fields of the model that `--method` names.

    Raises:
        InvalidProblem: for another word, and beside `--model` or `--filter`.
    """
    word = given["method"]
    for other in ("model", "filter"):
        if other in given:
            msg = f"options --{other}, --method={word!r}: must not be given both; leave one out"
            raise InvalidProblem(msg)
    if word not in METHODS:
        msg = f"option {METHOD.flag}={word!r}: must be one of {', '.join(METHODS)}"
        raise InvalidProblem(msg)
    return METHODS[word]


def require_used(spec: Specification, given: Given) -> None:
    """Refuse settings of the quantum engine when another one alone shall solve.

    A file may keep its own while `--engine` chooses for once; options stand beside that choice.

    Raises:
        InvalidField: naming the settings.
    """
    unused = spec.unused()
    if "engine" in given:
        by_option = {one.path for one in OPTIONS if one.name in given}
        unused = tuple(path for path in unused if path in by_option)
    spec.require_used(unused)


def physical_machine(given: Given, problems: Sequence[Problem]) -> Machine | None:
    """The machine of `--physical`; None without the flag.

    Raises:
        InvalidProblem: for a search, which is many circuits and no one run; without the extra.
    """
    if "physical" not in given:
        return None
    from qmc.measures import TailMeasure
    from qmc.resources.machine import Machine, require_estimator

    searches = [
        type(one.measure).__name__ for one in problems if isinstance(one.measure, TailMeasure)
    ]
    if searches:
        msg = (
            f"option --physical: must be left out for {' and '.join(searches)}, a search over many "
            "circuits; qmc.resources.resources gives the size of one of them"
        )
        raise InvalidProblem(msg)
    try:
        require_estimator()
    except Unsupported as error:
        msg = f"option --physical: {error}".replace("leave out machine=", "leave it out")
        raise Unsupported(msg) from error
    return Machine()


@contextmanager
def wording(given: Given) -> Iterator[None]:
    """Name the option, or the file, that a refused field came from."""
    from qmc.specification import InvalidField

    try:
        yield
    except InvalidField as error:
        raise InvalidProblem(_worded(error, given)) from error


def _worded(error: InvalidField, given: Given) -> str:
    by_option = {one.path for one in OPTIONS if one.name in given}
    # "contract.weights[1]" is the second number of --weights
    fields = {path: path.partition("[")[0] for path in error.paths}
    if "file" in given and not by_option.issuperset(fields.values()):
        return f"{given['file']}: {error}"
    if not FLAGS.keys() >= set(fields.values()):  # of the data that an option names
        names = ", ".join(path.partition(".")[2] for path in fields)
        return f"{names}{error.given}: {error.complaint}"
    flags = ", ".join(FLAGS[field] + path.removeprefix(field) for path, field in fields.items())
    noun = "option" if len(fields) == 1 else "options"
    if error.is_missing:
        them = "it" if len(fields) == 1 else "them"
        return f"{noun} {flags}: missing; give {them}, or a problem file with --file"
    return f"{noun} {flags}{error.given}: {error.complaint}"


def _kind_of(data: Mapping[str, Any]) -> Kind | None:
    """What the model or the contract says; None when neither does."""
    model, contract = _word(data, "model"), _word(data, "contract")
    if model in _RETURNS or contract in _HELD:
        return "risk"
    from qmc.specification.nouns import MODELS

    return "price" if model in MODELS else None


def _kind_by_options(data: Mapping[str, Any], given: Given) -> Kind:
    if not _PRICE_ONLY.isdisjoint(given):
        return "price"
    risky = not _RISK_ONLY.isdisjoint(given) or _word(data, "measure") in _RISK_MEASURES
    return "risk" if risky else "price"


def _what(data: Mapping[str, Any]) -> str:
    return f"model.kind={_word(data, 'model')!r} and contract.kind={_word(data, 'contract')!r}"


def _word(data: Mapping[str, Any], section: str) -> object:
    table = data.get(section)
    word = table.get("kind") if isinstance(table, dict) else None
    return word if isinstance(word, str) else None


def _put(data: dict[str, Any], path: str, value: object, *, replace: bool) -> None:
    section, name = path.split(".")
    table = data.setdefault(section, {})
    if isinstance(table, dict) and (replace or name not in table):
        table[name] = value
