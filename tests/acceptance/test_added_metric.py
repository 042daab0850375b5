"""A metric that another plugin adds in one module goes all the way that the built-in ones go."""

from __future__ import annotations

import json
import sqlite3
import sys
from importlib import resources
from typing import Any

import jsonschema

# Imported for the first time in a run that pytester undoes, it could not be imported again.
import numpy  # noqa: F401
import pytest
from played_project import Bench


BOARD = "nucleo-l4r5zi"
ONE = ("--model=cnn_4", "--scheme=int8-only", f"--board={BOARD}")
COMBINATION = f"cnn_4-int8-only-{BOARD}"

# The plugin: all that there is about draw. A meter between supply and board writes into the log.
DRAW = '''
import re

from pytest_tinyquant.metrics.metric import Metric
from pytest_tinyquant.metrics.spec import MetricSpec, Part
from pytest_tinyquant.metrics.tolerance import Tolerance


def measure(observation):
    """Return what the meter said: the draw of one inference, and that of standing still."""
    said = dict(re.findall(r"meter: (\\w+) ([0-9.]+) uJ", observation.record.log))
    return {part: Metric(float(value), "uJ", "measured") for part, value in said.items()}


def pytest_tinyquant_metrics():
    return [
        MetricSpec(
            name="draw",
            title="Draw",
            description="One inference, from the supply.",
            parts=(Part("inference", gates=True), Part("idle")),
            classes={"emulator": "measured", "hardware": "measured"},
            measure=measure,
            tolerance={"measured": Tolerance(relative=0.01)},
            creep_limit=Tolerance(relative=0.03),
            units={"": 1, "uJ": 1, "mJ": 1000},
            scatters=True,
            least="least draw",
        )
    ]
'''

# A device that is played: its log, and with it the draw, stands in meter.txt.
PLAYED = """
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from pytest_tinyquant.engine.plan import plan as make_plan
from pytest_tinyquant.boards.device import RunRecord
from pytest_tinyquant.measure.evaluate import evaluate
from pytest_tinyquant.measure.observation import Observation
from pytest_tinyquant.models.graph import Graph, Quantization, Tensor
from pytest_tinyquant.schemes.convert import ConvertedModel

ROOT = Path(__file__).parent
sys.path.insert(0, str(ROOT))  # where the plugin lies; an installed one needs no such line
pytest_plugins = ["draw"]


def tensor(index, name):
    return Tensor(index, name, (1, 1), "int8", Quantization((0.5,), (0,), 0), None)


def pytest_tinyquant_measure(model, scheme, board):
    log = (ROOT / "meter.txt").read_text()
    with (ROOT / "measured.txt").open("a") as file:
        file.write("measured\\n")
    image = SimpleNamespace(
        flags="-O3", sha256="c" * 64, toolchain="gcc 12", symbols={}, variables={},
        flash=SimpleNamespace(total=9, weights=4, kernels=2, engine=1, model=1, startup_libc=1),
        ram=SimpleNamespace(data=8, bss=100, arena=1000),
    )
    record = RunRecord((b"\\0", b"\\4", b"\\x08", b"\\x0c"), 1000, "instructions", "exact", (), 10,
                       512, None, log)
    converted = ConvertedModel(model.name, scheme.name, ROOT / "x", "b" * 64, "a" * 64, "tf")
    graph = Graph((tensor(0, "through"),), (), (0,), (0,))
    expected = [np.array([[0], [2], [4], [6]], np.float32)]
    case = (model, scheme, board, converted, graph, make_plan(graph), image)
    return evaluate(Observation(*case, record, expected))
"""

TEST = """
def test_draw(measurement, baseline):
    baseline.check("draw", measurement)
"""


@pytest.fixture
def metered(bench: Bench) -> Bench:
    """A project whose board has a meter, with a baseline of 500 microjoules."""
    bench.pytester.makepyfile(draw=DRAW, test_matrix=TEST)
    bench.pytester.makeconftest(PLAYED)
    metrics = ["error", "latency", "flash", "ram", "draw"]
    (bench.root / "boards.toml").write_text(f"[{BOARD}]\nmetrics = {metrics}\n")
    set_meter(bench, 500)
    bench.record(*ONE)
    return bench


def set_meter(bench: Bench, inference: float, idle: float = 20) -> None:
    (bench.root / "meter.txt").write_text(f"meter: inference {inference} uJ\nmeter: idle {idle} uJ")


def tinyquant(bench: Bench, *arguments: Any) -> pytest.RunResult:
    program = "from pytest_tinyquant.cli.main import main; import sys; sys.exit(main())"
    return bench.pytester.run(sys.executable, "-c", program, *arguments)


def baseline_of(bench: Bench) -> dict[str, Any]:
    file = bench.root / "baselines" / BOARD / "emulator" / "cnn_4-int8-only.json"
    draw: dict[str, Any] = json.loads(file.read_text())["metrics"]["draw"]
    return draw


def test_it_is_recorded_and_updated(metered: Bench) -> None:
    number = {"class": "measured", "unit": "uJ"}
    assert baseline_of(metered) == {
        "inference": {"value": 500.0, **number},
        "idle": {"value": 20.0, **number},
    }
    set_meter(metered, 600)
    metered.run(*ONE, "--tq-update-baselines=all").assert_outcomes(passed=1)
    assert baseline_of(metered)["inference"]["value"] == 600.0


@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["one", "n2"])
def test_it_is_judged_by_its_own_tolerance_and_confirmed_by_a_second_look(
    metered: Bench, workers: tuple[str]
) -> None:
    set_meter(metered, 504)
    metered.run(*ONE, *workers).assert_outcomes(passed=1)
    assert len(metered.measured) == 1
    set_meter(metered, 520, idle=31)
    result = metered.run(*ONE, *workers)
    result.assert_outcomes(failed=1)
    assert len(metered.measured) == 3
    result.stdout.fnmatch_lines(
        [
            f"{COMBINATION}  draw  500 -> 520 uJ  +4.00 %  (limit 1 %)  REGRESSED",
            "  idle  +11   20 -> 31 uJ",
            "  first measured inference 520 uJ, confirmed by this run",
        ]
    )


def test_users_set_its_tolerance_in_its_own_units(metered: Bench) -> None:
    set_meter(metered, 900)
    metered.run(*ONE, "--tq-tolerance=draw:0.5mJ").assert_outcomes(passed=1)
    result = metered.run(*ONE, "--tq-tolerance=draw:5KiB")
    result.stderr.fnmatch_lines(["*draw: '5KiB' is not a tolerance (units here: %, uJ, mJ)*"])


def test_every_report_shows_it(metered: Bench) -> None:
    set_meter(metered, 520)
    files = ("--tq-json=r.json", "--tq-html=r.html", "--tq-markdown=r.md", "--junitxml=r.xml")
    result = metered.run(*ONE, "-v", *files)
    result.stdout.re_match_lines(
        [
            r"combination +error +latency +flash +ram +draw +outcome",
            rf"{COMBINATION} .* 520 +regressed",
            rf"{COMBINATION}  draw  500 -> 520 uJ  \+4\.00 ?%  REGRESSED",
        ]
    )
    document = json.loads((metered.root / "r.json").read_text())
    schema = resources.files("pytest_tinyquant.report").joinpath("result.schema.json").read_text()
    jsonschema.validate(document, json.loads(schema), jsonschema.Draft202012Validator)
    measured = document["combinations"][COMBINATION]["measurement"]["metrics"]["draw"]
    assert measured["inference"] == {"value": 520.0, "unit": "uJ", "class": "measured"}
    assert "| draw | 500 -\\> 520 uJ" in (metered.root / "r.md").read_text()
    html = (metered.root / "r.html").read_text()
    assert '<td class="c-metric">draw</td><td class="n">520 uJ' in html
    assert '"tinyquant.draw.inference" value="520.0"' in (metered.root / "r.xml").read_text()


def test_it_is_kept_in_the_history_and_shown_from_there(metered: Bench) -> None:
    for inference in (500, 504):
        set_meter(metered, inference)
        metered.run(*ONE, "--tq-history=h.sqlite")
    with sqlite3.connect(metered.root / "h.sqlite") as connection:
        query = "SELECT part, value, unit, class, verdict FROM number WHERE metric = 'draw'"
        rows = connection.execute(query).fetchall()
    assert ("inference", 504.0, "uJ", "measured", "ok") in rows
    shown = tinyquant(metered, "history", "draw", "--file=h.sqlite")
    shown.stdout.fnmatch_lines(["*cnn_4-int8-only-nucleo*500*504 uJ*+4 +0.80*"])
    crept = tinyquant(metered, "history", "draw", "--file=h.sqlite", "--creep", "--limit=1uJ")
    assert crept.ret == 1


def test_differences_name_it(metered: Bench) -> None:
    set_meter(metered, 504, idle=30)
    metered.run(*ONE, "--tq-json=r.json")
    result = tinyquant(metered, "diff", "baselines", "r.json")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*draw idle*20*30*", "*draw inference*500*504*"])


def test_without_its_plugin_the_board_is_told_to_have_no_such_metric(metered: Bench) -> None:
    metered.pytester.makeconftest("")
    result = metered.run(*ONE)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*metrics*draw*error, latency, flash, ram*"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('name="draw"', 'name="ram"'), "ERROR: metric 'ram' is described twice*"),
        (("gates=True", "gates=False"), "ERROR: metric 'draw': one of its parts must gate*"),
    ],
)
def test_a_metric_that_cannot_be_is_a_usage_error(
    metered: Bench, change: tuple[str, str], message: str
) -> None:
    metered.pytester.makepyfile(draw=DRAW.replace(*change))
    sys.modules.pop("draw", None)
    result = metered.run(*ONE)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([message])


def test_numbers_that_are_not_as_described_are_refused(metered: Bench) -> None:
    (metered.root / "meter.txt").write_text("meter: inference 500 uJ\nmeter: sleep 20 uJ")
    result = metered.run(*ONE)
    result.stdout.fnmatch_lines(
        [f"*{COMBINATION}: metric 'draw' is described with the parts inference, idle, *sleep*"]
    )
