"""Values of options that exist move neither the project's root nor its baselines.

pytest looks for the root before it knows this plugin's options. With ``=`` an option and its value
are one word; with a blank the value is a path to tests for it, if it exists.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from attack import NOTHING
from attack import OK
from attack import USAGE
from attack import check
from attack import parameters
from played_project import Bench

from pytest_tinyquant.session import command_line
from pytest_tinyquant.session.add_options import add_options


#: Options that name a file or directory, and how such a thing comes to exist.
PATHS = {
    "--model": "net.keras",
    "--tq-html": "out.html",
    "--tq-json": "out.json",
    "--tq-markdown": "out.md",
    "--tq-cache-dir": "cache",
    "--tq-history": "history.sqlite",
}

#: Where the project's settings stand.
CONFIGURATIONS = {
    "pytest.ini": "[pytest]\naddopts = --import-mode=importlib\n",
    "tox.ini": "[pytest]\naddopts = --import-mode=importlib\n",
    "pyproject.toml": '[tool.pytest.ini_options]\naddopts = "--import-mode=importlib"\n',
    "setup.cfg": "[tool:pytest]\naddopts = --import-mode=importlib\n",
    "nothing": "",
}


def outside(bench: Bench, option: str, *, directory: bool = False) -> Path:
    """Return the value of an option that exists, outside of the project."""
    path = bench.root.parent / f"{bench.root.name}-elsewhere" / PATHS[option]
    path.parent.mkdir(exist_ok=True)
    if option == "--tq-cache-dir" or directory:
        path.mkdir()
    elif option != "--tq-history":
        path.touch()
    else:
        # A history that an earlier run left.
        bench.run("--board=host", f"--tq-history={path}", "--tq-missing-baseline=record")
        assert path.is_file()
    return path


def move_settings(bench: Bench, name: str) -> None:
    (bench.root / "pytest.ini").unlink(missing_ok=True)
    (bench.root / "tox.ini").unlink(missing_ok=True)
    if name != "nothing":
        (bench.root / name).write_text(CONFIGURATIONS[name])


def baselines_elsewhere(bench: Bench) -> list[Path]:
    return list(bench.root.parent.glob("baselines/**/*.json"))


CROSSED = [
    pytest.param(option, settings, form, id=f"{option} with a {form} and {settings}")
    for option in PATHS
    for settings in CONFIGURATIONS
    for form in ("blank", "blank and tests", "equals sign")
]


@pytest.mark.parametrize(("option", "settings", "form"), parameters(CROSSED, quick=15))
def test_a_value_that_exists_outside(bench: Bench, option: str, settings: str, form: str) -> None:
    path = outside(bench, option)
    move_settings(bench, settings)
    words = [f"{option}={path}"] if form == "equals sign" else [option, str(path)]
    words += ["test_matrix.py"] if form == "blank and tests" else []
    result = bench.run(*words, "--board=host", "--tq-missing-baseline=record")
    assert not baselines_elsewhere(bench)
    if result.ret == USAGE:
        # The command that it names runs, and it runs in the project.
        assert form != "equals sign"
        check(result, [f"{option} .*pytest took this path for one of tests"], USAGE)
        (line,) = [text for text in result.errlines if text.startswith("  pytest ")]
        result = bench.pytester.runpytest(*shlex.split(line)[1:])
    assert result.ret == OK
    assert bench.baselines()
    assert not baselines_elsewhere(bench)


@pytest.mark.parametrize("option", PATHS)
def test_with_a_blank_and_no_test_paths_the_run_ends_with_the_command_to_type(
    bench: Bench, option: str
) -> None:
    path = outside(bench, option)
    result = bench.run("-q", option, str(path))
    check(
        result,
        [
            rf"^ERROR: {option} {path}: pytest took this path for one of tests, and with it .*",
            rf"^  pytest -p no:hypothesispytest -q {option}={re.escape(str(path))} ",
        ],
        USAGE,
    )


def test_the_command_names_what_came_from_the_environment(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = outside(bench, "--model")
    monkeypatch.setenv("PYTEST_ADDOPTS", f"--model {path}")
    result = bench.run("--board", "host")
    check(result, [rf"^  PYTEST_ADDOPTS=--model={path} pytest .*--board=host "], USAGE)


def test_a_path_inside_of_the_project_may_stand_after_a_blank(bench: Bench) -> None:
    result = bench.run("--model", "models/fc_1.keras", "--board=host", "--tq-missing-baseline=skip")
    check(result, [r"tinyquant: 1 model x "], OK)


def test_a_directory_called_like_a_board_is_none_of_our_business(bench: Bench) -> None:
    (bench.root / "host").mkdir()
    result = bench.run("--board", "host", "--tq-missing-baseline=skip")
    check(result, [r"tinyquant: 3 models x "], OK)


def test_a_directory_with_settings_of_its_own_called_like_a_board_is(bench: Bench) -> None:
    other = bench.root / "host"
    other.mkdir()
    (other / "pytest.ini").write_text("[pytest]\n")
    result = bench.run("--board", "host")
    check(result, [r"^  pytest .* --board=host "], USAGE)


def test_the_settings_may_be_named(bench: Bench) -> None:
    path = outside(bench, "--model")
    result = bench.run("-c", "tox.ini", "--model", str(path), "--tq-missing-baseline=skip")
    check(result, [r"tinyquant: 1 model x "], OK)


def test_a_pytest_that_cannot_tell_gets_the_command_too(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as a later version, whose function takes something else."""
    monkeypatch.setattr(command_line, "_right_root", lambda config: None)
    result = bench.run("--model", "models/fc_1.keras")
    check(result, [r"^  pytest .*--model=models/fc_1\.keras "], USAGE)


def test_another_project_is_left_alone(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test(): pass")
    assert pytester.runpytest("-k", "nothing").ret == NOTHING


def test_every_option_that_takes_a_value_is_known() -> None:
    class Group:
        def __init__(self) -> None:
            self.valued: set[str] = set()

        def addoption(self, name: str, **how: Any) -> None:
            if how.get("action", "append") == "append":
                self.valued.add(name)

    class Parser:
        group = Group()

        def getgroup(self, *names: str) -> Group:
            return self.group

        def addini(self, *names: str, **how: Any) -> None:
            pass

    parser: Any = Parser()
    add_options(parser)
    assert set(command_line.VALUED) == Parser.group.valued
