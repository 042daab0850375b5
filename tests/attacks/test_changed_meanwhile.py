"""A file that changes while a result is being made of it gives no result of mixed bytes.

The builder is played: it reads a file as a compiler does, and before it says what it read, the file
becomes another.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_tinyquant.errors import BenchError
from pytest_tinyquant.system.cache import Cache
from pytest_tinyquant.system.reads import Digests
from pytest_tinyquant.system.reads import Places
from pytest_tinyquant.system.reads import Reads
from pytest_tinyquant.system.reads import content_digest
from pytest_tinyquant.system.traced import TracedCache


Change = Callable[[Path], None]

_OLD = 1_000_000_000


def _tree(root: Path) -> None:
    """Write a header, three ways to it, and another one that may take its place."""
    for name, text in (("first", "one"), ("second", "two"), ("late", "late")):
        (root / name).mkdir()
        (root / name / "v.h").write_text(text)
    (root / "spare.h").write_text("spare")
    os.utime(root / "spare.h", (_OLD, _OLD))
    (root / "early").mkdir()
    (root / "early" / "v.h").write_text("early")
    (root / "other/below").mkdir(parents=True)
    (root / "other/first").mkdir()
    (root / "other/first/v.h").write_text("other")
    (root / "v.h").symlink_to("first/v.h")
    (root / "linked").symlink_to("first")
    (root / "twice").symlink_to("linked")


def _rewritten(path: Path) -> None:
    path.write_text("new")


def _put_back(path: Path) -> None:
    """The first half of a library was compiled of what it is now, the second of what it was."""
    text = path.read_text()
    path.write_text("between")
    path.write_text(text)


def _dated_back(path: Path) -> None:
    status = path.stat()
    path.write_text("new")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def _replaced_by_an_older_one(path: Path) -> None:
    shutil.copy2(path.parents[1] / "spare.h", path.parent / "copy")
    (path.parent / "copy").replace(path)


def _retargeted(link: Path, target: str) -> None:
    link.unlink()
    link.symlink_to(target)


def _moved(path: Path) -> None:
    """Another directory, with older files, in the place of the one that was read."""
    root = path.parents[1]
    path.parent.rename(root / "was")
    (root / "second").rename(path.parent)


#: The file that is read, and what becomes of it meanwhile.
CHANGES: dict[str, tuple[str, Change]] = {
    "rewritten": ("first/v.h", _rewritten),
    "rewritten and put back": ("first/v.h", _put_back),
    "rewritten, its date set back": ("first/v.h", _dated_back),
    "replaced by an older one": ("first/v.h", _replaced_by_an_older_one),
    "deleted": ("early/v.h", Path.unlink),
    "its directory deleted": ("early/v.h", lambda path: shutil.rmtree(path.parent)),
    "its directory moved": ("first/v.h", _moved),
    "its link retargeted": ("v.h", lambda path: _retargeted(path, "second/v.h")),
    "its directory's link retargeted": (
        "linked/v.h",
        lambda path: _retargeted(path.parent, "second"),
    ),
    "a link behind a link retargeted": (
        "twice/v.h",
        lambda path: _retargeted(path.parents[1] / "linked", "second"),
    ),
    "a link on the way up retargeted": (
        "linked/../first/v.h",
        lambda path: _retargeted(path.parents[3] / "linked", "other/below"),
    ),
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    root.mkdir()
    _tree(root)
    _wait_for_the_files_clock(root)
    return root


def _wait_for_the_files_clock(root: Path) -> None:
    """Go on when a new file gets a later time than what is in `root`."""
    written = max(path.lstat().st_ctime_ns for path in root.rglob("*"))
    probe = root.parent / "clock"
    while True:
        probe.touch()
        if probe.stat().st_ctime_ns > written:
            return


def _entry(root: Path, name: str, changes: Iterator[Change]) -> str:
    """Return what a build of a file holds, in the cache beside the tree."""
    cache = Cache(root.parent / "cache")
    path = f"{root}/{name}"

    def build(output: Path) -> Reads:
        read = path if os.path.isfile(path) else f"{root}/late/v.h"
        (output / "result").write_text(Path(read).read_text())
        next(changes, lambda path: None)(Path(path))
        return Reads({f"{{tree}}{read[len(str(root)) :]}": content_digest(read)}, {})

    traced = TracedCache(cache, Places({"tree": root}), Digests())
    return (traced.entry("kind", "0" * 64, build)[0] / "result").read_text()


@pytest.mark.parametrize("how", CHANGES)
def test_what_changed_while_it_was_read_is_built_again(how: str, tree: Path) -> None:
    name, change = CHANGES[how]
    _entry(tree, name, iter([change]))
    now = tree / name if (tree / name).is_file() else tree / "late/v.h"
    # From the cache, as the next run sees it.
    assert _entry(tree, name, iter([])) == now.read_text()


def test_what_changes_each_time_gives_no_result(tree: Path) -> None:
    texts = iter("abcdef")

    def change(path: Path) -> None:
        path.write_text(next(texts))

    with pytest.raises(BenchError, match=r"first/v\.h changed while firmware was built from it"):
        _entry(tree, "first/v.h", iter([change] * 6))
    assert not list((tree.parent / "cache").glob("kind*/*/*/*"))


def test_what_comes_and_goes_each_time_gives_no_result(tree: Path) -> None:
    path = tree / "early/v.h"

    def build(output: Path) -> Reads:
        path.write_text("a while")
        (output / "result").write_text(path.read_text())
        path.unlink()
        return Reads({"{tree}/early/v.h": content_digest(str(path))}, {})

    traced = TracedCache(Cache(tree.parent / "cache"), Places({"tree": tree}), Digests())
    with pytest.raises(BenchError, match="changed while firmware was built from it"):
        traced.entry("kind", "0" * 64, build)


def test_a_neighbour_that_changes_builds_nothing_twice(tree: Path) -> None:
    """Editors, version control and pytest itself write beside what is compiled."""
    built = []

    def change(path: Path) -> None:
        built.append(path)
        (path.parent / "README.md").write_text("new")
        (path.parents[1] / "another").mkdir()

    assert _entry(tree, "first/v.h", iter([change, change])) == "one"
    assert len(built) == 1
