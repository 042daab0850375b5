"""``--tq-history`` and ``--tq-creep``: what becomes of numbers over many runs."""

from __future__ import annotations

import sqlite3
import subprocess
from pathlib import Path
from typing import Any

import psycopg
import pytest
from played_project import Bench
from postgresql_server import Server


SOME = ("--model=cnn_4", "--scheme=int8", "--board=nucleo-l4r5zi")
CREPT = (
    "cnn_4-int8-nucleo-l4r5zi  latency  10,500 -> 10,*0 instructions  +*  (limit 2 %)  REGRESSED"
)


def rows(bench: Bench, query: str) -> list[Any]:
    with sqlite3.connect(bench.root / "tinyquant-history.sqlite") as connection:
        return connection.execute(query).fetchall()


def git(bench: Bench, *arguments: Any) -> None:
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments]
    subprocess.run(command, cwd=bench.root, check=True, capture_output=True)


@pytest.fixture
def released(bench: Bench) -> Bench:
    """A project whose baselines of a release are tagged v1."""
    git(bench, "init", "--quiet")
    bench.says["cnn_4-int8-nucleo-l4r5zi"] = {"conv2d[3]": 10_000}
    bench.record(*SOME)
    git(bench, "add", ".")
    git(bench, "commit", "--quiet", "--message", "release")
    git(bench, "tag", "v1")
    return bench


def grow(bench: Bench, by: int) -> None:
    """Make the layer slower and that the baseline, as a reviewer would let pass."""
    bench.says["cnn_4-int8-nucleo-l4r5zi"]["conv2d[3]"] += by
    bench.record(*SOME)


@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["one", "n2"])
def test_every_run_is_appended_once(bench: Bench, workers: tuple[str]) -> None:
    bench.record(*SOME)
    for conv in (1000, 1250):
        bench.says["cnn_4-int8-nucleo-l4r5zi"] = {"conv2d[3]": conv}
        bench.run(*SOME, "--tq-history", *workers)
    query = "SELECT value, unit, verdict FROM number WHERE metric = 'latency' AND part = 'invoke'"
    assert rows(bench, query) == [
        (1500, "instructions", "ok"),
        (1750, "instructions", "regressed"),
    ]
    assert rows(bench, "SELECT passed FROM run ORDER BY id") == [(1,), (0,)]


def test_the_commit_is_kept_and_whether_it_was_changed(released: Bench) -> None:
    (released.root / "test_matrix.py").write_text("def test_nothing(measurement):\n    pass\n")
    released.run(*SOME, "--tq-history")
    ((revision, changes),) = rows(released, "SELECT revision, changes FROM run")
    assert len(revision) == 40
    assert changes >= 1


def test_a_run_without_measurements_leaves_no_trace(bench: Bench) -> None:
    bench.run(*SOME, "--tq-history", "--collect-only")
    bench.run(*SOME, "--tq-history", "-k", "nothing")
    assert rows(bench, "SELECT count(*) FROM run") == [(0,)]


def test_an_unusable_file_ends_the_run_before_it_begins(bench: Bench) -> None:
    (bench.root / "file").write_text("not a database, but a text that is long enough" * 20)
    result = bench.run(*SOME, "--tq-history=file")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: *file: cannot be used as a history *"])
    assert not (bench.root / "measured.txt").exists()


@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["one", "n2"])
def test_small_steps_that_add_up_are_a_regression(released: Bench, workers: tuple[str]) -> None:
    for _ in range(3):
        grow(released, by=60)
        released.run(*SOME).assert_outcomes(passed=4)
    released.run(*SOME, "--tq-creep=v1", *workers).assert_outcomes(passed=4)
    grow(released, by=60)
    result = released.run(*SOME, "--tq-creep=v1", *workers)
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(
        [
            CREPT,
            "  conv2d[[]3[]] 16x16x32  +240   tq_conv_2d_s8",
            "  crept since v1: the gate passes it, but the sum of all changes since then is over *",
        ]
    )


def test_creep_may_warn_and_the_limit_be_chosen(released: Bench) -> None:
    grow(released, by=240)
    result = released.run(*SOME, "--tq-creep=v1", "--tq-creep-action=warn")
    result.assert_outcomes(passed=4, warnings=1)
    result.stdout.fnmatch_lines([f"*CreepWarning: {CREPT}"])
    released.run(*SOME, "--tq-creep=v1", "--tq-creep-limit=latency:3%").assert_outcomes(passed=4)


def test_the_ini_file_names_the_release(released: Bench) -> None:
    ini = released.root / "tox.ini"
    ini.write_text(ini.read_text() + "\ntinyquant_creep = v1\ntinyquant_creep_limit = latency:1%\n")
    grow(released, by=120)
    released.run(*SOME).assert_outcomes(passed=3, failed=1)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--tq-creep=v7", "ERROR: 'v7' names no commit of *"),
        ("--tq-creep=empty", "ERROR: empty has no baselines in baselines; *"),
    ],
)
def test_a_release_that_cannot_be_judged_by(released: Bench, option: str, message: str) -> None:
    git(released, "rm", "-r", "--quiet", "--cached", "baselines")
    git(released, "commit", "--quiet", "--message", "none")
    git(released, "tag", "empty")
    result = released.run(*SOME, option)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([message])


def test_a_server_takes_the_runs_of_many_hosts(
    bench: Bench, postgresql: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TINYQUANT_CACHE", str(tmp_path / "cache"))
    url = str(postgresql.url())
    address = url.replace("tester@", "tester:secret@")
    bench.record(*SOME)
    report = bench.root / "run.json"
    bench.run(*SOME, f"--tq-history={address}", f"--tq-json={report}")
    assert "secret" not in report.read_text()
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT passed FROM tinyquant_run").fetchall() == [(True,)]
    postgresql.stop()
    try:
        result = bench.run(*SOME, f"--tq-history={address}")
    finally:
        postgresql.start()
    result.stdout.fnmatch_lines(
        [
            "tinyquant: postgresql://tester:[*][*][*]@*: the database server does not answer (*); "
            "this run is kept, and sent when it does",
            "tinyquant: --tq-history: *; the run is kept in *",
        ]
    )
    result.stdout.no_fnmatch_line("*secret*")
    assert result.ret == pytest.ExitCode.TESTS_FAILED, "a run that was not recorded is not green"
    result = bench.run(*SOME, f"--tq-history={address}")
    result.stdout.fnmatch_lines(["tinyquant: 1 earlier runs sent to postgresql://*"])
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT count(*) FROM tinyquant_run").fetchone() == (3,)


def test_an_address_that_is_none_ends_the_run_before_it_begins(bench: Bench) -> None:
    result = bench.run(*SOME, "--tq-history=mysql://me:secret@host/db")
    result.stderr.fnmatch_lines(
        ["ERROR: --tq-history: database URL 'mysql://me:[*][*][*]@host/db': mysql:// is not known*"]
    )
    assert result.ret == pytest.ExitCode.USAGE_ERROR
