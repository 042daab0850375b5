"""What collection costs: no heavy module is imported before a test runs."""

from __future__ import annotations

import sys

import pytest
from played_project import Bench


HEAVY = (
    "tensorflow", "keras", "numpy", "pyocd", "tflite", "tflite_micro", "serial", "rich", "jinja2",
)  # fmt: skip

REPORT = f"""
import sys

def pytest_collection_finish(session):
    assert len(session.items) == 210, len(session.items)
    loaded = [name for name in {HEAVY!r} if name in sys.modules]
    print("loaded at the end of collection:", loaded)
"""


def test_collecting_the_matrix_imports_nothing_heavy(bench: Bench) -> None:
    bench.pytester.makeconftest(REPORT)
    result = bench.pytester.runpytest_subprocess(
        "-s", "--collect-only", "-q", "-p", "no:hypothesispytest"
    )
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*loaded at the end of collection: [[][]]"])


def test_the_plugin_itself_imports_none_of_its_stages(pytester: pytest.Pytester) -> None:
    """Every pytest run in the environment pays for this import, whatever it tests."""
    light = {
        "errors", "plugin", "project", "project.settings", "report", "report.beside",
        "report.controller", "session", "session.add_options", "session.fixtures",
        "session.options", "session.plugins",
        "session.run", "session.table", "session.values",
    }  # fmt: skip
    script = (
        "import sys, pytest_tinyquant.plugin\n"
        "print(*sorted(name for name in sys.modules if name.startswith('pytest_tinyquant.')))"
    )
    result = pytester.run(sys.executable, "-c", script)
    assert result.ret == 0
    assert set(result.outlines[-1].split()) <= {f"pytest_tinyquant.{name}" for name in light}
