"""A repository is read, never changed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pytest_tinyquant.errors import RevisionError
from pytest_tinyquant.system.git import Repository


def git(root: Path, *arguments: str) -> bytes:
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments]
    return subprocess.run(command, cwd=root, check=True, capture_output=True).stdout


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    (root / "sub").mkdir(parents=True)
    git(root, "init", "--quiet")
    for number in ("one", "two"):
        (root / "sub" / "file").write_text(number)
        (root / number).write_text("\n")
        git(root, "add", ".")
        git(root, "commit", "--quiet", "--message", number)
    return root


def test_a_repository_is_found_from_within(root: Path) -> None:
    assert Repository.around(root / "sub").root == root.resolve()


def test_outside_of_a_repository(tmp_path: Path) -> None:
    with pytest.raises(RevisionError, match="is in no git repository"):
        Repository.around(tmp_path)


def test_revisions_resolve_to_commits(root: Path) -> None:
    repository = Repository.around(root)
    head = git(root, "rev-parse", "HEAD").decode().strip()
    assert repository.commit("HEAD") == head
    assert repository.commit("HEAD~1") != head


@pytest.mark.parametrize("revision", ["HEAD~7", "--all", "", "HEAD:sub"])
def test_what_is_no_commit(root: Path, revision: str) -> None:
    with pytest.raises(RevisionError, match="names no commit"):
        Repository.around(root).commit(revision)


def test_files_of_a_commit(root: Path) -> None:
    repository = Repository.around(root)
    commit = repository.commit("HEAD~1")
    assert repository.files(commit, ".") == ("one", "sub/file")
    assert repository.files(commit, "sub") == ("sub/file",)
    found = repository.read(commit, ["sub/file", "nothing", "one"])
    assert found == {"sub/file": b"one", "one": b"\n"}


def test_a_copy_holds_the_commit_and_leaves_the_repository_alone(
    root: Path, tmp_path: Path
) -> None:
    repository = Repository.around(root)
    (root / "sub" / "file").write_text("changed")
    (root / "untracked").touch()
    before = git(root, "status", "--porcelain")
    repository.copy(repository.commit("HEAD~1"), tmp_path / "copy")
    copied = sorted(p.name for p in (tmp_path / "copy").rglob("*") if p.is_file())
    assert copied == ["file", "one"]
    assert (tmp_path / "copy" / "sub" / "file").read_text() == "one"
    assert git(root, "status", "--porcelain") == before
    assert not (root / ".git" / "worktrees").exists()


def test_changes_are_counted_without_untracked_files(root: Path) -> None:
    repository = Repository.around(root)
    (root / "untracked").touch()
    assert repository.changes() == 0
    assert repository.changes(untracked=True) == 1
    (root / "one").write_text("changed")
    assert repository.changes() == 1


def test_a_hook_of_git_does_not_redirect(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    assert Repository.around(root).root == root.resolve()
