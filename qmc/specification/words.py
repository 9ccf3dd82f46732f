"""How kinds are spelled in a problem file: `low-depth` for `LowDepth`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any


def dashed(name: str) -> str:
    """The word of a class.

    >>> dashed("MultiAsset"), dashed("CEV")
    ('multi-asset', 'cev')
    """
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).lower()


def spelled(data: Mapping[str, Any]) -> dict[str, Any]:
    """The same tables with dashes for the underscores of every `kind`.

    >>> spelled({"model": {"kind": "multi_asset", "vols": [0.2]}})
    {'model': {'kind': 'multi-asset', 'vols': [0.2]}}
    """
    return {name: _spelled(name, value) for name, value in data.items()}


def _spelled(name: str, value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, Mapping):
        return spelled(value)
    if isinstance(value, list):
        return [_spelled("", one) for one in value]
    return value.replace("_", "-") if name == "kind" and isinstance(value, str) else value
