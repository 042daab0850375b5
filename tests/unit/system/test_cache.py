"""The cache: one build per address, whatever happens to its files and its builders."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import filelock
import pytest

from pytest_tinyquant.errors import CacheError
from pytest_tinyquant.system.cache import Cache


KEY = Cache.key("an entry")


class Builder:
    """Writes two files and counts how often it was asked to."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, directory: Path) -> None:
        self.calls += 1
        (directory / "model.tflite").write_bytes(b"weights" * 100)
        (directory / "deep").mkdir()
        (directory / "deep" / "log").write_text("text")


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


def names_in(cache: Cache) -> list[str]:
    """All names beside the entry, except its lock."""
    parent = cache.root / "converted" / KEY[:2]
    return sorted(name for name in os.listdir(parent) if not name.endswith(".lock"))


def test_an_entry_is_built_once(cache: Cache) -> None:
    build = Builder()
    first = cache.entry("converted", KEY, build)
    assert (first / "model.tflite").read_bytes() == b"weights" * 100
    assert (first / "deep" / "log").read_text() == "text"
    assert Cache(cache.root).entry("converted", KEY, build) == first
    assert build.calls == 1


def test_an_entry_lies_under_its_kind_and_key(cache: Cache) -> None:
    entry = cache.entry("converted", KEY, Builder())
    assert entry == cache.root / "converted" / KEY[:2] / KEY
    other = cache.entry("firmware", KEY, Builder())
    assert other == cache.root / "firmware" / KEY[:2] / KEY


@pytest.mark.parametrize(("kind", "key"), [("../up", KEY), ("converted", "../../x"), ("", KEY)])
def test_an_address_cannot_leave_the_cache(cache: Cache, kind: str, key: str) -> None:
    with pytest.raises(ValueError, match="not a cache address"):
        cache.entry(kind, key, Builder())


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def _of_another_entry(entry: Path) -> None:
    manifest = json.loads((entry / "manifest.json").read_text())
    (entry / "manifest.json").write_text(json.dumps(manifest | {"key": Cache.key("another")}))


def _emptied(entry: Path) -> None:
    shutil.rmtree(entry)
    entry.mkdir()


def _replaced_by_a_file(entry: Path) -> None:
    shutil.rmtree(entry)
    entry.write_text("not a directory")


DAMAGES: dict[str, Callable[[Path], object]] = {
    "file truncated": lambda entry: _truncate(entry / "model.tflite"),
    "file emptied": lambda entry: (entry / "model.tflite").write_bytes(b""),
    "bit flipped": lambda entry: _flip(entry / "model.tflite"),
    "file deleted": lambda entry: (entry / "model.tflite").unlink(),
    "file in a directory deleted": lambda entry: (entry / "deep" / "log").unlink(),
    "file added": lambda entry: (entry / "more").write_text(""),
    "manifest deleted": lambda entry: (entry / "manifest.json").unlink(),
    "manifest truncated": lambda entry: _truncate(entry / "manifest.json"),
    "manifest emptied": lambda entry: (entry / "manifest.json").write_bytes(b""),
    "manifest not an object": lambda entry: (entry / "manifest.json").write_text("[]"),
    "manifest of another entry": _of_another_entry,
    "entry emptied": _emptied,
    "entry replaced by a file": _replaced_by_a_file,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_entry_is_rebuilt(cache: Cache, damage: Callable[[Path], object]) -> None:
    build = Builder()
    entry = cache.entry("converted", KEY, build)
    damage(entry)
    assert cache.entry("converted", KEY, build) == entry
    assert build.calls == 2
    assert (entry / "model.tflite").read_bytes() == b"weights" * 100
    assert sorted(os.listdir(entry)) == ["deep", "manifest.json", "model.tflite"]
    cache.entry("converted", KEY, build)
    assert build.calls == 2


def test_a_failing_build_leaves_nothing_and_the_next_one_works(cache: Cache) -> None:
    def fail(directory: Path) -> None:
        (directory / "half").write_text("half")
        raise KeyError("the builder's own error")

    with pytest.raises(KeyError, match="the builder's own error"):
        cache.entry("converted", KEY, fail)
    assert names_in(cache) == []
    assert (cache.entry("converted", KEY, Builder()) / "model.tflite").exists()


def test_what_a_killed_builder_left_is_not_taken_and_is_removed(
    cache: Cache, start_process: Callable[..., subprocess.Popen[bytes]]
) -> None:
    script = (
        "import sys, signal\n"
        "from pathlib import Path\n"
        "from pytest_tinyquant.system.cache import Cache\n"
        "def build(directory):\n"
        "    (directory / 'model.tflite').write_text('half')\n"
        "    print('building', flush=True)\n"
        "    signal.pause()\n"
        "Cache(Path(sys.argv[1])).entry('converted', sys.argv[2], build)\n"
    )
    process = start_process(
        [sys.executable, "-c", script, str(cache.root), KEY],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"building\n"
    process.kill()
    process.wait()
    assert len(names_in(cache)) == 1

    entry = cache.entry("converted", KEY, Builder(), lock_timeout=5)
    assert (entry / "model.tflite").read_bytes() == b"weights" * 100
    assert names_in(cache) == [KEY]


def test_many_threads_build_once(cache: Cache) -> None:
    build = Builder()
    barrier = threading.Barrier(8)
    entries = []

    def work() -> None:
        barrier.wait(60)
        entries.append(Cache(cache.root).entry("converted", KEY, build))

    threads = [threading.Thread(target=work, daemon=True) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(entries) == 8
    assert build.calls == 1


def test_two_processes_build_once(
    cache: Cache, tmp_path: Path, start_process: Callable[..., subprocess.Popen[str]]
) -> None:
    # The first process holds its build until the second one is about to ask for the entry.
    fifo, log = tmp_path / "fifo", tmp_path / "log"
    os.mkfifo(fifo)
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from pytest_tinyquant.system.cache import Cache\n"
        "root, key, role, fifo, log = sys.argv[1:]\n"
        "def build(directory):\n"
        "    (directory / 'data').write_text(role)\n"
        "    with open(log, 'a') as stream:\n"
        "        stream.write(role)\n"
        "    print('building', flush=True)\n"
        "    Path(fifo).read_text()\n"
        "if role == 'second':\n"
        "    Path(fifo).write_text('go')\n"
        "print((Cache(Path(root)).entry('converted', key, build) / 'data').read_text())\n"
    )

    def start(role: str) -> subprocess.Popen[str]:
        return start_process(
            [sys.executable, "-c", script, str(cache.root), KEY, role, str(fifo), str(log)],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        )

    first = start("first")
    assert first.stdout is not None
    assert first.stdout.readline() == "building\n"
    assert start("second").communicate()[0] == "first\n"
    first.wait()
    assert log.read_text() == "first"


def test_a_lock_held_too_long_is_named(cache: Cache) -> None:
    lock = cache.root / "converted" / KEY[:2] / f"{KEY}.lock"
    lock.parent.mkdir(parents=True)
    with (
        filelock.FileLock(lock),
        pytest.raises(CacheError, match=r"held the lock .* more than 0\.01 s.*TINYQUANT_CACHE"),
    ):
        cache.entry("converted", KEY, Builder(), lock_timeout=0.01)


def test_an_unusable_directory_is_named_with_the_variable_that_moves_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    root = tmp_path / "file" / "cache"
    with pytest.raises(CacheError, match="TINYQUANT_CACHE") as caught:
        Cache(root).entry("converted", KEY, Builder())
    assert str(root) in str(caught.value)
    assert "Not a directory" in str(caught.value)


def _read_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse every write, also to a superuser, to whom permissions mean nothing."""

    def refuse(*args: object, **kwargs: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    for module, name in ((Path, "mkdir"), (os, "replace"), (filelock.FileLock, "acquire")):
        monkeypatch.setattr(module, name, refuse)


def test_a_read_only_cache_gives_what_it_has(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = cache.entry("converted", KEY, Builder())
    _read_only(monkeypatch)
    assert cache.entry("converted", KEY, Builder()) == entry
    with pytest.raises(CacheError, match=r"Read-only file system.*TINYQUANT_CACHE"):
        cache.entry("converted", Cache.key("something else"), Builder())


def test_a_full_disk_is_the_caches_trouble_a_missing_file_the_builders(cache: Cache) -> None:
    def full(directory: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(CacheError, match="No space left on device"):
        cache.entry("converted", KEY, full)

    def failing(directory: Path) -> None:
        (directory / "no").read_text()

    with pytest.raises(FileNotFoundError):
        cache.entry("converted", KEY, failing)
    assert names_in(cache) == []


def test_the_environment_moves_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINYQUANT_CACHE", str(tmp_path / "here"))
    assert Cache().root == tmp_path / "here"
    monkeypatch.delenv("TINYQUANT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert Cache().root == tmp_path / "xdg" / "pytest-tinyquant"
