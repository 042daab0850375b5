"""The other side of :mod:`pytest_tinyquant.boards.meter.reading`, in a meter's own process."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from typing import NoReturn


def print_sample(time: float, current: float, voltage: float) -> None:
    """Print one line at once; end quietly if nobody reads it any more."""
    with _quiet():
        print(f"{time:.6f},{current:.9g},{voltage:.6g}", flush=True)


def fail(kind: str, words: str) -> NoReturn:
    """Say what is wrong and end.

    :param kind: see :mod:`pytest_tinyquant.boards.meter.errors`.
    """
    with _quiet():
        print(f"error {kind}: {' '.join(words.split())}", flush=True)
    sys.exit(1)


def needs(package: str) -> NoReturn:
    """Say which package is missing and end."""
    fail(
        "absent",
        f"the package {package} is not installed; pip install 'pytest-tinyquant[energy]'",
    )


def stop_requested() -> threading.Event:
    """Return an event that is set when standard input ends."""
    ended = threading.Event()

    def wait() -> None:
        with contextlib.suppress(OSError):
            while os.read(0, 1 << 12):
                pass
        ended.set()

    threading.Thread(target=wait, daemon=True).start()
    return ended


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        os._exit(0)
