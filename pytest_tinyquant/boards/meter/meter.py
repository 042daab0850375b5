"""A power meter that a program of its own reads, for as long as a board is used."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from types import TracebackType
from typing import Final
from typing import Self

from pytest_tinyquant.boards.meter.errors import MeterError
from pytest_tinyquant.boards.meter.errors import MeterNotFoundError
from pytest_tinyquant.boards.meter.errors import MeterTooSlowError
from pytest_tinyquant.boards.meter.reading import Sample
from pytest_tinyquant.boards.meter.reading import parse


START_SECONDS: Final = 20.0
"""What the first sample may take; a meter's calibration is read before it."""

LATE_SECONDS: Final = 5.0
"""How long after a window its last sample may arrive."""

_STOP_SECONDS: Final = 3.0
_WORDS_SHOWN: Final = 400


class Meter:
    """Keeps what a meter's program prints; ends it when the ``with`` block does.

    :param command: the program, see :mod:`pytest_tinyquant.boards.meter.reading`.
    :param who: the board and its meter, for messages.
    :param environment: of the program; None for the user's own.
    """

    def __init__(
        self,
        command: Sequence[str],
        who: str,
        *,
        environment: Mapping[str, str] | None = None,
        start_seconds: float = START_SECONDS,
    ) -> None:
        self._who = who
        self._samples: list[Sample] = []
        self._offset = float("inf")
        self._trouble: MeterError | None = None
        self._changed = threading.Condition()
        self._said = tempfile.TemporaryFile()  # noqa: SIM115
        try:
            self._process = subprocess.Popen(
                list(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._said,
                env=None if environment is None else dict(environment),
                start_new_session=True,
            )
        except OSError as error:
            self._said.close()
            raise MeterNotFoundError(
                f"{who}: {command[0]} cannot be run: {error.strerror or error}; install it, or "
                "correct 'energy' in the board's row of boards.toml"
            ) from error
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            self._wait(lambda: bool(self._samples), start_seconds, "gave no sample")
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def forget(self) -> None:
        """Drop what came so far: a run begins."""
        with self._changed:
            self._samples.clear()
            self._offset = float("inf")

    def until(self, end: float) -> list[Sample]:
        """Return the samples since :meth:`forget`, once they go beyond `end`.

        :param end: seconds of :func:`time.monotonic`, as are the times of the samples then.
        :raises MeterError: the program failed, or samples do not come.
        """
        self._wait(lambda: self._reaches(end), LATE_SECONDS, "stopped giving samples")
        with self._changed:
            return [Sample(sample.time + self._offset, sample.watts) for sample in self._samples]

    def close(self) -> None:
        """End the program; may be called twice."""
        process = self._process
        with contextlib.suppress(OSError):
            if process.stdin is not None:
                process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_STOP_SECONDS)
        # Also what it started: a meter that somebody holds on to is absent for the next run.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        self._reader.join()
        if process.stdout is not None:
            process.stdout.close()
        self._said.close()

    def _reaches(self, end: float) -> bool:
        return bool(self._samples) and self._samples[-1].time + self._offset >= end

    def _wait(self, condition: Callable[[], bool], seconds: float, what: str) -> None:
        with self._changed:
            come = self._changed.wait_for(lambda: condition() or self._trouble is not None, seconds)
        if self._trouble is not None:
            raise type(self._trouble)(f"{self._who}: {self._trouble}")
        if not come:
            raise MeterTooSlowError(
                f"{self._who}: the meter {what} for {seconds:g} s; see whether its cable is in "
                "and no other program holds it"
            )

    def _read(self) -> None:
        assert self._process.stdout is not None
        try:
            for line in self._process.stdout:
                sample = parse(line.decode("utf-8", "replace"))
                if sample is not None:
                    self._add(sample, time.monotonic())
            trouble = MeterError(f"the meter's program ended by itself{self._last_words()}")
        except MeterError as error:
            trouble = error
        except (OSError, ValueError) as error:
            trouble = MeterError(f"the meter's program cannot be read: {error}")
        with self._changed:
            self._trouble = trouble
            self._changed.notify_all()

    def _add(self, sample: Sample, arrived: float) -> None:
        with self._changed:
            if self._samples and sample.time < self._samples[-1].time:
                raise MeterError(
                    f"its time goes backwards at {sample.time:g} s; its first column must be one "
                    "clock for the whole run"
                )
            self._samples.append(sample)
            # The sample that came with the least delay tells how the two clocks differ.
            self._offset = min(self._offset, arrived - sample.time)
            self._changed.notify_all()

    def _last_words(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_STOP_SECONDS)
        self._said.seek(0)
        words = " ".join(self._said.read().decode("utf-8", "replace").split())[-_WORDS_SHOWN:]
        code = self._process.returncode
        return f" (exit code {code}){f': {words}' if words else ''}"
