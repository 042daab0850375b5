"""The environment of the programs that make results: made here, and never the user's own.

A compiler reads dozens of variables (``CPATH``, ``GCC_EXEC_PREFIX``, ``SOURCE_DATE_EPOCH``), CMake
more (``CFLAGS``, ``CMAKE_C_COMPILER_LAUNCHER``), TensorFlow and Python still more. What they say in
one shell would be in an image, a converted model or a verdict, and no cache key could know it.
"""

from __future__ import annotations

import json
import os
import sys
import sysconfig
from pathlib import Path
from typing import Final


#: For programs that need neither a home nor a place for temporary files.
NOWHERE: Final = "/nonexistent"

_LIBRARY_PATH = "LD_LIBRARY_PATH"
_BOOT = (
    "import json, runpy, sys; paths, module, sys.argv[1:] = json.loads(sys.argv[1]); "
    "sys.path.extend(path for path in paths if path not in sys.path); "
    "runpy.run_module(module, run_name='__main__', alter_sys=True)"
)


def made(scratch: Path | None = None, **more: str) -> dict[str, str]:
    """Return the whole environment of a program that makes a result.

    Of the user's it holds the search path for programs alone, without its relative entries.

    :param scratch: an empty directory to be its home and the place of its temporary files.
    :param more: further variables.
    """
    # Without PATH the system's own default is searched, as a shell does.
    path = os.environ.get("PATH", os.defpath).split(os.pathsep)
    environment = {
        "PATH": os.pathsep.join(entry for entry in path if os.path.isabs(entry)),
        "HOME": str(scratch or NOWHERE),
        # Messages are read by patterns, and sorting must not depend on a language.
        "LC_ALL": "C",
        # What __DATE__ says would make two builds of the same sources differ.
        "SOURCE_DATE_EPOCH": "0",
    }
    if scratch is not None:
        environment["TMPDIR"] = str(scratch)
    return {**environment, **more}


def made_for_python(scratch: Path | None = None, **more: str) -> dict[str, str]:
    """Return the whole environment of a child that runs this Python.

    Text is UTF-8 in it, hashes of strings are the same in every process, and the user's own
    packages and start-up files stay out unless this process has them on its module path.
    """
    # In the locale C Python takes all text for UTF-8.
    fixed = {"PYTHONHASHSEED": "0", "PYTHONNOUSERSITE": "1"}
    fixed |= {"PYTHONDONTWRITEBYTECODE": "1"} if sys.dont_write_bytecode else {}
    library = _own_library()
    if library is not None:
        fixed[_LIBRARY_PATH] = library
    return made(scratch, **{**fixed, **more})


def own_settings() -> dict[str, str]:
    """Return the variables by which this package finds the user's cache and settings."""
    places = ("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME")
    return {
        name: value
        for name, value in os.environ.items()
        if name in places or name.startswith("TINYQUANT_")
    }


def python_command(module: str, *arguments: str) -> list[str]:
    """Return the command that runs a module in a child with what :func:`made_for_python` returns.

    The child finds what this process can import. Its own directories come first, so that a file
    beside the tests takes the place of no library.
    """
    paths = [os.path.abspath(path) for path in sys.path]
    return [sys.executable, "-P", "-c", _BOOT, json.dumps([paths, module, list(arguments)])]


def _own_library() -> str | None:
    """Return the directory of libpython where this Python finds it by the user's variable only.

    Some hosted runners install Python so.
    """
    named = os.environ.get(_LIBRARY_PATH, "").split(os.pathsep)
    directory = str(sysconfig.get_config_var("LIBDIR") or "")
    shared = bool(sysconfig.get_config_var("Py_ENABLE_SHARED"))
    return directory if shared and directory in named else None
