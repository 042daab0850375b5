"""A test that judged nothing is not ok, and nothing that was asked for falls out in silence."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from attack import OK
from attack import RED
from attack import USAGE
from attack import Attack
from attack import attacked
from attack import check
from attack import parameters
from attack import rows
from played_project import Bench

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.models.samples import check_distinct


ONE = ("--model=cnn_4", "--scheme=int8-only", "--board=nucleo-l4r5zi")
COMBINATION = "cnn_4-int8-only-nucleo-l4r5zi"
METRICS = ("error", "latency", "flash", "ram")
WORSE: dict[str, dict[str, Any]] = {
    "error": {"mae": 0.02},
    "latency": {"conv2d[3]": 1250},
    "flash": {"tq_conv_2d_s8": 436},
}


def with_test(
    source: str, *, worse: str = "", arguments: tuple[str, ...] = ()
) -> Callable[..., tuple[str, ...]]:
    """Return what gives the project one test, its baselines, and perhaps a regression."""

    def do(bench: Bench) -> tuple[str, ...]:
        bench.record(*ONE)
        bench.says[COMBINATION] = WORSE.get(worse, {})
        text = "import pytest\n\n" + textwrap.dedent(source)
        (bench.root / "test_matrix.py").write_text(text)
        return (*ONE, *arguments)

    return do


# ---- Tests that check nothing, or something else ----

WAYS_NOT_TO_CHECK = {
    "pass": "pass",
    "a condition that never holds": "if 0: baseline.check({metric!r}, measurement)",
    "an empty loop": "for metric in (): baseline.check(metric, measurement)",
    "the method not called": "baseline.check",
    "an early return": "return; baseline.check({metric!r}, measurement)",
}

WAYS_TO_SWALLOW = {
    "except BaseException": "try: {check}\n    except BaseException: pass",
    "except pytest.fail.Exception": "try: {check}\n    except pytest.fail.Exception: pass",
    "suppress": "import contextlib\n    with contextlib.suppress(BaseException): {check}",
    "pytest.raises": "with pytest.raises(pytest.fail.Exception): {check}",
    "return in finally": "try: {check}\n    finally: return",
}

NO_CHECK = [
    Attack(
        f"test_{metric} with {way}",
        with_test(
            f"def test_{metric}(measurement, baseline):\n    " + body.format(metric=metric),
            worse=metric,
        ),
        (
            rf"^its name or marker says that it judges {metric}, and it judged nothing; call",
            rf"^{COMBINATION}  test_{metric}\[{COMBINATION}\]  FAILED",
            r"tinyquant: 1 failed",
        ),
        quick=metric == "flash" and way in ("pass", "an empty loop"),
    )
    for metric in METRICS
    for way, body in WAYS_NOT_TO_CHECK.items()
]

OTHER_METRIC = [
    Attack(
        f"test_{named} checks {checked}",
        with_test(
            f"def test_{named}(measurement, baseline):\n"
            f"    baseline.check({checked!r}, measurement)",
            worse=named,
        ),
        (rf"^its name or marker says that it judges {named}, and it judged {checked} only",),
        quick=(named, checked) in (("flash", "ram"), ("error", "flash")),
    )
    for named, checked in itertools.permutations(METRICS, 2)
]

SWALLOWED = [
    Attack(
        f"test_{metric} swallows its failure by {way}",
        with_test(
            f"def test_{metric}(measurement, baseline):\n    "
            + body.format(check=f"baseline.check({metric!r}, measurement)"),
            worse=metric,
        ),
        (
            r"^a check did not pass and the test went on as if it had",
            rf"^{COMBINATION}  {metric} .*REGRESSED",
            r"tinyquant: 1 regressed",
        ),
        quick=metric == "flash",
    )
    for metric in WORSE
    for way, body in WAYS_TO_SWALLOW.items()
]

OTHER_FORMS = [
    Attack(
        "a check that has no baseline is swallowed",
        with_test(
            """
            def test_flash(measurement, baseline):
                for file in __import__("pathlib").Path("baselines").rglob("*.json"):
                    file.unlink()
                try: baseline.check("flash", measurement)
                except BaseException: pass
            """
        ),
        (r"^a check did not pass .*", r"^  no baseline .*", r"tinyquant: 1 missing"),
        quick=True,
    ),
    Attack(
        "a skip for want of a baseline is swallowed",
        with_test(
            """
            def test_flash(measurement, baseline):
                for file in __import__("pathlib").Path("baselines").rglob("*.json"):
                    file.unlink()
                try: baseline.check("flash", measurement)
                except BaseException: pass
            """,
            arguments=("--tq-missing-baseline=skip",),
        ),
        (r"^a check did not pass .*", r"1 failed"),
    ),
    Attack(
        "a damaged baseline is swallowed",
        with_test(
            """
            def test_flash(measurement, baseline):
                for file in __import__("pathlib").Path("baselines").rglob("*.json"):
                    file.write_text("{")
                try: baseline.check("flash", measurement)
                except Exception: pass
            """
        ),
        (r"^a check did not pass .*", r"is not JSON"),
        quick=True,
    ),
    Attack(
        "a metric that the board has not is swallowed",
        with_test(
            """
            def test_all(measurement, baseline):
                try: baseline.check("speed", measurement)
                except Exception: pass
            """
        ),
        (r"^a check did not pass .*", r"has no metric 'speed'"),
    ),
    Attack(
        "a second check passes after one that failed",
        with_test(
            """
            def test_flash(measurement, baseline):
                try: baseline.check("flash", measurement)
                except BaseException: pass
                baseline.check("ram", measurement)
            """,
            worse="flash",
        ),
        (r"^a check did not pass .*", r"tinyquant: 1 regressed"),
    ),
    Attack(
        "another combination's measurement is judged",
        with_test(
            """
            import dataclasses

            def test_flash(measurement, baseline):
                other = dataclasses.replace(measurement, scheme="int8")
                other = dataclasses.replace(other, metrics=measurement.metrics)
                baseline.check("flash", other)
            """,
            arguments=("--tq-missing-baseline=record",),
        ),
        (r"judges flash, and it judged only other combinations",),
        quick=True,
    ),
    Attack(
        "a test without a metric in its name takes baseline and checks nothing",
        with_test("def test_everything(measurement, baseline): pass"),
        (r"^it takes the fixture 'baseline' and judged nothing",),
        quick=True,
    ),
    Attack(
        "the fixture is asked for at run time and not used",
        with_test(
            """
            def test_everything(request, measurement):
                request.getfixturevalue("baseline")
            """
        ),
        (r"^it takes the fixture 'baseline' and judged nothing",),
    ),
    Attack(
        "the marker names a metric that is not judged",
        with_test(
            """
            @pytest.mark.tinyquant(metrics=["flash", "ram"])
            def test_sizes(measurement, baseline):
                baseline.check("ram", measurement)
            """
        ),
        (r"judges flash, and it judged ram only",),
        quick=True,
    ),
    Attack(
        "a method of a class checks nothing",
        with_test(
            """
            class TestBoard:
                def test_flash(self, measurement, baseline): pass
            """
        ),
        (r"judges flash, and it judged nothing",),
    ),
    Attack(
        "an expected failure does not hide it",
        with_test(
            """
            @pytest.mark.xfail(strict=True)
            def test_flash(measurement, baseline): pass
            """
        ),
        (r"1 xfailed",),
        status=OK,
    ),
]


@pytest.mark.parametrize("attack", rows([*NO_CHECK, *OTHER_METRIC, *SWALLOWED, *OTHER_FORMS]))
def test_a_test_that_judges_nothing_is_red(bench: Bench, attack: Attack) -> None:
    attacked(bench, attack)


def test_a_test_that_judges_by_rules_of_its_own_is_told_by_name(bench: Bench) -> None:
    bench.record(*ONE)
    bench.pytester.makepyfile(
        test_matrix="""
        def test_flash(measurement):
            assert measurement.metrics["flash"]["total"].value < 10_000

        def test_anything(measurement): pass
        """
    )
    result = bench.run(*ONE, "--tq-json=run.json")
    check(
        result,
        [
            "tinyquant: 1 not judged, 1 ok",
            rf"^{COMBINATION}  test_flash\[{COMBINATION}\]  NOT JUDGED",
        ],
        OK,
    )
    assert '"outcome": "not judged"' in (bench.root / "run.json").read_text()


@pytest.mark.parametrize(
    "source",
    [
        "@pytest.mark.tinyquant(metrics=[])\ndef test_flash(measurement, baseline): pass",
        "def test_all(measurement, baseline):\n"
        "    for metric in measurement.metrics: baseline.check(metric, measurement)",
        "def test_flash(measurement, baseline):\n"
        "    baseline.check('ram', measurement); baseline.check('flash', measurement)",
    ],
    ids=["a marker that says nothing is judged", "all metrics", "another one as well"],
)
def test_what_says_so_passes(bench: Bench, source: str) -> None:
    result = bench.run(*with_test(source)(bench))
    check(result, ["1 passed"], OK)


def test_a_rerun_does_not_answer_for_the_run_before_it(bench: Bench) -> None:
    """As pytest-rerunfailures does it: the same item once more, with new fixtures."""
    bench.record(*ONE)
    bench.pytester.makepyfile(
        test_matrix="""
        from _pytest.runner import runtestprotocol

        runs = []

        def test_flash(measurement, baseline):
            runs.append(1)
            if len(runs) == 1:
                import contextlib, pytest
                with contextlib.suppress(BaseException):
                    baseline.check("speed", measurement)
                pytest.fail("at first")
            baseline.check("flash", measurement)
        """
    )
    conftest = bench.root / "conftest.py"
    conftest.write_text(
        conftest.read_text()
        + textwrap.dedent(
            """
            from _pytest.runner import runtestprotocol

            def pytest_runtest_protocol(item, nextitem):
                item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
                reports = runtestprotocol(item, nextitem=nextitem, log=False)
                if any(report.failed for report in reports):
                    item._initrequest()
                    reports = runtestprotocol(item, nextitem=nextitem, log=False)
                for report in reports:
                    item.ihook.pytest_runtest_logreport(report=report)
                return True
            """
        )
    )
    check(bench.run(*ONE), ["1 passed"], OK)


# ---- What falls out of the matrix ----


def write(name: str, text: str, arguments: tuple[str, ...] = ()) -> Callable[..., tuple[str, ...]]:
    def do(bench: Bench) -> tuple[str, ...]:
        path = bench.root / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(text)
        return arguments

    return do


def make(name: str, kind: str, arguments: tuple[str, ...] = ()) -> Callable[..., tuple[str, ...]]:
    """Return what puts something in the place of a file."""

    def do(bench: Bench) -> tuple[str, ...]:
        path = bench.root / name
        if kind == "directory":
            path.mkdir()
        elif kind == "fifo":
            import os

            os.mkfifo(path)
        else:
            path.symlink_to({"dangling link": "nowhere", "device": "/dev/zero"}[kind])
        return arguments

    return do


KINDS = {
    "directory": "it is a directory, not a file|Is a directory",
    "fifo": "it is a FIFO, not a file",
    "dangling link": "it is a link that leads nowhere",
    "device": "it is a device, not a file",
}

FELL_OUT = [
    Attack(
        "two boards differ by case only",
        write("boards.toml", '[MyBoard]\nbase = "host"\n[myboard]\nbase = "host"\n'),
        (r"boards 'MyBoard' and 'myboard' differ by case only; rename one",),
        USAGE,
        quick=True,
    ),
    Attack(
        "a board differs from a built-in one by case only",
        write("boards.toml", '[HOST]\nbase = "host"\n'),
        (r"boards 'host' and 'HOST' differ by case only",),
        USAGE,
    ),
    Attack(
        "scheme and board of two combinations join to the same id",
        write("boards.toml", '[X]\nbase = "host"\n[only-X]\nbase = "host"\n'),
        (r"the test id 'cnn_1-int8-only-x' would be that of .*'int8-only'.*rename one",),
        USAGE,
        quick=True,
    ),
    Attack(
        "the suffix of a model's settings is in mixed case",
        write("models/deep/x.Toml", "x", ("--board=host",)),
        (r"x\.Toml: settings have the suffix '\.toml'",),
        USAGE,
    ),
    Attack(
        "a model asked for by name has none of the schemes, others have",
        write("models/fc_1.toml", 'schemes = ["basic"]\n', ("--model=fc_1,cnn_1", "--scheme=int8")),
        (r"--model: 'fc_1' has none of the schemes int8, so nothing of it would be tested",),
        USAGE,
        quick=True,
    ),
    *(
        Attack(
            f"{name} is a {kind}",
            make(name, kind, ("--board=host", "--tq-missing-baseline=skip")),
            (rf"{name}: cannot be read: ({words})",),
            USAGE,
            quick=(name, kind) in QUICK_KINDS,
        )
        for QUICK_KINDS in [
            {
                ("models/known_issues.toml", "directory"),
                ("boards.toml", "fifo"),
                ("models/fc_1.toml", "dangling link"),
                ("boards.toml", "device"),
            }
        ]
        for name in ("boards.toml", "models/known_issues.toml", "models/fc_1.toml")
        for kind, words in KINDS.items()
    ),
]


@pytest.mark.parametrize("attack", rows(FELL_OUT))
def test_nothing_falls_out_in_silence(bench: Bench, attack: Attack) -> None:
    attacked(bench, attack)


def test_a_glob_may_match_models_without_the_scheme(bench: Bench) -> None:
    write("models/fc_1.toml", 'schemes = ["basic"]\n')(bench)
    result = bench.run("--model=fc_*,cnn_*", "--scheme=int8", "--tq-missing-baseline=skip")
    check(result, ["tinyquant: 2 models x 1 scheme"], OK)


# ---- Check samples that cannot show anything ----


def samples(*values: float) -> np.ndarray:
    return np.array(values, np.float32)[:, None]


SAME = {
    "all zero": [samples(*[0.0] * 16)],
    "all NaN": [samples(*[np.nan] * 16)],
    "three of sixteen": [samples(*[0.0, 1.0, 2.0, 2.0] * 4)],
    "both inputs": [samples(*[1.0] * 8), samples(*[2.0] * 8)],
}


@pytest.mark.parametrize("parts", parameters(SAME.values(), quick=4), ids=list(SAME))
def test_identical_check_samples_are_refused(parts: list[np.ndarray]) -> None:
    with pytest.raises(ConfigurationError, match=r"^of its \d+ check samples only [123] differ"):
        check_distinct(parts)


def test_samples_that_differ_in_one_input_do() -> None:
    check_distinct([samples(0, 0, 0, 0), samples(0, 1, 2, 3)])


# ---- Outputs that changed ----


def with_other_outputs(bench: Bench) -> None:
    bench.record(*ONE)
    for file in (bench.root / "baselines").rglob("*.json"):
        file.write_text(file.read_text().replace('"' + "0" * 64, '"' + "1" * 64))


def test_outputs_that_changed_within_tolerance_are_told_everywhere(bench: Bench) -> None:
    with_other_outputs(bench)
    result = bench.run(*ONE, "--tq-markdown=run.md")
    check(
        result,
        [
            r"^outputs changed, error within tolerance:$",
            rf"^  {COMBINATION}  outputs changed \(1{{12}} -> 0{{12}}\)$",
        ],
        OK,
    )
    text = (Path(bench.root) / "run.md").read_text()
    assert "outputs changed, error within tolerance" in text
    assert "outputs changed (111111111111 -\\> 000000000000)" in text


def test_outputs_of_a_regression_are_told_with_it(bench: Bench) -> None:
    with_other_outputs(bench)
    bench.says[COMBINATION] = WORSE["error"]
    result = bench.run(*ONE)
    check(result, [r"^  outputs changed \("], RED)
    result.stdout.no_fnmatch_line("outputs changed, error within tolerance*")
