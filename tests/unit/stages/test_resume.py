"""The journal of an interrupted run."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from typing import NoReturn

import numpy as np
import pytest

from pytest_tinyquant.boards.device import HostImage
from pytest_tinyquant.errors import ConsoleError
from pytest_tinyquant.errors import DeviceHaltedError
from pytest_tinyquant.measure.measurement import Measurement
from pytest_tinyquant.project.board_types import Board
from pytest_tinyquant.project.board_types import load_boards
from pytest_tinyquant.project.target import Target
from pytest_tinyquant.project.tflm_library import Tflm
from pytest_tinyquant.stages import journal as journal_module
from pytest_tinyquant.stages.journal import RunJournal
from pytest_tinyquant.stages.journal import outcome_key
from pytest_tinyquant.system import digests


MEASUREMENT = Measurement("m", "s", "b", "host", {"runtime": "tflm"}, "gcc", {}, "0" * 64)


def never() -> NoReturn:
    raise AssertionError("measured again")


@pytest.fixture
def journal(tmp_path: Path) -> Callable[..., RunJournal]:
    def make(run: str = "one", *, resume: bool = True, max_age: float = 100) -> RunJournal:
        return RunJournal(tmp_path / "journal", run, resume=resume, max_age=max_age)

    return make


def test_an_outcome_is_taken_up_by_who_asks_for_it(journal: Callable[..., RunJournal]) -> None:
    journal().recall_or("key", lambda: MEASUREMENT)
    assert journal().recall_or("key", never) == MEASUREMENT
    assert journal().fresh() == 1
    with pytest.raises(AssertionError):
        journal(resume=False).recall_or("key", never)
    with pytest.raises(AssertionError):
        journal().recall_or("other", never)


def test_an_error_of_the_model_is_taken_up_and_trouble_with_the_bench_is_not(
    journal: Callable[..., RunJournal],
) -> None:
    def halts() -> NoReturn:
        raise DeviceHaltedError("UsageFault", kind="UsageFault")

    def fails() -> NoReturn:
        raise ConsoleError("silent")

    with pytest.raises(DeviceHaltedError):
        journal().recall_or("halts", halts)
    with pytest.raises(ConsoleError):
        journal().recall_or("fails", fails)
    with pytest.raises(DeviceHaltedError) as caught:
        journal().recall_or("halts", never)
    assert caught.value.kind == "UsageFault"
    assert journal().recall_or("fails", lambda: MEASUREMENT) == MEASUREMENT


def test_what_is_old_or_written_by_another_version_is_measured_again(
    journal: Callable[..., RunJournal], tmp_path: Path
) -> None:
    journal().recall_or("key", lambda: MEASUREMENT)
    (entry,) = (tmp_path / "journal").glob("*/*.json")
    os.utime(entry, (1, 1))
    assert journal().fresh() == 0
    with pytest.raises(AssertionError):
        journal().recall_or("key", never)
    entry.write_text('{"measurement": {"model": "m"}}')
    with pytest.raises(AssertionError):
        journal().recall_or("key", never)


def test_a_run_that_ends_leaves_nothing(journal: Callable[..., RunJournal], tmp_path: Path) -> None:
    journal().recall_or("key", lambda: MEASUREMENT)
    journal().discard()
    journal().discard()
    assert journal().fresh() == 0
    assert list((tmp_path / "journal").iterdir()) == []


def test_what_was_taken_up_cannot_stand_in_for_the_run_after(
    journal: Callable[..., RunJournal],
) -> None:
    journal("night").recall_or("key", lambda: MEASUREMENT)
    journal("night").recall_or("other", lambda: MEASUREMENT)
    journal("morning").recall_or("key", never)
    journal("morning").discard()
    assert journal("later").recall_or("other", never) == MEASUREMENT
    with pytest.raises(AssertionError):
        journal("later").recall_or("key", never)


def test_a_run_that_ends_leaves_another_that_goes_on_its_outcomes(
    journal: Callable[..., RunJournal],
) -> None:
    living, ending = journal("living"), journal("ending")
    living.open()
    ending.open()
    for run in (living, ending):
        run.recall_or("key", lambda: MEASUREMENT)
    ending.discard()
    assert journal("later").recall_or("key", never) == MEASUREMENT
    living.discard()
    journal("later").discard()
    assert journal().fresh() == 0


def test_an_outcome_that_is_taken_up_again_and_again_grows_old(
    journal: Callable[..., RunJournal], tmp_path: Path
) -> None:
    journal("one").recall_or("key", lambda: MEASUREMENT)
    (entry,) = (tmp_path / "journal/one").glob("*.json")
    os.utime(entry, (time.time() - 50, time.time() - 50))
    journal("two").recall_or("key", never)
    (copy,) = (tmp_path / "journal/two").glob("*.json")
    assert copy.stat().st_mtime == pytest.approx(entry.stat().st_mtime, abs=1)


def test_a_directory_that_cannot_be_written_costs_nothing_but_time(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    journal = RunJournal(tmp_path / "file/journal", "one", resume=True)
    journal.open()
    assert journal.recall_or("key", lambda: MEASUREMENT) == MEASUREMENT
    assert journal.fresh() == 0
    journal.discard()


def test_the_address_tells_apart_whatever_decides_the_outcome(tmp_path: Path) -> None:
    board = load_boards([])["nucleo-l4r5zi"]
    model = tmp_path / "model"
    model.write_text("model")
    image = HostImage(model, (b"1",))

    def key(
        board: Board = board,
        image: HostImage = image,
        expected: float = 0.5,
        timeout: float = 1.0,
        recording: bool = False,
    ) -> str:
        outputs = [np.array([expected], np.float32)]
        return outcome_key(image, board, outputs, timeout, recording=recording)

    first = key()
    keys = {
        first,
        key(board=dataclasses.replace(board, cflags=("-O3",))),
        key(board=dataclasses.replace(board, target=Target.HARDWARE)),
        key(image=HostImage(model, (b"2",))),
        key(timeout=2.0),
        key(expected=0.25),
        key(recording=True),
    }
    assert key() == first
    assert len(keys) == 7


def test_other_code_or_another_numpy_is_another_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not the version's string: who changes how an error is computed gives no new version."""
    (tmp_path / "package/measure").mkdir(parents=True)
    code = tmp_path / "package/measure/error.py"
    code.write_text("FACTOR = 1")
    monkeypatch.setattr(digests, "PACKAGE", tmp_path / "package")
    model = tmp_path / "model"
    model.write_text("model")
    image = HostImage(model, (b"1",))
    nucleo = load_boards([])["nucleo-l4r5zi"]

    def key() -> str:
        digests.code_digest.cache_clear()
        return outcome_key(image, nucleo, [], 1.0)

    first = key()
    assert key() == first
    code.write_text("FACTOR = 2")
    second = key()
    monkeypatch.setattr(journal_module, "package_digest", lambda name: f"another {name}")
    assert len({first, second, key()}) == 3
    digests.code_digest.cache_clear()


def test_a_board_with_the_users_library_has_an_address(tmp_path: Path) -> None:
    """Of the library its content counts; its headers are a directory, which cannot be hashed."""
    nucleo = load_boards([])["nucleo-l4r5zi"]
    keys = set()
    for content in (b"one", b"two"):
        (tmp_path / "lib.a").write_bytes(content)
        board = dataclasses.replace(nucleo, tflm=Tflm(tmp_path / "lib.a", (tmp_path,)))
        image: Any = SimpleNamespace(sha256="0" * 64)
        keys.add(outcome_key(image, board, [], 1.0))
    assert len(keys) == 2
