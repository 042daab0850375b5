"""The files that a run leaves: HTML, Markdown, JSON and JUnit."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

import jsonschema
import pytest
from played_project import Bench


ONE = ("--model=cnn_4", "--scheme=int8-only", "--board=nucleo-l4r5zi")
COMBINATION = "cnn_4-int8-only-nucleo-l4r5zi"


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    text = resources.files("pytest_tinyquant.report").joinpath("result.schema.json").read_text()
    schema: dict[str, Any] = json.loads(text)
    jsonschema.Draft202012Validator.check_schema(schema)
    return schema


def refused(text: str) -> dict[str, Any]:
    return {
        "raises": "UnsupportedModelError",
        "text": text,
        "attributes": {"op": "ADD", "dtype": "int8", "reason": "none"},
    }


def test_json_follows_its_schema_whatever_happened(bench: Bench, schema: dict[str, Any]) -> None:
    bench.record("--board=nucleo-l4r5zi", "--scheme=int8-only")
    bench.says[COMBINATION] = {"conv2d[3]": 1250}
    bench.says["cnn_1-int8-only-nucleo-l4r5zi"] = refused("no such kernel")
    bench.says["fc_1-int8-only-nucleo-l4r5zi"] = {"raises": "BenchError", "text": "no probe"}
    bench.run("--board=nucleo-l4r5zi", "--scheme=int8-only,basic", "--tq-json=result.json")
    document = json.loads((bench.root / "result.json").read_text())
    jsonschema.validate(document, schema, jsonschema.Draft202012Validator)
    assert set(document["counts"]) == {"regressed", "missing", "failed", "error", "ok"}
    found = document["combinations"]
    assert found[COMBINATION]["measurement"]["ops"] == [
        ["conv2d[3]", "tq_conv_2d_s8", [1, 16, 16, 32], 1250]
    ]
    assert found["cnn_1-int8-only-nucleo-l4r5zi"]["measurement"] is None


@pytest.mark.parametrize(
    ("change", "value"),
    [("format", 3), ("counts", {"great": 1}), ("combinations", {"a": {"model": "a"}})],
)
def test_the_schema_is_not_content_with_anything(
    bench: Bench, schema: dict[str, Any], change: str, value: dict[str, Any] | int
) -> None:
    bench.run(*ONE, "--tq-json=result.json")
    document = json.loads((bench.root / "result.json").read_text())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**document, change: value}, schema)


def test_html_and_markdown_tell_the_regression_and_its_cause(bench: Bench) -> None:
    bench.record(*ONE)
    bench.says[COMBINATION] = {"conv2d[3]": 1250}
    bench.run(*ONE, "--tq-html=out/report.html", "--tq-markdown=out/summary.md")
    html = (bench.root / "out" / "report.html").read_text()
    assert 'data-outcome="regressed"' in html
    assert "conv2d[3] 16x16x32" in html
    markdown = (bench.root / "out" / "summary.md").read_text()
    assert "**1 regressed, 3 ok**" in markdown
    assert "1,500 -\\> 1,750 instructions<br>conv2d\\[3\\] 16x16x32" in markdown


def test_published_figures_lie_beside_the_runs_own(bench: Bench) -> None:
    bench.record(*ONE)
    folder = bench.root / "baselines" / "published"
    folder.mkdir()
    (folder / "study.csv").write_text(
        "runtime,board,build,model,scheme,latency_ms_mean\n"
        "tflm,nucleo-l4r5zi,O3,cnn_4,int8-only,40.5\n"
    )
    two = ("--model=cnn_4", "--scheme=int8-only,int8", "--board=nucleo-l4r5zi")
    bench.run(*two, "--tq-html=report.html", "--tq-markdown=report.md")
    html = (bench.root / "report.html").read_text()
    assert "cnn_4 int8-only: 40.5 ms on hardware, study" in html
    markdown = (bench.root / "report.md").read_text()
    assert "*published: study, not measured here*" in markdown
    assert "| tflm | int8-only | 40.5 |" in markdown


def test_workers_of_xdist_report_into_the_same_files(bench: Bench, schema: dict[str, Any]) -> None:
    bench.record(*ONE)
    files = ("--tq-html=report.html", "--tq-json=result.json")
    bench.run(*ONE, "-n2", *files).assert_outcomes(passed=4)
    document = json.loads((bench.root / "result.json").read_text())
    jsonschema.validate(document, schema)
    assert document["combinations"][COMBINATION]["measurement"]["symbols"]["main"] == 100
    assert "tq_conv_2d_s8" in (bench.root / "report.html").read_text()


def test_the_github_summary_is_appended_to_only_if_asked(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = bench.root / "summary.md"
    summary.write_text("what another step wrote\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    bench.record(*ONE)
    bench.run(*ONE)
    assert summary.read_text() == "what another step wrote\n"
    bench.run(*ONE, "--tq-github-summary")
    assert summary.read_text().startswith("what another step wrote\n## tinyquant\n")


def test_a_github_summary_outside_of_a_workflow_is_an_error(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    bench.record(*ONE)
    result = bench.run(*ONE, "--tq-github-summary")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*GITHUB_STEP_SUMMARY is not set*--tq-markdown=FILE*"])


@pytest.mark.parametrize("option", ["--tq-json", "--tq-html", "--tq-markdown"])
def test_a_file_that_cannot_be_written_is_named(bench: Bench, option: str) -> None:
    bench.record(*ONE)
    (bench.root / "file").touch()
    result = bench.run(*ONE, f"{option}=file/report")
    result.stderr.fnmatch_lines([f"*{option}: *file/report cannot be written: *"])


def test_a_run_without_any_test_of_ours_can_still_report(bench: Bench) -> None:
    bench.pytester.makepyfile(test_matrix="def test_other(): pass")
    bench.run("--tq-html=report.html", "--tq-markdown=summary.md", "--tq-json=r.json")
    assert "0 tests" in (bench.root / "report.html").read_text()
    assert "no results" in (bench.root / "summary.md").read_text()


def test_junit_has_unit_and_class_beside_every_number(bench: Bench) -> None:
    bench.record(*ONE)
    bench.run(*ONE, "-k", "ram", "--junitxml=junit.xml")
    text = (bench.root / "junit.xml").read_text()
    for name, value in {
        "ram.total": "2048",
        "ram.total.unit": "B",
        "ram.total.class": "exact",
        "ram.arena": "1024",
        "ram.arena.class": "exact",
    }.items():
        assert f'<property name="tinyquant.{name}" value="{value}" />' in text


def test_junit_names_the_class_of_an_error(bench: Bench) -> None:
    bench.says[COMBINATION] = refused("no such kernel")
    bench.run(*ONE, "-k", "ram", "--junitxml=junit.xml")
    text = (bench.root / "junit.xml").read_text()
    assert '<property name="tinyquant.error" value="UnsupportedModelError" />' in text
