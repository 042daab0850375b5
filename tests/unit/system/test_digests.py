"""Digests of programs: known from an earlier process, and never out of date."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from pytest_tinyquant.system import digests


@pytest.fixture(autouse=True)
def memo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's cache directory, and files that count as old at once."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(digests, "SETTLED_NS", -(10**9))
    return tmp_path / "cache"


def test_a_program_is_read_once(tmp_path: Path, memo: Path) -> None:
    program = tmp_path / "program"
    program.write_bytes(b"one")
    first = digests.remembered_digest(str(program))
    (file,) = memo.rglob("*.json")
    stamp = json.loads(file.read_text())[:-1]
    file.write_text(json.dumps([*stamp, "what was noted"]))
    assert digests.remembered_digest(str(program)) == "what was noted"
    file.write_text("[damaged")
    assert digests.remembered_digest(str(program)) == first


def test_a_program_of_the_same_size_and_date_is_read_again(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_bytes(b"one")
    status = program.stat()
    first = digests.remembered_digest(str(program))
    # Until the clock of the files has ticked, for which SETTLED_NS waits otherwise.
    while program.stat().st_ctime_ns == status.st_ctime_ns:
        program.write_bytes(b"two")
        os.utime(program, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert digests.remembered_digest(str(program)) != first


def test_a_program_that_changed_just_now_is_not_noted(
    tmp_path: Path, memo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digests, "SETTLED_NS", 2 * 10**9)
    program = tmp_path / "program"
    program.write_bytes(b"one")
    assert digests.remembered_digest(str(program))
    assert not list(memo.rglob("*.json"))
