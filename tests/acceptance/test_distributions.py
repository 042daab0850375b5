"""What is uploaded: a source distribution that is complete, and descriptions that stand alone."""

from __future__ import annotations

import email
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest


REPOSITORY = Path(__file__).parents[2]

pytest.importorskip("build")
pytest.importorskip("twine")


def run(*command: Any, cwd: Path) -> str:
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def built(source: Path, kind: str, output: Path) -> Path:
    build = ("-m", "build", f"--{kind}", "--no-isolation", "--outdir", output, source)
    run(sys.executable, *build, cwd=source)
    (file,) = output.glob("*.whl" if kind == "wheel" else "*.tar.gz")
    return file


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source distribution of a new clone of what is committed."""
    clone = tmp_path_factory.mktemp("clone") / "tree"
    run("git", "clone", "--quiet", "--no-hardlinks", REPOSITORY, clone, cwd=REPOSITORY)
    return built(clone, "sdist", tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def unpacked(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(sdist) as archive:
        archive.extractall(place, filter="data")
    (root,) = place.iterdir()
    return root


@pytest.fixture(scope="module")
def wheel(unpacked: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel built from the unpacked source distribution, where there is no git."""
    return built(unpacked, "wheel", tmp_path_factory.mktemp("wheel"))


def test_the_source_distribution_holds_every_committed_file(unpacked: Path) -> None:
    committed = set(run("git", "ls-files", cwd=REPOSITORY).splitlines())
    held = {str(file.relative_to(unpacked)) for file in unpacked.rglob("*") if file.is_file()}
    # A test may run with changes that are not committed yet; a file of the clone is.
    in_clone = set(run("git", "ls-tree", "-r", "--name-only", "HEAD", cwd=REPOSITORY).splitlines())
    assert committed & in_clone - held == set()
    for needed in ("tests/conftest.py", "docs/usage.md", "CHANGELOG.md", "changelog.d/README.md"):
        assert needed in held


def test_its_wheel_carries_the_package_and_its_version(sdist: Path, wheel: Path) -> None:
    found = re.fullmatch(r"pytest_tinyquant-(.+)\.tar\.gz", sdist.name)
    assert found is not None
    version = found[1]
    assert wheel.name == f"pytest_tinyquant-{version}-py3-none-any.whl"
    names = set(zipfile.ZipFile(wheel).namelist())
    assert "pytest_tinyquant/plugin.py" in names
    assert "pytest_tinyquant/_firmware/CMakeLists.txt" in names
    assert not [name for name in names if name.startswith(("tests/", "docs/"))]


def test_an_index_takes_both(sdist: Path, wheel: Path, tmp_path: Path) -> None:
    run(sys.executable, "-m", "twine", "check", "--strict", sdist, wheel, cwd=tmp_path)


def test_the_description_links_to_nothing_that_an_index_lacks(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        metadata = email.message_from_bytes(archive.read(name))
    text = metadata.get_payload()
    assert isinstance(text, str)
    assert metadata["Description-Content-Type"] == "text/markdown"
    targets = re.findall(r"\]\(([^)]+)\)", text)
    assert [target for target in targets if not target.startswith("https://")] == []
    assert "`docs/usage.md`" in text
    assert "come with the source distribution" in text
