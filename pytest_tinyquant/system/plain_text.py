"""The one function that all text goes through before it leaves the process.

Names of tensors, boards and files, and whatever a device says, are text of others. On a terminal an
escape sequence in it moves the cursor or sets the clipboard, a bidirectional control reorders what
is read, and in a CI log a line such as ``::error::`` is a command.
"""

from __future__ import annotations

import re
import unicodedata


_KEPT = "\n\t"
_COMMAND = re.compile(r"^([^\S\n]*)::", re.MULTILINE)
"""GitHub Actions takes a line that begins so, blanks or not, for a command."""
_OLD_COMMAND = re.compile(r"##(?=\[|vso\[|teamcity\[)")
"""GitHub's older commands, Azure's and TeamCity's, wherever in a line they stand."""


def harmless(text: str, *, one_line: bool = False) -> str:
    r"""Return `text` with everything visible that a reader, a terminal or a CI log could act on.

    Control and format characters are escaped as in a Python string (``\x1b``, ``\u202e``), so are
    lone surrogates, which no file or terminal can take. Commands of CI services get a backslash.
    Applied twice it changes nothing more.

    :param one_line: line ends and tabs are escaped as well, for a text that is part of a line.
    """
    if one_line or not text.isprintable():
        kept = "" if one_line else _KEPT
        text = "".join(c if _is_visible(c) or c in kept else _escaped(c) for c in text)
    if "::" in text:
        text = _COMMAND.sub(r"\1\\::", text)
    return _OLD_COMMAND.sub(r"#\\#", text) if "##" in text else text


def _is_visible(character: str) -> bool:
    return character.isprintable() or unicodedata.category(character) == "Zs"


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
