"""Building a program from Debian's sources into the cache, with one that builds in no time."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import runpy
import signal
import subprocess
import sys
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_tinyquant.errors import ToolchainNotFoundError
from pytest_tinyquant.firmware import source_build
from pytest_tinyquant.firmware.recipe import Recipe
from pytest_tinyquant.firmware.source_build import build
from pytest_tinyquant.firmware.source_build import find_built
from pytest_tinyquant.system.cache import Cache


BUILD_TOOL = Path(__file__).with_name("build_tool.py")
CONFIGURE = """\
#!/bin/sh
echo configured >> "@log@"
sed "s|@prefix@|${1#--prefix=}|g" "$(dirname "$0")/Makefile.in" > Makefile
"""
# Making waits for whoever opens the gate, if there is one.
MAKEFILE = """\
all:
\techo making >> "@log@"
\ttest ! -e "@log@.broken" || (echo "no space for $@" && false)
\ttest ! -p "@log@.gate" || cat "@log@.gate" > gate
\techo made >> "@log@"
install:
\techo installed >> "@log@"
\tmkdir -p @prefix@/bin @prefix@/share
\techo manual > @prefix@/share/manual
\tprintf '#!/bin/sh\\necho works\\n' > @prefix@/bin/tool
\tchmod +x @prefix@/bin/tool
"""


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """The tool's sources."""
    source = tmp_path / "tool-1.0"
    source.mkdir()
    # Not by a variable: none of the environment reaches a build.
    log = str(tmp_path / "log")
    (source / "configure").write_text(CONFIGURE.replace("@log@", log))
    (source / "configure").chmod(0o755)
    (source / "Makefile.in").write_text(MAKEFILE.replace("@log@", log))
    archive = tmp_path / "tool-1.0.tar.xz"
    subprocess.run(["tar", "-cJf", archive, "-C", tmp_path, source.name], check=True)
    return archive


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """File in which the builds note what they do."""
    log = tmp_path / "log"
    log.touch()
    return log


@pytest.fixture
def recipe(archive: Path, log: Path) -> Recipe:
    made: Recipe = runpy.run_path(str(BUILD_TOOL))["recipe"](archive)
    return made


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


@pytest.fixture
def start(archive: Path, cache: Cache) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Start to build the tool in a process of its own, which says ``starts`` first."""
    with contextlib.ExitStack() as started:

        def start() -> subprocess.Popen[str]:
            process = started.enter_context(
                subprocess.Popen(
                    [sys.executable, BUILD_TOOL, cache.root, archive],
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            started.callback(process.kill)
            assert process.stdout is not None
            assert process.stdout.readline() == "starts\n"
            return process

        yield start


def silent(line: str) -> None:
    pass


def test_builds_installs_and_prunes(recipe: Recipe, cache: Cache) -> None:
    lines: list[str] = []
    program = build(recipe, cache, lines.append)
    assert subprocess.run([program], capture_output=True, check=True).stdout == b"works\n"
    assert not (program.parents[1] / "share/manual").exists()
    assert "tool-1.0.tar.xz" in (program.parents[1] / "SOURCES").read_text()
    assert not (cache.root / "toolchain" / "tool.work").exists()
    steps = [line.rpartition(":")[0] for line in lines if line.endswith(" s")]
    assert steps == ["tool: unpack", "tool: configure", "tool: make", "tool: install"]


def test_builds_once(recipe: Recipe, cache: Cache, log: Path) -> None:
    first = build(recipe, cache, silent)
    assert build(recipe, cache, silent) == first == find_built(recipe, cache)
    assert log.read_text().split() == ["configured", "making", "made", "installed"]


def test_two_processes_at_once_build_once(
    start: Callable[[], subprocess.Popen[str]], log: Path
) -> None:
    gate = Path(f"{log}.gate")
    os.mkfifo(gate)
    first = start()
    with gate.open("w"):  # opens when the first one is in the midst of making
        second = start()
    said, said_second = first.communicate()[0], second.communicate()[0]
    assert re.search(r"tool: make: \d+ s", said)
    assert said_second == said.splitlines(keepends=True)[-1]  # nothing but the program's path
    assert log.read_text().split() == ["configured", "making", "made", "installed"]


def test_goes_on_where_a_build_was_killed(
    start: Callable[[], subprocess.Popen[str]], log: Path, recipe: Recipe, cache: Cache
) -> None:
    gate = Path(f"{log}.gate")
    os.mkfifo(gate)
    killed = start()
    with gate.open("w"):
        killed.kill()
        assert killed.wait() == -signal.SIGKILL
        assert find_built(recipe, cache) is None
        again = start()
        # A command of the killed build reads from the gate, until it is closed.
        assert again.stdout is not None
        assert "waiting for what a build that was killed left" in again.stdout.readline()
        gate.unlink()
    said = again.communicate()[0]
    assert "tool: unpack: done before" in said
    assert "tool: configure: done before" in said
    assert find_built(recipe, cache) is not None
    assert log.read_text().split() == ["configured", "making", "making", "made", "installed"]


def test_goes_on_where_a_build_failed(recipe: Recipe, cache: Cache, log: Path) -> None:
    broken = Path(f"{log}.broken")
    broken.touch()
    with pytest.raises(
        ToolchainNotFoundError,
        match=r"building the tool failed at tool: make(.|\n)*no space(.|\n)*`tinyquant toolchain t",
    ):
        build(recipe, cache, silent)
    assert find_built(recipe, cache) is None
    broken.unlink()
    lines: list[str] = []
    build(recipe, cache, lines.append)
    assert "tool: configure: done before" in lines
    assert log.read_text().split().count("configured") == 1


def test_a_damaged_program_is_none(recipe: Recipe, cache: Cache) -> None:
    build(recipe, cache, silent).write_text("damaged")
    assert find_built(recipe, cache) is None


def test_a_program_that_does_not_work_is_none(recipe: Recipe, cache: Cache) -> None:
    def refuse(program: Path, directory: Path) -> None:
        raise ToolchainNotFoundError(f"{program} is wrong")

    refused = dataclasses.replace(recipe, verify=refuse)
    with pytest.raises(ToolchainNotFoundError, match="is wrong"):
        build(refused, cache, silent)
    assert find_built(refused, cache) is None


def test_reports_that_a_step_still_runs(
    recipe: Recipe, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_build, "_HEARTBEAT", 0.0)
    lines: list[str] = []
    build(recipe, cache, lines.append)
    assert any("running for" in line for line in lines)


def test_names_the_packages_to_install(
    recipe: Recipe, cache: Cache, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive.unlink()
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(
        ToolchainNotFoundError, match=r"the tool is built from .* sudo apt-get install .* tool-s"
    ):
        build(recipe, cache, silent)
