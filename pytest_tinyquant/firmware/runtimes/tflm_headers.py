"""What the headers of the user's TensorFlow Lite Micro offer: read as text, nothing is compiled.

Names of methods and kernels differ between its versions, so they are taken from the headers that
the library was built from.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_tinyquant.errors import ToolchainNotFoundError
from pytest_tinyquant.system.regular_file import read_text


RESOLVER: Final = Path("tensorflow/lite/micro/micro_mutable_op_resolver.h")

_COMMENT: Final = re.compile(r"//[^\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL)
_METHOD: Final = re.compile(
    r"TfLiteStatus\s+(?P<name>Add\w+)\s*\((?P<parameters>[^{};]*)\)\s*\{[^{}]*?"
    r"\bAdd(?:Builtin\(\s*(?:tflite::)?BuiltinOperator_(?P<op>\w+)|Custom\(\s*\"(?P<custom>[^\"]+)\")"
)
_BY_REFERENCE: Final = re.compile(r"\s*const\s+TFLMRegistration\s*&")
_INCLUDED: Final = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)
_REGISTRATION: Final = re.compile(r"\bTFLMRegistration\s+(Register_\w+)\s*\(\s*\)")


@dataclass(frozen=True)
class Method:
    """A method of the resolver that adds one operator.

    :param takes_registration: whether it can be given another registration than its default.
    """

    name: str
    takes_registration: bool


@dataclass(frozen=True)
class Headers:
    """What the headers declare.

    :param methods: of the resolver, by operator; custom operators by their names.
    :param registrations: functions that return a kernel, such as ``Register_CONV_2D_INT8``.
    """

    methods: Mapping[str, Method]
    registrations: frozenset[str]


def read_headers(include: Sequence[Path], *, where: str) -> Headers:
    """Read what the headers in the directories `include` offer.

    :param where: the board, for messages.
    :raises ToolchainNotFoundError: the resolver's header is missing or of another form.
    """
    text = _text(include, RESOLVER)
    if text is None:
        raise ToolchainNotFoundError(
            f"{where}: none of its tflm.include directories holds {RESOLVER}; name the clone that "
            "the library was built from, docs/tflm.md shows how"
        )
    methods = {
        found["op"] or found["custom"]: Method(
            found["name"],
            re.match(r"\s*const\s+TFLMRegistration\s*&", found["parameters"]) is not None,
        )
        for found in _METHOD.finditer(text)
    }
    if not methods:
        raise ToolchainNotFoundError(
            f"{where}: {RESOLVER} declares no operators as versions since 2023 do; take a newer "
            "clone, docs/tflm.md says which there is an adapter for"
        )
    included = (_text(include, Path(name)) or "" for name in _INCLUDED.findall(text))
    return Headers(
        methods,
        frozenset(name for part in (text, *included) for name in _REGISTRATION.findall(part)),
    )


def _text(include: Sequence[Path], header: Path) -> str | None:
    """Return a header without its comments; None if no directory has it."""
    for directory in include:
        if (directory / header).is_file():
            return _COMMENT.sub(" ", read_text(directory / header))
    return None
