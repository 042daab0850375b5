"""A Power Profiler Kit II that is played: its packets over a pseudo-terminal, its current known.

Written by what ppk2-api sends and expects; no real device was recorded.
"""

from __future__ import annotations

import os
import threading
import time
import tty
from collections.abc import Callable

import numpy as np


META = (
    "Calibrated: 0\nR0: 1003.3506\nR1: 101.5865\nR2: 10.3027\nR3: 0.9636\nR4: 0.0564\n"
    "GS0: 1.0\nGS1: 1.0\nGS2: 1.0\nGS3: 1.0\nGS4: 1.0\nGI0: 1.0\nGI1: 1.0\nGI2: 1.0\n"
    "GI3: 1.0\nGI4: 1.0\nO0: 12.0\nO1: 8.0\nO2: 6.0\nO3: 4.0\nO4: 2.0\nVDD: 3300\nHW: 9173\n"
    "mode: 2\nS0: 0.0\nS1: 0.0\nS2: 0.0\nS3: 0.0\nS4: 0.0\nI0: 0.0\nI1: 0.0\nI2: 0.0\nI3: 0.0\n"
    "I4: 0.0\nUG0: 1.0\nUG1: 1.0\nUG2: 1.0\nUG3: 1.0\nUG4: 1.0\nIA: 58\nEND"
)
RANGE, R, OFFSET, SCALE = 3, 0.9636, 4.0, 1.8 / 163840

START, STOP, META_DATA = 0x06, 0x07, 0x19
RATE, CHUNK = 100_000, 500


def word(amperes: float, count: int, range_: int = RANGE) -> int:
    """Return the packet of one sample, to the converter's resolution."""
    # i = raw * (1 * raw + 1), raw = (4 * adc - offset) * scale / r
    raw: float = (-1 + (1 + 4 * amperes) ** 0.5) / 2
    adc = round((raw * R / SCALE + OFFSET) / 4)
    return min(adc, 0x3FFF) | range_ << 14 | (count & 0x3F) << 18


class PlayedPpk2:
    """Plays the device until :meth:`close`.

    :param amperes: the current at a moment of :func:`time.monotonic`.
    :param skip: leaves out a sample after so many.
    """

    def __init__(
        self, amperes: Callable[[float], float], *, skip: int = 0, answers: bool = True
    ) -> None:
        self._amperes = amperes
        self._skip = skip
        self._answers = answers
        self._master, slave = os.openpty()
        tty.setraw(slave)
        self.port = os.ttyname(slave)
        self._slave = slave
        self.commands: list[int] = []
        self._measuring = threading.Event()
        self._closed = threading.Event()
        self._threads = [threading.Thread(target=t, daemon=True) for t in (self._hear, self._speak)]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        self._closed.set()
        self._measuring.set()
        os.write(self._slave, b"\0")  # lets go the thread that reads
        for thread in self._threads:
            thread.join()
        os.close(self._slave)
        os.close(self._master)

    def _hear(self) -> None:
        while not self._closed.is_set():
            for command in os.read(self._master, 64):
                self.commands.append(command)
                if command == META_DATA and self._answers:
                    os.write(self._master, META.encode())
                if command == START and len(self.commands) > 1:
                    self._measuring.set()
                if command == STOP:
                    self._measuring.clear()

    def _speak(self) -> None:
        self._measuring.wait()
        start, count, sent = time.monotonic(), 0, 0
        while not self._closed.is_set():
            due = start + (sent + CHUNK) / RATE
            time.sleep(max(0.0, due - time.monotonic()))
            if not self._measuring.is_set():
                return
            words = [word(self._amperes(due), count + n) for n in range(CHUNK)]
            if self._skip and sent <= self._skip < sent + CHUNK:
                del words[10]
            count, sent = count + CHUNK, sent + CHUNK
            os.write(self._master, np.array(words, "<u4").tobytes())
