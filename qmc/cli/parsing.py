"""From the text of an option to its value; a ValueError says what is allowed."""

from __future__ import annotations


def number(text: str) -> float:
    """A number; the nouns check its range."""
    try:
        return float(text)
    except ValueError as error:
        msg = "a number, such as 0.05"
        raise ValueError(msg) from error


def whole(text: str) -> int:
    """A whole number; the nouns check its range."""
    try:
        return int(text)
    except ValueError as error:
        msg = "a whole number, such as 7"
        raise ValueError(msg) from error


def count(text: str) -> int:
    """A whole number from 1."""
    value = whole(text)
    if value < 1:
        msg = "a whole number >= 1"
        raise ValueError(msg)
    return value


def seed(text: str) -> int:
    """A whole number from 0."""
    value = whole(text)
    if value < 0:
        msg = "a whole number >= 0"
        raise ValueError(msg)
    return value


def counts(text: str) -> tuple[int, ...]:
    """Whole numbers from 1, increasing, with commas.

    >>> counts("1000,10000")
    (1000, 10000)
    """
    try:
        values = tuple(int(part) for part in text.split(","))
    except ValueError:
        values = ()
    if not values or values[0] < 1 or list(values) != sorted(set(values)):
        msg = "increasing whole numbers >= 1 with commas, such as 1000,10000"
        raise ValueError(msg)
    return values


def shots(text: str) -> int | list[int]:
    """A whole number, or several with commas; the estimators check their range.

    >>> shots("30"), shots("2,4,8")
    (30, [2, 4, 8])
    """
    try:
        values = [int(part) for part in text.split(",")]
    except ValueError as error:
        msg = "a whole number, such as 30, or several with commas"
        raise ValueError(msg) from error
    return values[0] if len(values) == 1 else values


def numbers(text: str) -> list[float]:
    """Numbers with commas.

    >>> numbers("0.25, -0.5")
    [0.25, -0.5]
    """
    try:
        return [float(part) for part in text.split(",")]
    except ValueError as error:
        msg = "numbers with commas, such as 0.6,0.4"
        raise ValueError(msg) from error


def weights(text: str) -> list[float] | str:
    """Numbers with commas, or a TOML file.

    >>> weights("0.6,0.4"), weights("weights.toml")
    ([0.6, 0.4], 'weights.toml')
    """
    if text.lower().endswith(".toml"):
        return text
    try:
        return numbers(text)
    except ValueError as error:
        msg = f"{error}, or a .toml file"
        raise ValueError(msg) from error


def window(text: str) -> int | str:
    """A number of days, or two dates with a colon; the specification checks them.

    >>> window("500"), window("2008-01-01:2009-12-31")
    (500, '2008-01-01:2009-12-31')
    """
    if ":" in text:
        return text
    try:
        return int(text)
    except ValueError as error:
        msg = "a whole number of days, such as 500, or two dates with a colon"
        raise ValueError(msg) from error


def names(text: str) -> list[str]:
    """Names with commas.

    >>> names("AAPL, JPM")
    ['AAPL', 'JPM']
    """
    found = [part.strip() for part in text.split(",")]
    if not all(found):
        msg = "names with commas, such as AAPL,JPM"
        raise ValueError(msg)
    return found
