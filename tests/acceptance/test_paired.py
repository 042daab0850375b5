"""``--tq-ab``: two revisions, or two directories of kernels, judged by each other."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import pytest
from played_project import Bench


if TYPE_CHECKING:
    from tests.acceptance.conftest import RealProject


REPOSITORY = Path(__file__).parents[2]
REFERENCE = REPOSITORY / "firmware" / "engine" / "kernels" / "reference" / "mean.c"
BOARD = "nucleo-l4r5zi"
TESTS = f"cnn_1-int8-only-{BOARD}"
SELECTION = ("--board", BOARD, "--scheme", "int8-only")

#: The last revision whose modules lay at the package's top level.
FLAT_REVISION = "825aa68"


def git(root: Path, *arguments: Any) -> None:
    identity = {
        f"GIT_{who}_{what}": "a@b" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    }
    environment = {**os.environ, **identity, "GIT_CONFIG_GLOBAL": "/dev/null"}
    subprocess.run(["git", *arguments], cwd=root, env=environment, check=True, capture_output=True)


def commit(root: Path) -> None:
    git(root, "init", "--quiet")
    # What the run itself leaves is no change of the working tree.
    (root / ".gitignore").write_text("*\n")
    git(root, "add", "--all", "--force", ".")
    git(root, "commit", "--quiet", "--message", "a state")


@pytest.fixture
def project(real_project: RealProject) -> RealProject:
    """One model and a kernel of the project's own, committed."""
    real_project.add_zoo("cnn_1")
    (real_project.root / "boards.toml").write_text(f'[{BOARD}]\nkernels = "./kernels"\n')
    kernel = real_project.root / "kernels" / "mean.c"
    kernel.parent.mkdir()
    kernel.write_text(REFERENCE.read_text().replace("tq_reference.h", "tq_kernels.h"))
    commit(real_project.root)
    return real_project


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_a_kernel_edit_against_the_revision_before_it(project: RealProject) -> None:
    edit(project.root / "kernels" / "mean.c", "i < p->reduced;", "i < p->reduced - 1;")
    commit(project.root)
    result = project.run(*SELECTION, "-n2", "--tq-ab", "HEAD~1")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.assert_outcomes(passed=3, failed=1)
    sha = "[0-9a-f]{12}"
    result.stdout.re_match_lines(
        [
            rf"tinyquant: A/B: A = HEAD~1 \({sha}\), B = working tree \({sha}, clean\)",
        ]
    )
    result.stdout.re_match_lines_random(
        [
            rf"{TESTS}  error  \S+ -> \S+ of range  .*REGRESSED",
            r"  mean\[3\] 8  tq_mean_s8: first output that differs from TensorFlow Lite Mic.*",
            rf"{TESTS}  A: image {sha}, B: image {sha}",
            r"  latency invoke  [\d,]+ -> [\d,]+ instructions  -0\.06 %  improved",
            r"  ram     arena   [\d,]+ -> [\d,]+ bytes  \+0\.00 %  ok",
        ]
    )
    assert not (project.root / "baselines").exists()


def test_each_revision_is_planned_by_its_own_package(project: RealProject) -> None:
    """The repository of the package itself: what changes is the planner, in Python."""
    for part in ("pytest_tinyquant", "firmware"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(REPOSITORY / part, project.root / part, ignore=ignored)
    (project.root / "boards.toml").unlink()
    commit(project.root)
    edit(project.root / "pytest_tinyquant/engine/planner.py", "ALIGNMENT = 4", "ALIGNMENT = 256")
    result = project.pytester.run(
        sys.executable, "-m", "pytest", *SELECTION, "--tq-ab=HEAD", "-p", "no:hypothesispytest"
    )
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(
        [
            "tinyquant: A/B: A = HEAD (*), B = working tree (*, 1 file changed)",
            f"{TESTS}  ram arena  * -> * bytes  *  (limit 0)  REGRESSED",
            "  placement  +*bytes alive at once",
        ]
    )


def test_a_revision_from_before_the_rooms_is_driven_by_its_old_names(project: RealProject) -> None:
    """It answers no protocol, and its modules lie elsewhere."""
    shown = ("git", "-C", str(REPOSITORY), "archive", FLAT_REVISION, "pytest_tinyquant", "firmware")
    archive = subprocess.run(shown, capture_output=True, check=False)
    if archive.returncode:
        pytest.skip(f"this clone is shallow: it has no revision {FLAT_REVISION}")
    (project.root / "boards.toml").unlink()
    subprocess.run(["tar", "-x", "-C", str(project.root)], input=archive.stdout, check=True)
    assert (project.root / "pytest_tinyquant" / "pipeline.py").is_file()
    commit(project.root)
    for part in ("pytest_tinyquant", "firmware"):
        shutil.rmtree(project.root / part)
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(REPOSITORY / part, project.root / part, ignore=ignored)
    result = project.pytester.run(
        sys.executable, "-m", "pytest", *SELECTION, "--tq-ab=HEAD", "-p", "no:hypothesispytest"
    )
    # Today's kernels take other counts than that revision's; both sides were measured and judged.
    outcomes = result.parseoutcomes()
    assert outcomes.get("passed", 0) + outcomes.get("failed", 0) == 4
    assert "errors" not in outcomes
    result.stdout.re_match_lines([rf"{TESTS}  A: image [0-9a-f]{{12}}, B: image [0-9a-f]{{12}}"])


def test_two_directories_of_kernels(project: RealProject) -> None:
    other = project.root / "other"
    shutil.copytree(project.root / "kernels", other)
    edit(other / "mean.c", "      *output++ =", '__asm__ volatile("nop");\n*output++ =')
    result = project.run(*SELECTION, "-k", "latency", "--tq-ab", "other..kernels")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(
        [
            "tinyquant: A/B: A = kernels other, B = kernels kernels",
            "*= tinyquant: 1 improved =*",
            f"{TESTS}  A: image *, B: image *",
        ]
    )
    result.stdout.no_fnmatch_line("*--tq-update-baselines*")


def test_a_revision_that_does_not_build_is_an_error(project: RealProject) -> None:
    kernel = project.root / "kernels" / "mean.c"
    sound = kernel.read_text()
    kernel.write_text(sound + "this is not C\n")
    commit(project.root)
    kernel.write_text(sound)
    result = project.run(*SELECTION, "-k", "latency or flash", "--tq-ab", "HEAD")
    result.assert_outcomes(errors=2)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        [f"RevisionError: {TESTS}: HEAD (*) cannot be built: *", "*mean.c:*error:*"]
    )


def test_what_the_revision_lacks_is_new(project: RealProject) -> None:
    project.add_zoo("cnn_2")
    result = project.run("--board=host", "--scheme=int8-only", "--tq-ab=HEAD")
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(
        [
            "*= tinyquant: 2 new, 2 ok =*",
            "cnn_1-int8-only-host  A: file ????????????, B: file ????????????",
            "cnn_2-int8-only-host  A: none, B: file ????????????",
        ]
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--tq-ab=nonsense"], "ERROR: 'nonsense' names no commit of *"),
        (["--tq-ab=--help"], "ERROR: '--help' names no commit of *"),
        (["--tq-ab=HEAD.."], "ERROR: --tq-ab: 'HEAD..' names no sides; *"),
        (["--tq-ab=models"], "ERROR: --tq-ab: *models is a directory without C sources*"),
        (["--tq-ab=HEAD", "--tq-update-baselines"], "ERROR: --tq-ab judges by no baseline*"),
        (["--tq-ab=HEAD", "--tq-history"], "ERROR: --tq-ab is not recorded in the history*"),
    ],
)
def test_sides_that_cannot_be(project: RealProject, arguments: list[str], message: str) -> None:
    result = project.run(*SELECTION, *arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([message])


def test_a_project_without_git(project: RealProject) -> None:
    shutil.rmtree(project.root / ".git")
    result = project.run(*SELECTION, "--tq-ab=HEAD")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: * is in no git repository *"])


def test_a_measurement_of_another_plugin_has_no_other_side(bench: Bench) -> None:
    git(bench.root, "init", "--quiet")
    commit(bench.root)
    result = bench.run("--model=cnn_1", "--scheme=int8", "--board=host", "--tq-ab=HEAD")
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(["BenchError: cnn_1-int8-host: another plugin measured this*"])
