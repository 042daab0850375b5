"""Whatever reporting meets, the verdicts come out and the exit status says that something is amiss.

Each attack is on a run with one regression: its text must stand in the output. The same run
without a regression must not pass as if nothing had happened.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

import pytest
from played_project import Bench


NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
ONE = ("--model=cnn_4", "--scheme=int8-only", "--board=nucleo-l4r5zi")
COMBINATION = "cnn_4-int8-only-nucleo-l4r5zi"
VERDICT = f"{COMBINATION}  latency  1,500 -> 1,750 instructions  +16.67 %  (limit 0)  REGRESSED"
ROW = f"{COMBINATION}  latency  *1,500 -> 1,750 instructions  +16.67 %  REGRESSED"

# Something that befalls the project while its tests run.
MEANWHILE = """

import pytest

@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish():
    import os, shutil, sqlite3
    {act}
    return (yield)
"""


@pytest.fixture
def regressed(bench: Bench) -> Bench:
    """A project with a baseline, whose latency regressed."""
    bench.record(*ONE)
    bench.says[COMBINATION] = {"conv2d[3]": 1250}
    return bench


def add(bench: Bench, text: str) -> None:
    conftest = bench.root / "conftest.py"
    conftest.write_text(conftest.read_text() + text)


def passing(attacks: Iterable[str], quick: str) -> list[tuple[str, bool]]:
    """Return the attacks on a run that passes: all in the nightly profile, else one."""
    return [(attack, True) for attack in (attacks if NIGHTLY else [quick])]


def lock(path: str) -> str:
    return f"global held; held = sqlite3.connect({path!r}); held.execute('BEGIN EXCLUSIVE')"


#: What befalls while the tests run, by option; and what is told of it.
LATE = {
    "json-a-directory": (["--tq-json=out"], "os.mkdir('out')", "--tq-json: *out cannot be written"),
    "html-a-directory": (["--tq-html=out"], "os.mkdir('out')", "--tq-html: *out cannot be written"),
    "markdown-no-parent": (
        ["--tq-markdown=d/out"], "open('d', 'w')", "--tq-markdown: *d/out cannot be written",
    ),
    "summary-gone": (
        ["--tq-github-summary"], "os.remove('summary.md'); os.mkdir('summary.md')",
        "--tq-github-summary: *summary.md cannot be written",
    ),
    "history-locked": (["--tq-history=h.sqlite"], lock("h.sqlite"), "--tq-history: *locked*"),
    "history-damaged": (
        ["--tq-history=h.sqlite"], "open('h.sqlite', 'w').write('x' * 5000)", "--tq-history: *",
    ),
    "git-damaged": (
        ["--tq-history=h.sqlite"], "open('.git/index', 'w').write('x')", "--tq-history: *index*",
    ),
    "baselines-a-file": (
        ["--tq-update-baselines=new", "--model=cnn_4,cnn_1"],
        "shutil.rmtree('baselines/nucleo-l4r5zi/emulator'); "
        "open('baselines/nucleo-l4r5zi/emulator', 'w')",
        "baseline *cnn_1-int8-only.json cannot be written",
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("attack", "passes"),
    [*((attack, False) for attack in LATE), *passing(LATE, "json-a-directory")],
)
def test_what_cannot_be_written_at_the_end_is_told_beside_the_verdicts(
    regressed: Bench, monkeypatch: pytest.MonkeyPatch, attack: str, passes: bool
) -> None:
    arguments, act, told = LATE[attack]
    monkeypatch.setattr("pytest_tinyquant.history.database._LOCK_SECONDS", 0.1)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(regressed.root / "summary.md"))
    (regressed.root / "summary.md").touch()
    _commit(regressed.root)
    add(regressed, MEANWHILE.format(act=act))
    if passes:
        regressed.says = {}
    others = [] if "--model=cnn_4,cnn_1" in arguments else ["--model=cnn_4"]
    result = regressed.run(*ONE[1:], *others, *arguments)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines([] if passes else [VERDICT, ROW])
    result.stdout.fnmatch_lines([f"tinyquant: {told}*"])
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*INTERNALERROR*")


#: What certainly cannot be written, and why.
EARLY = {
    "--tq-json=pytest.ini/x": "*pytest.ini: Not a directory",
    "--tq-html=/proc/x.html": "*/proc: *",
    "--tq-markdown=.": "*it is a directory",
    "--tq-history=pytest.ini/h.sqlite": "*Not a directory",
    "--tq-github-summary": "*GITHUB_STEP_SUMMARY is not set*",
    "--tq-update-baselines=all": "*baselines: Not a directory",
}


@pytest.mark.parametrize("argument", EARLY)
def test_what_certainly_cannot_be_written_ends_the_run_at_its_start(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, argument: str
) -> None:
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    (bench.root / "pytest.ini").write_text("[pytest]\naddopts = --import-mode=importlib\n")
    if "baselines" in argument:
        (bench.root / "baselines").touch()
    result = bench.run(*ONE, argument)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    option = argument.partition("=")[0]
    result.stderr.fnmatch_lines([f"ERROR: {option}: {EARLY[argument]}"])
    assert not (bench.root / "measured.txt").exists()


@pytest.mark.parametrize("option", ["json", "html", "markdown"])
def test_a_check_at_the_start_leaves_nothing_and_touches_nothing(bench: Bench, option: str) -> None:
    bench.record(*ONE)
    (bench.root / "report").write_text("the report of the run before")
    result = bench.run(*ONE, f"--tq-{option}=report", "--collect-only")
    assert result.ret == pytest.ExitCode.OK
    assert (bench.root / "report").read_text() == "the report of the run before"
    bench.run(*ONE, f"--tq-{option}=new/report", "--collect-only")
    assert not (bench.root / "new").exists()


#: Functions of reporting that fail as if there were a fault in them.
BROKEN = (
    "pytest_tinyquant.report.json_file.text",
    "pytest_tinyquant.report.html.page.page",
    "pytest_tinyquant.report.markdown.markdown",
    "pytest_tinyquant.report.terminal.show",
    "pytest_tinyquant.report.item.complete",
    "pytest_tinyquant.report.item.prepare",
    "pytest_tinyquant.report.bench.look_before",
    "pytest_tinyquant.report.bench.look_after",
    "pytest_tinyquant.report.results.Results.add",
    "pytest_tinyquant.history.record.append_run",
)


@pytest.mark.parametrize(
    ("function", "passes"),
    [
        *((function, False) for function in BROKEN),
        *passing(BROKEN, "pytest_tinyquant.report.terminal.show"),
    ],
)
def test_a_fault_in_reporting_loses_no_verdict(
    regressed: Bench, monkeypatch: pytest.MonkeyPatch, function: str, passes: bool
) -> None:
    def broken(*arguments: object, **named: object) -> NoReturn:
        raise RuntimeError("a fault")

    if passes:
        regressed.says = {}
    files = ("--tq-json=j", "--tq-html=h", "--tq-markdown=m", "--tq-history=h.sqlite")
    module, _, name = function.rpartition(".")
    owner = importlib.import_module(module.removesuffix(".Results"))
    with monkeypatch.context() as patched:
        patched.setattr(owner.Results if module.endswith(".Results") else owner, name, broken)
        result = regressed.run(*ONE, *files)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines([] if passes else [VERDICT])
    result.stdout.fnmatch_lines(["tinyquant: *RuntimeError: a fault*please report it"])
    result.stdout.no_fnmatch_line("*INTERNALERROR*")


def cache_is_a_file(root: Path) -> None:
    (root / ".pytest_cache").touch()


def cache_holds_a_file(root: Path) -> None:
    (root / ".pytest_cache").mkdir()
    (root / ".pytest_cache" / "d").touch()


def cache_is_a_dangling_link(root: Path) -> None:
    (root / ".pytest_cache").symlink_to("/proc/nowhere")


@pytest.mark.parametrize("damage", [cache_is_a_file, cache_holds_a_file, cache_is_a_dangling_link])
def test_an_unusable_cache_directory_of_pytest_costs_no_verdict(
    regressed: Bench, damage: Callable[[Path], None]
) -> None:
    shutil.rmtree(regressed.root / ".pytest_cache", ignore_errors=True)
    damage(regressed.root)
    log = "\ndef pytest_runtest_call(item):\n"
    log += "    from pytest_tinyquant.boards.open import CONSOLE_LOG, device_directory\n"
    log += "    from pytest_tinyquant.session.run import RUN\n"
    log += "    d = device_directory(item.config.stash[RUN].work_dir, item.name)\n"
    log += "    d.mkdir(parents=True); (d / CONSOLE_LOG).write_text('said by the device')\n"
    add(regressed, log)
    result = regressed.run(*ONE)
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(
        [VERDICT, "said by the device", "*1 lines in all, which could not be kept: *", ROW]
    )
    assert regressed.run(*ONE, "--tq-update-baselines=all").ret == pytest.ExitCode.OK
    regressed.run(*ONE).assert_outcomes(passed=4)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a file system")
def test_a_read_only_checkout_gives_its_verdicts(regressed: Bench) -> None:
    shutil.rmtree(regressed.root / ".pytest_cache", ignore_errors=True)
    regressed.says = {COMBINATION: {"conv2d[3]": 1250}}
    (regressed.root / "bench.json").write_text("{}")
    conftest = regressed.root / "conftest.py"
    conftest.write_text(conftest.read_text().replace('ROOT / "measured.txt"', 'Path("/dev/null")'))
    text = conftest.read_text().replace(
        '(ROOT / "bench.json").read_text()', repr(json.dumps(regressed.says))
    )
    conftest.write_text(text)
    command = (
        f"mount --bind {regressed.root} {regressed.root} && "
        f"mount -o remount,ro,bind {regressed.root} && cd {regressed.root} && "
        f"exec {sys.executable} -m pytest -p no:hypothesispytest {' '.join(ONE)}"
    )
    # In a mount namespace of its own, which ends with it.
    unshare = ["unshare", "--mount", "sh", "-c", command]
    able = subprocess.run(["unshare", "--mount", "true"], check=False, capture_output=True)
    if able.returncode:
        pytest.skip("no mount namespaces here")
    result = regressed.pytester.run(*unshare)
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines([VERDICT, ROW])
    result.stdout.no_fnmatch_line("*INTERNALERROR*")


def _commit(root: Path) -> None:
    who = {
        f"GIT_{role}_{what}": "a@b"
        for role in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    }
    environment = {**os.environ, **who, "GIT_CONFIG_GLOBAL": "/dev/null"}
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "a state"]):
        subprocess.run(["git", *command], cwd=root, env=environment, check=True)


def test_without_a_terminal_trouble_goes_to_standard_error(regressed: Bench) -> None:
    regressed.says = {}
    add(regressed, MEANWHILE.format(act="os.mkdir('out')"))
    result = regressed.run(*ONE, "--tq-json=out", "-p", "no:terminal")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stderr.fnmatch_lines(["tinyquant: --tq-json: *out cannot be written: *"])
