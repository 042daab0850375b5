"""Files that are none: what a run writes to is opened and never replaced, what it reads is regular.

One row says which file, what is in its place, and what the run says of it.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from attack import OK
from attack import RED
from attack import USAGE
from attack import check
from attack import parameters
from played_project import Bench

from pytest_tinyquant.boards.bench.lease import LeaseDirectory
from pytest_tinyquant.boards.bench.ticket_files import TicketFiles
from pytest_tinyquant.boards.bench.waiting_line import WaitingLine
from pytest_tinyquant.cli.main import main
from pytest_tinyquant.errors import BenchError
from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.models.discovery import load_model
from pytest_tinyquant.project.bench import PhysicalBoard
from pytest_tinyquant.system import atomic


ONE = ("--model=cnn_4", "--scheme=int8-only", "--board=host")
REPORTS = {"--tq-json": "json", "--tq-html": "html", "--tq-markdown": "md"}


# ---- What a run writes to ----


@pytest.fixture
def null(tmp_path: Path) -> Path:
    """A device of its own kind, as /dev/null is; only root can make one."""
    path = tmp_path / "null"
    try:
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("only root makes devices")
    return path


@pytest.mark.parametrize("option", REPORTS)
def test_a_device_stays_one(bench: Bench, null: Path, option: str) -> None:
    check(bench.run(*ONE, "--tq-missing-baseline=record", f"{option}={null}"), ["2 passed"], OK)
    assert stat.S_ISCHR(null.stat().st_mode)


@pytest.mark.parametrize("option", REPORTS)
def test_a_link_to_a_device_stays_one(bench: Bench, null: Path, option: str) -> None:
    (bench.root / "report").symlink_to(null)
    check(bench.run(*ONE, "--tq-missing-baseline=record", f"{option}=report"), ["2 passed"], OK)
    assert (bench.root / "report").is_symlink()
    assert stat.S_ISCHR(null.stat().st_mode)


def test_a_summary_on_a_device(bench: Bench, null: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(null))
    check(bench.run(*ONE, "--tq-missing-baseline=record", "--tq-github-summary"), ["2 passed"], OK)
    assert stat.S_ISCHR(null.stat().st_mode)


@pytest.mark.parametrize("option", REPORTS)
def test_a_fifo_that_somebody_reads(bench: Bench, option: str) -> None:
    fifo = bench.root / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(reader, True)
    read: list[bytes] = []

    def drain() -> None:
        while data := os.read(reader, 1 << 16):
            read.append(data)

    # Nobody has opened it for writing yet, which would read as its end.
    writer = os.open(fifo, os.O_WRONLY)
    thread = threading.Thread(target=drain, daemon=True)
    thread.start()
    check(bench.run(*ONE, "--tq-missing-baseline=record", f"{option}={fifo}"), ["2 passed"], OK)
    os.close(writer)
    thread.join(60)
    os.close(reader)
    text = b"".join(read).decode()
    assert "cnn" in text
    assert stat.S_ISFIFO(fifo.stat().st_mode)
    if option == "--tq-json":
        assert json.loads(text)["counts"] == {"new": 2}


@pytest.mark.parametrize("option", REPORTS)
def test_a_fifo_that_nobody_reads_does_not_hold_the_run(bench: Bench, option: str) -> None:
    fifo = bench.root / "fifo"
    os.mkfifo(fifo)
    result = bench.run(*ONE, "--tq-missing-baseline=record", f"{option}={fifo}")
    assert result.ret != OK
    output = result.stdout.str() + result.stderr.str()
    assert f"{option}: {fifo}" in output
    assert stat.S_ISFIFO(fifo.stat().st_mode)


@pytest.mark.parametrize("stream", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_standard_output_gets_a_report_between_its_lines(bench: Bench, stream: str) -> None:
    (bench.root / "bench.json").write_text("{}")
    result = bench.pytester.runpytest_subprocess(
        *ONE, "-p", "no:hypothesispytest", "--tq-missing-baseline=record", f"--tq-json={stream}"
    )
    check(result, [r'^  "counts": \{', r"2 passed"], OK)
    # Both are in the file that it was redirected to, nothing overwrote the other.
    assert "test session starts" in result.stdout.str()


def test_a_file_that_standard_output_goes_to_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log"
    path.write_text("before\n")
    here = os.stat(path)
    original = os.fstat

    def fstat(descriptor: int) -> os.stat_result:
        return here if descriptor == 1 else original(descriptor)

    monkeypatch.setattr(os, "fstat", fstat)
    atomic.write_text(path, "report\n")
    assert path.stat().st_ino == here.st_ino
    assert path.read_text() == "before\nreport\n"


def test_a_regular_file_in_dev_shm_is_replaced(tmp_path: Path) -> None:
    path = Path("/dev/shm") / f"tinyquant-test-{os.getpid()}"
    try:
        path.write_text("old")
        inode = path.stat().st_ino
        atomic.write_text(path, "new")
        assert path.read_text() == "new"
        assert path.stat().st_ino != inode
    finally:
        path.unlink(missing_ok=True)


@pytest.mark.parametrize("target", ["directory", "/dev/null", "socket"])
def test_a_history_in_what_is_no_file(bench: Bench, target: str) -> None:
    path = bench.root / "history"
    if target == "directory":
        path.mkdir()
    elif target == "socket":
        bind(path)
    else:
        path = Path(target)
    result = bench.run(*ONE, "--tq-missing-baseline=record", f"--tq-history={path}")
    check(
        result, [rf"{path}.*(cannot be used as a history|is not a file|it is a directory)"], USAGE
    )


# ---- What a run reads ----


def bind(path: Path) -> None:
    """Put a socket there; its name is short, as the system wants it."""
    with socket.socket(socket.AF_UNIX) as listener:
        here = os.open(path.parent, os.O_RDONLY)
        try:
            listener.bind(f"/proc/self/fd/{here}/{path.name}")
        finally:
            os.close(here)


def endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


def huge(path: Path) -> None:
    with path.open("wb") as stream:
        stream.truncate(1 << 40)


KINDS: dict[str, Callable[[Path], None]] = {
    "a FIFO": os.mkfifo,
    "a socket": bind,
    "a link to an endless device": endless,
    "a directory": Path.mkdir,
    "a file of 1 TiB": huge,
}


def baseline_file(bench: Bench) -> Path:
    bench.record(*ONE)
    (file,) = (bench.root / "baselines").rglob("*.json")
    return file


def noise_file(bench: Bench) -> Path:
    return baseline_file(bench).with_name("noise.json")


PLACES = {
    "the baseline": (baseline_file, "baseline"),
    "the noise floor": (noise_file, "noise floor"),
}

READ = [pytest.param(place, kind, id=f"{place} is {kind}") for place in PLACES for kind in KINDS]


@pytest.mark.parametrize(("place", "kind"), parameters(READ, quick=5))
def test_a_file_of_the_gate(bench: Bench, place: str, kind: str) -> None:
    find, words = PLACES[place]
    path = find(bench)
    path.unlink(missing_ok=True)
    KINDS[kind](path)
    result = bench.run(*ONE)
    check(result, [rf"^BaselineError: cnn_4-int8-only-host: {words} .*{path.name}"], RED)


@pytest.mark.parametrize("kind", KINDS)
def test_a_model(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "net.tflite"
    KINDS[kind](path)
    model = load_model(path)
    with pytest.raises(ModelError, match=r"net\.tflite"):
        model.check()
    if kind not in ("a directory", "a file of 1 TiB"):
        with pytest.raises(ModelError, match=r"net\.tflite"):
            _ = model.source_sha256


@pytest.mark.parametrize("kind", [name for name in KINDS if name != "a file of 1 TiB"])
def test_a_model_that_is_converted(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "net.keras"
    KINDS[kind](path)
    with pytest.raises((ModelError, ConfigurationError), match=r"net\.keras"):
        load_model(path).check()


@pytest.mark.parametrize("kind", KINDS)
def test_data_of_a_model(tmp_path: Path, kind: str) -> None:
    (tmp_path / "net.tflite").write_bytes(b"")
    np.savez(tmp_path / "net.npz", check=np.zeros((4, 1)))
    (tmp_path / "net.toml").write_text('data = "net.npz"\n')
    model = load_model(tmp_path / "net.tflite")
    (tmp_path / "net.npz").unlink()
    KINDS[kind](tmp_path / "net.npz")
    from pytest_tinyquant.models.samples import read_npz

    with pytest.raises(ConfigurationError, match=r"net\.npz"):
        read_npz(tmp_path / "net.npz")
    if kind not in ("a directory", "a file of 1 TiB"):
        with pytest.raises(ModelError, match=r"net\.npz"):
            _ = model.source_sha256


@pytest.mark.parametrize("kind", KINDS)
def test_a_side_of_a_diff(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    monkeypatch.chdir(tmp_path)
    KINDS[kind](tmp_path / "run.json")
    assert main(["diff", "run.json", "run.json"]) == 2
    output = capsys.readouterr()
    assert len(output.err.strip().splitlines()) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_baseline_in_a_directory_that_is_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "baselines" / "host" / "host"
    folder.mkdir(parents=True)
    KINDS[kind](folder / "net-int8.json")
    assert main(["diff", "baselines", "baselines"]) == 2
    output = capsys.readouterr()
    assert len(output.err.strip().splitlines()) == 1


# ---- Directories that all users of a bench write ----

BOARD = PhysicalBoard("rack-1", "nucleo-l4r5zi", "PROBE", "/dev/ttyACM0")


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    path = tmp_path / "home" / "letter"
    path.parent.mkdir()
    path.write_text("dear all")
    return path


def names(tmp_path: Path) -> dict[str, Path]:
    """Return the files of a board's lease by what they are, after it was taken once."""
    leases = LeaseDirectory(tmp_path / "leases")
    lease = leases.try_take(BOARD, command="c", test="t")
    assert lease is not None
    lease.release()
    state = next(leases.root.glob("*.json"))
    return {"state": state, "lock": state.with_suffix(".lock")}


PLANTED = {"a symbolic link": Path.symlink_to, "a hard link": Path.hardlink_to}


@pytest.mark.parametrize("what", ["state", "lock"])
@pytest.mark.parametrize("how", PLANTED)
def test_a_link_planted_in_a_lease_directory_leads_nowhere(
    tmp_path: Path, victim: Path, what: str, how: str
) -> None:
    path = names(tmp_path)[what]
    path.unlink()
    PLANTED[how](path, victim)
    leases = LeaseDirectory(tmp_path / "leases")
    try:
        lease = leases.try_take(BOARD, command="c", test="t")
    except BenchError as error:
        assert str(path) in str(error)
        assert what == "lock"
        assert ("is a symbolic link" in str(error)) == (how == "a symbolic link")
    else:
        assert lease is not None
        assert what == "state"
        lease.release()
        assert not path.is_symlink()
    assert victim.read_text() == "dear all"


@pytest.mark.parametrize("kind", ["a FIFO", "a directory", "a socket"])
def test_a_lock_that_is_no_file(tmp_path: Path, kind: str) -> None:
    path = names(tmp_path)["lock"]
    path.unlink()
    KINDS[kind](path)
    with pytest.raises(BenchError, match="cannot be leased there"):
        LeaseDirectory(tmp_path / "leases").try_take(BOARD, command="c", test="t")


@pytest.mark.parametrize("kind", ["a FIFO", "a link to an endless device", "a directory"])
def test_a_state_that_is_no_file_says_nothing(tmp_path: Path, kind: str) -> None:
    path = names(tmp_path)["state"]
    path.unlink()
    KINDS[kind](path)
    state = LeaseDirectory(tmp_path / "leases").state(BOARD)
    assert state.holder is None
    assert state.loaded is None


def test_a_state_behind_a_link_says_nothing(tmp_path: Path) -> None:
    """What it leads to may be anyone's, and right in form."""
    path = names(tmp_path)["state"]
    other = tmp_path / "other.json"
    path.rename(other)
    other.write_text('{"holder": null, "loaded": "0123"}')
    path.symlink_to(other)
    assert LeaseDirectory(tmp_path / "leases").state(BOARD).loaded is None


@pytest.mark.parametrize(
    "text",
    [
        '{"holder": {"pid": [], "user": {}, "host": 1, "command": 2, "test": 3, "since": "x"}, '
        '"loaded": 7}',
        '{"holder": {"pid": 1, "user": {}, "host": "h", "command": "c", "test": "t", "since": 1}, '
        '"loaded": null}',
        '{"holder": {"pid": "1", "user": "u", "host": "h", "command": "c", "test": "t", '
        '"since": 1}, "loaded": null}',
        '{"holder": 7, "loaded": null}',
        '{"holder": {"x": 1}, "loaded": null}',
        "[" * 100_000,
        "9" * 400,
    ],
    ids=[
        "other types",
        "a user of another type",
        "a text for a pid",
        "a number",
        "unknown keys",
        "deep",
        "digits",
    ],
)
def test_a_state_that_somebody_made_up_says_nothing(tmp_path: Path, text: str) -> None:
    names(tmp_path)["state"].write_text(text)
    state = LeaseDirectory(tmp_path / "leases").state(BOARD)
    assert state.holder is None
    assert state.loaded is None


@pytest.mark.parametrize("how", PLANTED)
@pytest.mark.parametrize("name", ["00000001.ticket", "line.lock"])
def test_a_link_planted_in_the_waiting_line_leads_nowhere(
    tmp_path: Path, victim: Path, how: str, name: str
) -> None:
    """The line cannot stand on a planted lock; a planted ticket is nobody's."""
    PLANTED[how](tmp_path / name, victim)
    refused = pytest.raises(OSError, match=rf"{name} is (a symbolic link|one name of several)")
    with (
        refused if name == "line.lock" else contextlib.nullcontext(),
        WaitingLine(TicketFiles(tmp_path)).join() as ticket,
        ticket.turn(["probe"]) as mine,
    ):
        assert mine == {"probe"}
    assert victim.read_text() == "dear all"


@pytest.mark.parametrize("name", ["x.ticket", f"{'9' * 200}.ticket", "-1.ticket", "\u0661.ticket"])
def test_a_ticket_with_a_name_that_is_no_number_is_none(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text('["probe"]')
    with WaitingLine(TicketFiles(tmp_path)).join() as ticket, ticket.turn(["probe"]) as mine:
        assert mine == {"probe"}
