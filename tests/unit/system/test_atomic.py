"""Atomic file replacement."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pytest_tinyquant.system import atomic


def test_the_file_holds_the_data_and_nothing_lies_beside_it(tmp_path: Path) -> None:
    atomic.write_bytes(tmp_path / "data", b"\x00\xff\r\n")
    assert (tmp_path / "data").read_bytes() == b"\x00\xff\r\n"
    assert os.listdir(tmp_path) == ["data"]


def test_missing_directories_are_made(tmp_path: Path) -> None:
    atomic.write_text(tmp_path / "a" / "b" / "text", "x")
    assert (tmp_path / "a" / "b" / "text").read_text() == "x"


def test_text_is_utf8_with_its_own_line_ends(tmp_path: Path) -> None:
    atomic.write_text(tmp_path / "text", "größer\r\n\n")
    assert (tmp_path / "text").read_bytes() == "größer\r\n\n".encode()


def test_the_old_content_stays_until_the_new_one_is_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "data"
    path.write_bytes(b"old")
    seen = []
    replace = os.replace

    def spy(source: Path, target: Path) -> None:
        seen.append((path.read_bytes(), Path(source).read_bytes(), Path(source).parent))
        replace(source, target)

    monkeypatch.setattr(os, "replace", spy)
    atomic.write_bytes(path, b"new")
    assert seen == [(b"old", b"new", tmp_path)]
    assert path.read_bytes() == b"new"


def test_a_failed_write_leaves_the_old_file_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").write_bytes(b"old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        atomic.write_bytes(tmp_path / "data", b"new")
    assert (tmp_path / "data").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["data"]


def test_the_umask_decides_who_may_read_the_file(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        atomic.write_bytes(tmp_path / "data", b"")
    finally:
        os.umask(before)
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o640


def test_a_symbolic_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real" / "data")
    atomic.write_bytes(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real" / "data").read_bytes() == b"new"
