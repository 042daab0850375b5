"""What a run is doing, noted by many processes and told in one line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_tinyquant.system.progress import Progress
from pytest_tinyquant.system.progress import ProgressReader


TOTALS = {"converting": 126, "building": 60, "running": 120}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "progress.jsonl"


@pytest.fixture
def told(path: Path) -> Callable[..., str]:
    """Return a function that says what the notes say so far, as if no time had passed."""
    reader = ProgressReader(path)

    def told(totals: dict[str, int] = TOTALS, now: float = 0.0) -> str:
        reader.read()
        return reader.text(totals, now)

    return told


def test_nothing_is_told_before_and_after_work(path: Path, told: Callable[..., str]) -> None:
    assert told() == ""
    with Progress(path).stage("converting", "cnn_4-int8"):
        assert told() == "converting 1/126 (cnn_4-int8, 0 s)"
    assert told() == ""
    with Progress(path).stage("estimating", "cnn_4-int8-rx65n", "rx65n"):
        assert told() == "estimating 1/1 (cnn_4-int8-rx65n, 0 s)"
    assert told() == ""


def test_done_and_current_work_counts_each_thing_once(path: Path, told: Callable[..., str]) -> None:
    progress = Progress(path)
    for what in ("a", "b", "a"):
        with progress.stage("building", what, "rx65n"):
            pass
    with progress.stage("building", "c", "rx65n"):
        assert told() == "building 3/60 (c, 0 s)"
    with progress.stage("building", "b", "rx65n"):
        assert told() == "building 3/60 (b, 0 s)"


def test_stages_of_several_processes_are_told_together(
    path: Path, told: Callable[..., str]
) -> None:
    progress = Progress(path)
    with (
        progress.stage("running", "fc_3-int8-rx65n", "rx65n"),
        progress.stage("running", "cnn_1-int8-nucleo", "nucleo"),
        progress.stage("converting", "cnn_4-16x8"),
    ):
        assert told() == (
            "converting 1/126 (cnn_4-16x8, 0 s), "
            "running 2/120 on nucleo, rx65n (fc_3-int8-rx65n, 0 s)"
        )


def test_the_longest_is_told_with_its_seconds(path: Path, told: Callable[..., str]) -> None:
    path.parent.mkdir()
    note = {"stage": "running", "board": "b", "pid": os.getpid(), "event": "begin"}
    notes = [{**note, "what": "new", "time": 130.0}, {**note, "what": "old", "time": 100.0}]
    path.write_text("".join(json.dumps(note) + "\n" for note in notes))
    assert told(now=145.5) == "running 2/120 on b (old, 45 s)"


def test_more_work_than_expected_raises_the_total(path: Path, told: Callable[..., str]) -> None:
    with Progress(path).stage("converting", "a"):
        assert told(totals={}) == "converting 1/1 (a, 0 s)"


def test_a_stage_that_fails_has_ended(path: Path, told: Callable[..., str]) -> None:
    with pytest.raises(KeyError), Progress(path).stage("converting", "a"):
        raise KeyError
    assert told() == ""


def test_a_process_that_died_is_not_at_work(path: Path, told: Callable[..., str]) -> None:
    script = (
        "import os, sys; from pathlib import Path\n"
        "from pytest_tinyquant.system.progress import Progress\n"
        "with Progress(Path(sys.argv[1])).stage('running', 'a', 'b'): os._exit(1)"
    )
    subprocess.run([sys.executable, "-c", script, str(path)], timeout=60, check=False)
    assert path.read_text().count("begin") == 1
    assert told() == ""


def test_half_a_note_waits_for_its_other_half(path: Path, told: Callable[..., str]) -> None:
    with Progress(path).stage("converting", "a"):
        whole = path.read_bytes()
        path.write_bytes(whole[:-5])
        assert told() == ""
        path.write_bytes(whole)
        assert told() == "converting 1/126 (a, 0 s)"


def test_without_a_file_nothing_is_noted(tmp_path: Path) -> None:
    with Progress().stage("converting", "a"):
        assert list(tmp_path.iterdir()) == []


def test_lines_about_one_topic_are_told_once_in_an_interval(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr("pytest_tinyquant.system.progress.time.time", lambda: now[0])
    reader, workers = ProgressReader(path, interval=30), [Progress(path), Progress(path)]
    for moment in (30, 60):
        for worker, progress in enumerate(workers):
            now[0] = moment + worker
            progress.say("bench-m4", f"worker {worker} waits for {moment} s")
    workers[1].say("rx65n", "another board")
    reader.read()
    assert reader.lines() == ["worker 0 waits for 30 s", "worker 0 waits for 60 s", "another board"]
    assert reader.lines() == []


def test_without_room_for_its_notes_a_stage_goes_on() -> None:
    with Progress(Path("/dev/full")).stage("running", "a"):
        pass
    with Progress(Path("/proc/none/progress")).stage("running", "a"):
        pass
