"""What docs/extending.md promises to other plugins, held by a plugin in a package of its own."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema
import pytest
from played_project import REPOSITORY
from played_project import Bench

from pytest_tinyquant import hookspecs


if TYPE_CHECKING:
    from tests.acceptance.conftest import RealProject


# The package, as another team would install it; here it lies beside the tests.
PLUGIN = '''
"""A kind of board, a runtime, a board of each and a section of the report."""

from dataclasses import dataclass
from pathlib import Path

from pytest_tinyquant import BoardNotFoundError, Core, Engine, Section
from pytest_tinyquant.boards.host.host import HostDevice


@dataclass(frozen=True, kw_only=True)
class Abacus(Core):
    """A kind of board without firmware: it is given the model's file."""

    beads: int

    def open_virtual(self, board, *, work_dir, timeout):
        (work_dir / "beads.txt").write_text(str(self.beads))
        return HostDevice(board.name, work_dir=work_dir, timeout=timeout)

    def faults(self):
        raise BoardNotFoundError("beads do not fault")


@dataclass(frozen=True, kw_only=True)
class Small(Engine):
    """The engine with dense layers only."""

    @property
    def operators(self):
        return {name: types for name, types in super().operators.items() if "FULLY" in name}


def pytest_tinyquant_kinds(config):
    return [Abacus(name="abacus", packages=(), beads=10)]


def pytest_tinyquant_runtimes(config):
    return [Small(name="small", title="the small engine", source="its author", package="small")]


def pytest_tinyquant_boards(config):
    return [Path(__file__).with_name("boards.toml")]


def pytest_tinyquant_schemes(config):
    return [Path(__file__).with_name("schemes.toml")]


def pytest_tinyquant_report(config, measurements, verdicts):
    rows = [(m.model, str(len(m.metrics))) for m in sorted(measurements, key=lambda m: m.model)]
    return [Section("Beads", ("model", "metrics"), rows, f"{len(verdicts)} verdicts | counted.")]
'''

BOARDS = """
[abacus]
kind = "abacus"
runtime = "tflm"
metrics = ["error", "ram"]

[small]
base = "nucleo-l4r5zi"
runtime = "small"
"""

SCHEMES = """
[scheme.bead-count]
base = "int8-only"
description = "as beads"
"""

CONFTEST = """
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "package"))  # an installed plugin needs neither line
pytest_plugins = ["abacus"]
"""


def install(root: Path, plugin: str = PLUGIN) -> None:
    """Put the package beside the tests, in place of installing it."""
    package = root / "package" / "abacus"
    package.mkdir(parents=True, exist_ok=True)
    (package / "__init__.py").write_text(plugin)
    (package / "boards.toml").write_text(BOARDS)
    (package / "schemes.toml").write_text(SCHEMES)
    conftest = root / "conftest.py"
    earlier = conftest.read_text() if conftest.exists() else ""
    conftest.write_text(earlier + CONFTEST)


@pytest.fixture
def extended(bench: Bench) -> Bench:
    """The project whose measurements are played, with the plugin."""
    install(bench.root)
    return bench


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """Every test's plugin has this name, and lies elsewhere."""
    yield
    sys.modules.pop("abacus", None)


def test_a_board_of_another_package_runs_on_a_kind_of_another_package(
    real_project: RealProject,
) -> None:
    real_project.add_zoo("fc_1")
    install(real_project.root)
    run = ("--scheme=int8-only", "--board=abacus", "--tq-missing-baseline=record")
    real_project.run(*run).assert_outcomes(passed=2)
    baseline = real_project.root / "baselines" / "abacus" / "host" / "fc_1-int8-only.json"
    assert json.loads(baseline.read_text())["metrics"].keys() == {"error", "ram"}


def test_a_runtime_of_another_package_says_which_operators_it_has(
    real_project: RealProject,
) -> None:
    real_project.add_zoo("cnn_4")
    install(real_project.root)
    result = real_project.run("--scheme=int8-only", "--board=small")
    result.stdout.fnmatch_lines(
        ["*UnsupportedModelError: *the small engine lacks *: it has no operator * its author*"]
    )


def test_a_project_changes_single_keys_of_such_a_board(extended: Bench) -> None:
    (extended.root / "boards.toml").write_text('[abacus]\nmetrics = ["error"]\n')
    result = extended.run("--collect-only", "-q", "--board=abacus", "--model=fc_1")
    assert "test_error[fc_1-basic-abacus]" in result.stdout.str()


def test_a_scheme_of_another_package_is_one_that_a_projects_scheme_can_build_on(
    extended: Bench,
) -> None:
    own = '[scheme.mine]\nbase = "bead-count"\n'
    (extended.root / "schemes.toml").write_text(own)
    result = extended.run("--collect-only", "-q", "--board=host", "--model=fc_1")
    listed = result.stdout.str()
    assert "test_error[fc_1-bead-count-host]" in listed
    assert "test_error[fc_1-mine-host]" in listed


def test_kinds_and_runtimes_are_gone_when_the_run_is_over(extended: Bench) -> None:
    from pytest_tinyquant.project.kinds import KINDS
    from pytest_tinyquant.support.runtimes import RUNTIMES

    extended.run("--collect-only", "--board=abacus")
    assert "abacus" not in KINDS
    assert "small" not in RUNTIMES


@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["one", "n2"])
def test_every_report_has_its_section(extended: Bench, workers: tuple[str]) -> None:
    one = ("--scheme=int8-only", "--board=nucleo-l4r5zi", "--model=cnn_[14]")
    files = ("--tq-json=r.json", "--tq-html=r.html", "--tq-markdown=r.md")
    extended.record(*one)
    result = extended.run(*one, *files, *workers)
    result.stdout.fnmatch_lines(
        ["Beads: 8 verdicts | counted.", "model  metrics", "cnn_1  4", "cnn_4  4"]
    )
    document = json.loads((extended.root / "r.json").read_text())
    schema = resources.files("pytest_tinyquant.report").joinpath("result.schema.json").read_text()
    jsonschema.validate(document, json.loads(schema), jsonschema.Draft202012Validator)
    assert document["sections"] == [
        {
            "title": "Beads",
            "text": "8 verdicts | counted.",
            "columns": ["model", "metrics"],
            "rows": [["cnn_1", "4"], ["cnn_4", "4"]],
        }
    ]
    markdown = (extended.root / "r.md").read_text()
    assert "### Beads\n\n8 verdicts \\| counted.\n\n| model | metrics |\n" in markdown
    html = (extended.root / "r.html").read_text()
    assert re.search(r"<h2 id=\"section-\d\">Beads</h2>\n<p>8 verdicts \| counted.</p>", html)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('name="abacus"', 'name="rx"'), "ERROR: kind 'rx' is registered twice*-p no:NAME*"),
        (('name="small"', 'name="tflm"'), "ERROR: runtime 'tflm' is registered twice*"),
        (("[Abacus(", '["beads", Abacus('), "ERROR: 'beads' is no kind; register an instance*"),
        (('"boards.toml"', '"gone.toml"'), "ERROR: *gone.toml*does not exist*"),
    ],
)
def test_what_cannot_be_registered_is_a_usage_error(
    extended: Bench, change: tuple[str, str], message: str
) -> None:
    install(extended.root, PLUGIN.replace(*change))
    result = extended.run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([message])


def test_a_section_whose_rows_do_not_fit_fails_the_run_and_hides_no_verdict(
    extended: Bench,
) -> None:
    one = ("--model=fc_1", "--scheme=basic", "--board=host")
    extended.record(*one)
    install(extended.root, PLUGIN.replace('("model", "metrics")', '("model",)'))
    result = extended.run(*one)
    result.assert_outcomes(passed=2)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        ["*= tinyquant: 2 ok =*", "*section 'Beads': row *2 cells for 1 columns*"]
    )


def test_the_command_line_knows_such_boards(extended: Bench) -> None:
    program = "from pytest_tinyquant.cli.main import main; import sys; sys.exit(main())"
    listed = extended.pytester.run(sys.executable, "-c", program, "boards")
    listed.stdout.fnmatch_lines(["*abacus*"])


def test_every_hook_is_documented() -> None:
    page = (REPOSITORY / "docs" / "extending.md").read_text()
    hooks = [name for name in vars(hookspecs) if name.startswith("pytest_tinyquant_")]
    assert hooks
    assert [name for name in hooks if f"## `{name}`" not in page] == []
