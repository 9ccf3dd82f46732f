"""What an option is, and how a command gets its options.

typer hands every value over as text. `parsing` turns it into a number and the specification checks
it, so that an option and a field of a file are refused in the same words.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias

import typer

from qmc.errors import InvalidProblem

Given: TypeAlias = Mapping[str, Any]
Body: TypeAlias = Callable[[Given], int]

OUTPUT_PANEL = "Input and output"


@dataclass(frozen=True, slots=True)
class Option:
    """A command-line option that takes a value, or a flag that takes none.

    Attributes:
        name: of the parameter; the flag is --name with dashes.
        parse: from text to value; a ValueError's message says what is allowed.
        metavar: what the value is called in the help.
        panel: its heading in the help.
        help: one line; `words` and `default` are added to it.
        path: field of a problem file, such as "model.spot"; None for the command's own.
        words: the words that are allowed.
        default: what holds without it.
        is_flag: given or not; the command finds True.
        is_repeated: may be given several times; the command finds a tuple.
    """

    name: str
    parse: Callable[[str], object]
    metavar: str
    panel: str
    help: str
    path: str | None = None
    words: tuple[str, ...] = ()
    default: str = ""
    is_flag: bool = False
    is_repeated: bool = False

    @property
    def flag(self) -> str:
        """--name."""
        return "--" + self.name.replace("_", "-")

    def value(self, text: str | list[str]) -> object:
        """The value; text of another type is refused with the flag's name."""
        if isinstance(text, list):
            return tuple(map(self.value, text))
        try:
            return self.parse(text)
        except ValueError as error:
            msg = f"option {self.flag}={text!r}: must be {error}"
            raise InvalidProblem(msg) from error

    def parameter(self) -> inspect.Parameter:
        """What typer reads."""
        text = self.help + (f": {', '.join(self.words)}" if self.words else "")
        text += f" (default {self.default})" if self.default else ""
        if self.is_flag:
            return _switch(self.name, self.flag, text, self.panel)
        info = typer.Option(self.flag, help=text, metavar=self.metavar, rich_help_panel=self.panel)
        kind = list[str] if self.is_repeated else str
        return _keyword(self.name, Annotated[kind | None, info], None)


def with_options(*options: Option) -> Callable[[Body], Callable[..., int]]:
    """Give a function of the options that were given the signature that typer reads.

    `--json` is added; the function finds it as `as_json`.
    """

    def decorate(body: Body) -> Callable[..., int]:
        def run(*, as_json: bool, **texts: str | list[str] | bool | None) -> int:
            values = {
                one.name: text if isinstance(text, bool) else one.value(text)
                for one in options
                if (text := texts[one.name]) is not None and text is not False and text != []
            }
            return body({**values, "as_json": as_json})

        run.__name__, run.__doc__ = body.__name__, body.__doc__
        # typer reads the signature, and would look for types of `as_json` and `texts` here
        run.__annotations__ = {}
        vars(run)["__signature__"] = inspect.Signature(
            [*(one.parameter() for one in options), _json_flag()]
        )
        return run

    return decorate


def _json_flag() -> inspect.Parameter:
    return _switch("as_json", "--json", "JSON on stdout, no table", OUTPUT_PANEL)


def _switch(name: str, flag: str, text: str, panel: str) -> inspect.Parameter:
    info = typer.Option(flag, help=text, rich_help_panel=panel)
    return _keyword(name, Annotated[bool, info], default=False)


def _keyword(name: str, annotation: object, default: object) -> inspect.Parameter:
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, kind, default=default, annotation=annotation)
