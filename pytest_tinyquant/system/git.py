"""A git repository, read only: revisions, what they hold, and a copy of their files."""

from __future__ import annotations

import io
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_tinyquant.errors import RevisionError
from pytest_tinyquant.system.scratch import scratch_directory


TIMEOUT = 300.0

# Set where git runs pytest as a hook; they would redirect every command below.
_REDIRECTING = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_OBJECT_DIRECTORY")


@dataclass(frozen=True)
class Repository:
    """The repository whose working tree begins at ``root``."""

    root: Path

    @classmethod
    def around(cls, directory: Path) -> Repository:
        """Return the repository that ``directory`` lies in.

        :raises RevisionError: there is none, or git is not installed.
        """
        try:
            root = _git(directory, "rev-parse", "--show-toplevel")
        except _GitError as error:
            raise RevisionError(
                f"{directory} is in no git repository ({error}); revisions can be named only "
                "inside of one"
            ) from None
        return cls(Path(root.decode().rstrip("\n")))

    def commit(self, revision: str) -> str:
        """Return the full hash of the commit that ``revision`` names.

        :raises RevisionError: it names none.
        """
        try:
            arguments = ("--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
            return _git(self.root, "rev-parse", *arguments).decode().strip()
        except _GitError:
            raise RevisionError(
                f"{revision!r} names no commit of {self.root}; `git log --oneline` lists them. "
                "A shallow clone lacks older ones: git fetch --unshallow"
            ) from None

    def changes(self, *, untracked: bool = False) -> int:
        """Return how many files differ from HEAD.

        :param untracked: count files that git does not know as well, but for ignored ones.
        :raises RevisionError: git fails, such as for a damaged index.
        """
        files = "--untracked-files=all" if untracked else "--untracked-files=no"
        status = _git(self.root, "status", "--porcelain", files)
        return len(status.splitlines())

    def files(self, commit: str, directory: str) -> tuple[str, ...]:
        """Return the files below ``directory`` of a commit, relative to the repository's root.

        :raises RevisionError: git fails, such as for a path that leads out of the repository.
        """
        names = _git(self.root, "ls-tree", "-r", "-z", "--name-only", commit, "--", directory)
        return tuple(name for name in os.fsdecode(names).split("\0") if name)

    def read(self, commit: str, paths: Sequence[str]) -> dict[str, bytes]:
        """Return those of ``paths`` that a commit holds, with their content.

        :raises RevisionError: git fails, or a path cannot be asked for.
        """
        for path in paths:
            if "\n" in path:
                raise RevisionError(f"{path!r}: git cannot be asked for a name of several lines")
        wanted = os.fsencode("".join(f"{commit}:{path}\n" for path in paths))
        output = io.BytesIO(_git(self.root, "cat-file", "--batch", stdin=wanted))
        found = {}
        for path in paths:
            header = output.readline().split()
            if header[-1] != b"missing":
                found[path] = output.read(int(header[-1]))
                output.readline()
        return found

    def copy(self, commit: str, directory: Path) -> None:
        """Write all files of a commit into ``directory``.

        The repository is not touched: no worktree is registered, the index is a temporary one.
        Submodules stay empty.

        :raises RevisionError: git fails, such as for want of a filter's program.
        """
        with scratch_directory() as scratch:
            index = {"GIT_INDEX_FILE": str(Path(scratch) / "index")}
            try:
                _git(self.root, "read-tree", commit, extra=index)
                prefix = f"--prefix={directory}/"
                _git(self.root, "checkout-index", "--all", "--quiet", prefix, extra=index)
            except _GitError as error:
                raise RevisionError(
                    f"the files of {commit[:12]} cannot be checked out: {error}"
                ) from None


class _GitError(RevisionError):
    """Git failed; the text is what it said."""


def _git(
    directory: Path, *arguments: str, extra: dict[str, str] | None = None, stdin: bytes = b""
) -> bytes:
    environment = {k: v for k, v in os.environ.items() if k not in _REDIRECTING}
    try:
        done = subprocess.run(
            ["git", *arguments],
            cwd=directory,
            env={**environment, "LC_ALL": "C", **(extra or {})},
            input=stdin,
            capture_output=True,
            timeout=TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _GitError(str(error)) from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()
        raise _GitError(said or f"git {arguments[0]} ended with status {done.returncode}")
    return done.stdout
