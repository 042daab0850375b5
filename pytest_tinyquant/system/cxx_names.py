"""Names of C++ functions as their authors wrote them."""

from __future__ import annotations

import re
from typing import Final


_MANGLED: Final = re.compile(r"_ZN?K?")
_LENGTH: Final = re.compile(r"\d+")
_ANONYMOUS: Final = "_GLOBAL__N_1"


def readable(name: str) -> str:
    """Return a function's name with its namespaces, without parameters, such as ``tflite::Eval``.

    Unnamed namespaces are left out. What is no mangled name, or one of another form (operators,
    constructors, virtual tables), is returned as it is.
    """
    start = _MANGLED.match(name)
    if start is None:
        return name
    place, words = start.end(), []
    while length := _LENGTH.match(name, place):
        end = length.end() + int(length[0])
        if end > len(name):
            return name
        words.append(name[length.end() : end])
        place = end
        if start[0] == "_Z":  # a plain name: what follows are its parameters
            break
    return "::".join(word for word in words if word != _ANONYMOUS) or name
