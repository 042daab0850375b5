"""Options of custom operators: a map in the flexbuffer that the file keeps for each of them."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from flatbuffers import flexbuffers

from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.models.graph import Operator


Scalar = bool | int | float

# Far more than any operator has; a damaged file claims any number.
_MAX_OPTIONS = 64


def named_options(operator: Operator) -> dict[str, Scalar]:
    """Return the numbers among an operator's options, by name.

    :raises ModelError: they are no map, or damaged.
    """
    try:
        return _numbers(operator.custom_options)
    except ModelError:
        raise
    except Exception as error:
        # The decoder raises whatever the bytes lead it to.
        raise ModelError(f"its options are damaged ({type(error).__name__}: {error})") from None


def ordered_options(operator: Operator, names: Sequence[str]) -> dict[str, int]:
    """Return the options of an operator that TensorFlow Lite Micro reads by their place.

    :param names: all that it may have, in alphabetical order.
    :raises ModelError: they are not these, or not integers.
    """
    found = named_options(operator)
    if list(found) != list(names):
        raise ModelError(f"its options are {', '.join(found) or 'none'}, not {', '.join(names)}")
    return {name: integer(found, name) for name in names}


def integer(options: Mapping[str, Scalar], name: str, default: int | None = None) -> int:
    """Return an option that is an integer of 32 bits."""
    value = options.get(name, default)
    if not isinstance(value, int) or not -(1 << 31) <= value < 1 << 31:
        raise ModelError(f"its option {name} is {value}")
    return int(value)


def _numbers(data: bytes) -> dict[str, Scalar]:
    if len(data) < 3:
        raise ModelError("it has no options")
    root = flexbuffers.GetRoot(bytearray(data))
    if not root.IsMap:
        raise ModelError("its options are no map of names")
    table = root.AsMap
    if len(table) > _MAX_OPTIONS:
        raise ModelError(f"it claims {len(table)} options")
    keys, values = table.Keys, table.Values
    found = {keys[i].AsKey: _number(values[i]) for i in range(len(table))}
    return {name: value for name, value in found.items() if value is not None}


def _number(value: Any) -> Scalar | None:
    if value.IsBool:
        return bool(value.AsBool)
    if value.IsInt:
        return int(value.AsInt)
    return float(value.AsFloat) if value.IsFloat else None
