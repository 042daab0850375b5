"""What a run is doing now: every process notes its stages in one file, the controller reads it."""

from __future__ import annotations

import contextlib
import json
import math
import os
import time
from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from typing import Final


#: Stages that may take long, in the order of a model's way.
STAGES: Final = ("converting", "building", "running", "estimating")


@dataclass(frozen=True)
class Activity:
    """A stage at work on something.

    :param what: the combination, or the part of one that the stage is about.
    :param board: empty before a board comes into play.
    """

    stage: str
    what: str
    board: str
    pid: int


class Progress:
    """The notes of this process in the file at `path`; without one, nothing is noted."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path

    @contextmanager
    def stage(self, stage: str, what: str, board: str = "") -> Iterator[None]:
        """Note when a stage begins and ends."""
        self._note(stage, what, board, "begin")
        try:
            yield
        finally:
            self._note(stage, what, board, "end")

    def say(self, topic: str, line: str) -> None:
        """Have the process that talks to the user tell a line.

        :param topic: what several processes may have to say the same about.
        """
        self._write({"topic": topic, "line": line, "event": "say"})

    def _note(self, stage: str, what: str, board: str, event: str) -> None:
        self._write({"stage": stage, "what": what, "board": board, "event": event})

    def _write(self, entry: Mapping[str, str]) -> None:
        if self._path is None:
            return
        line = json.dumps({**entry, "pid": os.getpid(), "time": time.time()}) + "\n"
        with contextlib.suppress(OSError):  # without room for it, a run has no progress line
            self._append(self._path, line)

    def _append(self, path: Path, line: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        # One write to a file opened for appending stays in one piece, whoever else writes.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        try:
            os.write(descriptor, line.encode())
        finally:
            os.close(descriptor)


class ProgressReader:
    """What the notes of all processes say so far.

    :param interval: seconds between two lines about one topic, whoever says them.
    """

    def __init__(self, path: Path, *, interval: float = 0.0) -> None:
        self._path = path
        # Of those who speak at that interval, each a moment later than the other, the first.
        self._pause = interval / 2
        self._told: dict[str, float] = {}
        self._lines: list[str] = []
        self._offset = 0
        self._running: dict[Activity, float] = {}
        self._done: dict[str, set[str]] = {stage: set() for stage in STAGES}

    def read(self) -> None:
        """Take in what was noted since the last time."""
        try:
            with self._path.open("rb") as stream:
                stream.seek(self._offset)
                notes = stream.read()
        except FileNotFoundError:
            return
        complete = notes[: notes.rfind(b"\n") + 1]
        self._offset += len(complete)
        for line in complete.splitlines():
            self._take(json.loads(line))

    def lines(self) -> list[str]:
        """Return the lines that are to be told since the last time."""
        lines, self._lines = self._lines, []
        return lines

    def text(self, totals: Mapping[str, int], now: float) -> str:
        """Return what is being done, such as ``converting 12/126 (cnn_4-int8, 3 s)``.

        Empty while nothing is. Processes that ended without a word are not at work any more.
        """
        alive = {step: since for step, since in self._running.items() if _is_alive(step.pid)}
        parts = []
        for stage in STAGES:
            steps = [step for step in alive if step.stage == stage]
            if not steps:
                continue
            boards = sorted({step.board for step in steps if step.board})
            where = f" on {', '.join(boards)}" if stage == "running" and boards else ""
            oldest = min(steps, key=alive.__getitem__)
            count = len(self._done[stage] | {step.what for step in steps})
            total = max(count, totals.get(stage, 0))
            seconds = max(0, int(now - alive[oldest]))
            parts.append(f"{stage} {count}/{total}{where} ({oldest.what}, {seconds} s)")
        return ", ".join(parts)

    def _take(self, note: Mapping[str, Any]) -> None:
        if note["event"] == "say":
            if note["time"] - self._told.get(note["topic"], -math.inf) >= self._pause:
                self._told[note["topic"]] = note["time"]
                self._lines.append(note["line"])
            return
        step = Activity(note["stage"], note["what"], note["board"], note["pid"])
        if note["event"] == "begin":
            self._running[step] = note["time"]
        else:
            self._running.pop(step, None)
            self._done[step.stage].add(step.what)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
