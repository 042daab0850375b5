"""What a run is doing now: every process notes its stages in one file, the controller reads it."""

from __future__ import annotations

import json
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
class Step:
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

    def _note(self, stage: str, what: str, board: str, event: str) -> None:
        if self._path is None:
            return
        entry = {"stage": stage, "what": what, "board": board, "pid": os.getpid(), "event": event}
        line = json.dumps({**entry, "time": time.time()}) + "\n"
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # One write to a file opened for appending stays in one piece, whoever else writes.
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        try:
            os.write(descriptor, line.encode())
        finally:
            os.close(descriptor)


class ProgressReader:
    """What the notes of all processes say so far."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._running: dict[Step, float] = {}
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
        step = Step(note["stage"], note["what"], note["board"], note["pid"])
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
