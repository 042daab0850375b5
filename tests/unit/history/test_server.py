"""A history on a PostgreSQL server: the runs of many hosts, each whole and once."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from postgresql_server import Server

from pytest_tinyquant.cli.main import main
from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.errors import ToolchainNotFoundError
from pytest_tinyquant.history import record
from pytest_tinyquant.history.place import open_history
from pytest_tinyquant.history.rows import RunEntry
from pytest_tinyquant.history.rows import RunRow
from pytest_tinyquant.history.server import VERSION
from pytest_tinyquant.history.server import ServerHistory
from pytest_tinyquant.history.server import UnreachableError
from pytest_tinyquant.history.unsent import Unsent
from pytest_tinyquant.measure.measurement import Measurement
from pytest_tinyquant.system.database_url import DatabaseUrl


@pytest.fixture
def url(postgresql: Server, request: pytest.FixtureRequest) -> DatabaseUrl:
    """An empty database."""
    name = f"db{abs(hash(request.node.name))}"
    with psycopg.connect(postgresql.url().text, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return postgresql.url(name)


def entry(number: int, *measurements: Measurement) -> RunEntry:
    started = f"2026-01-{number:02}T00:00:00+00:00"
    return RunEntry.of(
        RunRow(f"uid{number}", started, f"{number:040x}", 0, "0.1", True), measurements, {}
    )


def rows(url: DatabaseUrl, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url.text) as connection:
        return connection.execute(query).fetchall()


def test_a_run_reads_as_it_was_written(url: DatabaseUrl, recorded: Measurement) -> None:
    history = open_history(url)
    verdicts = {("cnn_4-int8-only-nucleo-l4r5zi", "error", "mae"): "improved"}
    run = RunRow("uid1", "2026-01-01T00:00:00+00:00", "0" * 40, 2, "0.1", True)
    history.append(RunEntry.of(run, [recorded], verdicts))
    (series,) = history.series("error", "mae")
    (point,) = series.points
    assert series.combination == "cnn_4-int8-only-nucleo-l4r5zi emulator"
    assert (point.value, point.unit, point.number_class) == (0.00412, "of range", "exact")
    assert (point.verdict, point.where) == ("improved", "0000000000+")
    (latency,) = history.series("latency", "invoke")
    assert latency.points[0].value == 4_867_112
    assert type(latency.points[0].value) is int, "exact counts stay whole numbers"
    assert history.series("latency", "nothing") == []


def test_runs_stand_in_the_order_of_their_starts(
    url: DatabaseUrl, change: Callable[..., Measurement]
) -> None:
    history = open_history(url)
    for number in (3, 1, 2):
        history.append(entry(number, change(latency_invoke=1_000 + number)))
    (series,) = history.series("latency", "invoke")
    assert [point.value for point in series.points] == [1_001, 1_002, 1_003]


def test_a_run_sent_twice_is_there_once(url: DatabaseUrl, recorded: Measurement) -> None:
    history = open_history(url)
    for _ in range(2):
        history.append(entry(1, recorded))
    assert rows(url, "SELECT count(*) FROM tinyquant_measurement") == [(1,)]


def test_a_run_is_added_whole_or_not_at_all(url: DatabaseUrl, recorded: Measurement) -> None:
    history = open_history(url)
    with pytest.raises(ConfigurationError, match="cannot be used as a history"):
        history.append(entry(1, recorded, recorded))
    assert rows(url, "SELECT count(*) FROM tinyquant_run") == [(0,)]


WRITER = """
import sys
from pytest_tinyquant.history.place import open_history
from pytest_tinyquant.history.record import _append
from pytest_tinyquant.history.rows import RunEntry, RunRow
from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.system.database_url import DatabaseUrl
from pathlib import Path

_, url, cache, name, runs = sys.argv
for number in range(int(runs)):
    run = RunRow(f"{name}-{number}", "2026-01-01T00:00:00+00:00", "", 0, "0.1", True)
    try:
        _append(DatabaseUrl.parse(url), RunEntry(run, ()), Path(cache))
    except ConfigurationError:
        pass  # kept, and sent by a later one
    print(number, flush=True)
"""


def test_four_writers_and_a_server_that_restarts_lose_and_double_nothing(
    postgresql: Server, url: DatabaseUrl, tmp_path: Path
) -> None:
    """Writers from the first second of a database on, and a power cut in the middle."""
    runs = 25
    command = [sys.executable, "-c", WRITER, url.text]
    writers = [
        subprocess.Popen([*command, str(tmp_path / name), name, str(runs)], stdout=subprocess.PIPE)
        for name in ("a", "b", "c", "d")
    ]
    for writer in writers:
        assert writer.stdout is not None
        while writer.stdout.readline().strip() != b"8":
            assert writer.poll() is None
    postgresql.stop("immediate")
    restart = threading.Timer(0.5, postgresql.start)
    restart.start()
    restart.join()
    assert [writer.wait(60) for writer in writers] == [0] * 4
    with contextlib.closing(open_history(url)) as history:
        for name in ("a", "b", "c", "d"):
            Unsent(tmp_path / name, str(url)).send(history)
    found = rows(url, "SELECT uid, count(*) FROM tinyquant_run GROUP BY uid")
    assert sorted(found) == sorted((f"{n}-{i}", 1) for n in "abcd" for i in range(runs))


def test_what_a_server_does_not_take_is_kept_and_sent_by_the_next_run(
    postgresql: Server, url: DatabaseUrl, recorded: Measurement, tmp_path: Path
) -> None:
    def append(number: int) -> None:
        record._append(url, entry(number, recorded), tmp_path)

    append(1)
    postgresql.stop()
    try:
        with pytest.raises(ConfigurationError) as caught:
            append(2)
    finally:
        postgresql.start()
    (kept,) = Unsent(tmp_path, str(url)).paths()
    assert f"the run is kept in {kept} and sent by the next run" in str(caught.value)
    assert "does not answer" in str(caught.value)
    assert record.open_before(url, tmp_path) == [f"tinyquant: 1 earlier runs sent to {url}"]
    assert rows(url, "SELECT uid FROM tinyquant_run ORDER BY id") == [("uid1",), ("uid2",)]
    assert not kept.exists()


def test_a_server_that_is_away_at_the_start_is_told(postgresql: Server, tmp_path: Path) -> None:
    postgresql.stop()
    try:
        (line,) = record.open_before(postgresql.url(), tmp_path)
    finally:
        postgresql.start()
    assert "does not answer" in line
    assert line.endswith("this run is kept, and sent when it does")


def test_a_damaged_run_that_waits_is_named(url: DatabaseUrl, tmp_path: Path) -> None:
    unsent = Unsent(tmp_path, str(url))
    path = unsent.keep(entry(1))
    for damage in ("", "[]", "null", '{"run": {}}', json.dumps({"run": 3, "measurements": 4})):
        path.write_text(damage)
        with pytest.raises(ConfigurationError, match=r"is damaged .*delete the file"):
            unsent.send(open_history(url))


def test_tables_of_a_later_version_are_refused(url: DatabaseUrl) -> None:
    open_history(url)
    with psycopg.connect(url.text) as connection:
        connection.execute("UPDATE tinyquant_schema SET version = version + 1")
    with pytest.raises(ConfigurationError, match=f"this one knows {VERSION}"):
        open_history(url)


def test_a_server_that_refuses_us_is_not_waited_for(postgresql: Server) -> None:
    for wrong in (postgresql.url("absent"), postgresql.url(user="stranger")):
        with pytest.raises(ConfigurationError, match="does not exist") as caught:
            open_history(wrong)
        assert not isinstance(caught.value, UnreachableError)
        assert "check the address and the rights of its user" in str(caught.value)


def test_a_host_that_does_not_exist_is_no_trouble_that_passes() -> None:
    with pytest.raises(ConfigurationError) as caught:
        open_history(DatabaseUrl.parse("postgresql://a@no-such-host.invalid/db"))
    assert not isinstance(caught.value, UnreachableError)


def test_without_its_driver_a_server_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ToolchainNotFoundError, match=r"pip install 'pytest-tinyquant\[farm\]'"):
        ServerHistory(DatabaseUrl.parse("postgresql://a@127.0.0.1/db"))


def test_the_command_reads_a_server(
    url: DatabaseUrl,
    change: Callable[..., Measurement],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("TINYQUANT_CACHE", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "140")
    assert main(["history", "--file", url.text]) == 2
    assert "there is no history yet" in capsys.readouterr().err
    history = open_history(url)
    for number in (1, 2):
        history.append(entry(number, change(latency_invoke=1_000_000 + 6_000 * number)))
    assert main(["history", "latency", "--file", url.text]) == 0
    assert "+6,000 +0.60 %" in capsys.readouterr().out


def test_the_entry_of_a_run_survives_its_file(recorded: Measurement) -> None:
    given = entry(1, recorded)
    assert RunEntry.from_json(json.loads(json.dumps(given.to_json()))) == given
    assert dataclasses.asdict(given.run)["uid"] == "uid1"
