"""Imports of qiskit-algorithms and its warnings, kept in one place."""

from __future__ import annotations

import contextlib
import importlib
import warnings
from collections.abc import Iterator
from typing import Any

from qmc.errors import Unsupported


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Hold back the deprecation warnings that their code raises about its own parts."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def algorithms() -> Any:  # noqa: ANN401
    """The package qiskit_algorithms.

    Raises:
        Unsupported: when it is missing.
    """
    try:
        with quiet():
            return importlib.import_module("qiskit_algorithms")
    except ModuleNotFoundError as error:
        if error.name != "qiskit_algorithms":
            raise
        msg = "this needs the package qiskit-algorithms: pip install qiskit-algorithms"
        raise Unsupported(msg) from error
