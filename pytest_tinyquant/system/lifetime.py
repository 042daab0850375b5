"""Child processes that do not outlive the test run."""

from __future__ import annotations

import shutil


def die_with_parent(signal: str = "KILL") -> list[str]:
    """Return the start of a command line whose process the kernel ends with this one.

    Strictly: when the thread ends that starts it, however it ends. Empty where the program
    ``setpriv`` (Linux, util-linux) is missing.
    """
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", signal] if setpriv else []
