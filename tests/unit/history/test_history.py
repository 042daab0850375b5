"""The history's file: complete runs or none, whoever writes and however that ends."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_tinyquant.cli.main import main
from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.history.database import APPLICATION_ID
from pytest_tinyquant.history.database import MIGRATIONS
from pytest_tinyquant.history.database import History
from pytest_tinyquant.history.rows import RunEntry
from pytest_tinyquant.history.rows import RunRow
from pytest_tinyquant.history.show import HistoryFilter
from pytest_tinyquant.history.show import show_creep
from pytest_tinyquant.history.show import sparkline
from pytest_tinyquant.measure.measurement import Measurement
from pytest_tinyquant.metrics.tolerance import Tolerance


@pytest.fixture(autouse=True)
def plain_output(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "140")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.sqlite"


def run(number: int, *, changes: int = 0) -> RunRow:
    return RunRow(
        f"uid{number}", f"2026-01-0{number}T00:00:00+00:00", f"{number:040x}", changes, "0.1", True
    )


def record(path: Path, measurements: list[Measurement], verdicts: None = None) -> None:
    """Append one run for each measurement."""
    for number, measurement in enumerate(measurements, start=1):
        history = History(path)
        history.append(RunEntry.of(run(number), [measurement], verdicts or {}))
        history.close()


def creeping(change: Callable[..., Measurement]) -> list[Measurement]:
    """The latency of five runs: each a little slower."""
    return [change(latency_invoke=1_000_000 + 6_000 * number) for number in range(5)]


def test_a_run_reads_as_it_was_written(path: Path, recorded: Measurement) -> None:
    history = History(path)
    verdicts = {("cnn_4-int8-only-nucleo-l4r5zi", "error", "mae"): "improved"}
    history.append(RunEntry.of(run(1, changes=2), [recorded], verdicts))
    (series,) = history.series("error", "mae")
    (point,) = series.points
    assert series.combination == "cnn_4-int8-only-nucleo-l4r5zi emulator"
    assert (point.value, point.unit, point.number_class) == (0.00412, "of range", "exact")
    assert (point.verdict, point.where) == ("improved", "0000000000+")
    (latency,) = history.series("latency", "invoke")
    assert latency.points[0].value == 4_867_112
    assert type(latency.points[0].value) is int, "exact counts stay whole numbers"
    assert history.series("latency", "nothing") == []


def test_runs_keep_their_order(path: Path, change: Callable[..., Measurement]) -> None:
    record(path, creeping(change))
    (series,) = History(path).series("latency", "invoke")
    values = [point.value for point in series.points]
    assert values == [1_000_000, 1_006_000, 1_012_000, 1_018_000, 1_024_000]


def test_a_run_is_added_whole_or_not_at_all(path: Path, recorded: Measurement) -> None:
    record(path, [recorded])
    history = History(path)
    with pytest.raises(ConfigurationError, match="cannot be used as a history"):
        history.append(RunEntry.of(run(2), [recorded, recorded], {}))
    assert len(history.series("error", "mae")[0].points) == 1


KILLED = """
import os, signal, sys
from pathlib import Path
from pytest_tinyquant.history.database import History
from pytest_tinyquant.history.rows import RunEntry, RunRow

def measurements():
    yield from ()
    os.kill(os.getpid(), signal.SIGKILL)

history = History(Path(sys.argv[1]))
history.append(RunEntry(RunRow("killed", "t", "", 0, "0", True), measurements()))
"""


def test_a_killed_writer_leaves_the_file_as_it_was(path: Path, recorded: Measurement) -> None:
    record(path, [recorded])
    killed = subprocess.run([sys.executable, "-c", KILLED, str(path)], timeout=60, check=False)
    assert killed.returncode == -9
    History(path).append(RunEntry.of(run(2), [recorded], {}))
    with sqlite3.connect(path) as connection:
        uids = [uid for (uid,) in connection.execute("SELECT uid FROM run ORDER BY id")]
        assert uids == ["uid1", "uid2"]
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


WRITER = """
import sys
from pathlib import Path
from pytest_tinyquant.history.database import History
from pytest_tinyquant.history.rows import RunEntry, RunRow

for number in range(20):
    history = History(Path(sys.argv[1]))
    history.append(RunEntry(RunRow(f"{sys.argv[2]} {number}", "t", "", 0, "0", True), ()))
    history.close()
"""


def test_writers_wait_for_each_other(path: Path) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(path), name]) for name in ("a", "b")
    ]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM run").fetchone() == (40,)


def test_a_file_of_a_later_version_is_refused(path: Path, recorded: Measurement) -> None:
    record(path, [recorded])
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    with pytest.raises(ConfigurationError, match="written by a later pytest-tinyquant"):
        History(path)


def test_a_file_of_an_earlier_version_is_brought_up_to_date(
    path: Path, recorded: Measurement, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(path, [recorded])
    step = "ALTER TABLE run ADD COLUMN note TEXT NOT NULL DEFAULT ''"
    monkeypatch.setattr("pytest_tinyquant.history.database.MIGRATIONS", (*MIGRATIONS, step))
    assert len(History(path).series("error", "mae")) == 1
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT note FROM run").fetchone() == ("",)
        assert connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS) + 1,)
        assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)


def test_the_database_of_another_program_is_left_alone(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    with pytest.raises(ConfigurationError, match="another program's database"):
        History(path)


def test_a_file_that_is_no_database(path: Path) -> None:
    path.write_text("something else entirely, and long enough to be looked at" * 10)
    with pytest.raises(ConfigurationError, match="cannot be used as a history"):
        History(path)


# ---- tinyquant history ----


def test_one_combination_is_shown_run_by_run(
    path: Path, change: Callable[..., Measurement], capsys: pytest.CaptureFixture[str]
) -> None:
    record(path, creeping(change))
    assert main(["history", "latency", "--file", str(path)]) == 0
    output = capsys.readouterr().out
    assert "▁▃▅▆█" in output
    assert "+24,000 +2.40 %" in output
    assert "2026-01-05 00:00:00   0000000000   1,024,000 instructions   +6,000" in output


def test_the_latest_runs_of_chosen_models(
    path: Path, change: Callable[..., Measurement], capsys: pytest.CaptureFixture[str]
) -> None:
    record(path, creeping(change))
    arguments = ["history", "latency", "--file", str(path), "--last", "2", "--model", "cnn_*"]
    assert main(arguments) == 0
    assert "1,018,000" in capsys.readouterr().out
    assert main([*arguments[:-1], "fc_*"]) == 2
    assert "no run has latency" in capsys.readouterr().err


def test_unknown_metrics_and_absent_files(
    path: Path, change: Callable[..., Measurement], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["history", "--file", str(path)]) == 2
    assert "there is no history yet" in capsys.readouterr().err
    record(path, creeping(change))
    assert main(["history", "flash.nothing", "--file", str(path)]) == 2
    assert "known: error.mae" in capsys.readouterr().err


def test_json(
    path: Path, change: Callable[..., Measurement], capsys: pytest.CaptureFixture[str]
) -> None:
    record(path, creeping(change))
    assert main(["history", "flash.weights", "--json", "--file", str(path)]) == 0
    assert '"value": 50000' in capsys.readouterr().out


def test_steps_within_the_gate_that_add_up_are_found(
    path: Path, change: Callable[..., Measurement], capsys: pytest.CaptureFixture[str]
) -> None:
    record(path, creeping(change))
    choice = HistoryFilter("latency")
    assert show_creep(History(path), choice, None, None) == 1
    output = capsys.readouterr().out
    assert "1,000,000 -> 1,024,000 instructions, +24,000 +2.40 % since 0000000000" in output
    assert output.count("+6,000") == 4
    assert "1 of 1 crept beyond 2 %" in output
    assert show_creep(History(path), choice, None, Tolerance(relative=0.03)) == 0


@pytest.mark.parametrize(
    ("values", "bars"), [([1], "▅"), ([3, 3, 3], "▅▅▅"), ([0, 7], "▁█"), ([0, 0.5, 1], "▁▅█")]
)
def test_sparklines(values: list[float], bars: str) -> None:
    assert sparkline(values) == bars
