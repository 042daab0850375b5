"""What three users stumbled over when they met this plugin, each with the test that it is mended.

The table names a test anywhere in the repository; those that had none are below it. A row is
called by section and number of the list that was made of their first hours.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from played_project import REPOSITORY
from played_project import Bench


if TYPE_CHECKING:
    from tests.acceptance.conftest import RealProject


THIS = "tests/acceptance/test_newcomer.py"
UNIT, ACCEPTANCE, CONVERT = "tests/unit/", "tests/acceptance/", "tests/unit/schemes/convert/"

ROWS = {
    # A. Wrong
    "A1 an update writes what was not judged": [
        ACCEPTANCE + "test_verdicts.py::test_only_what_was_judged_and_passed_is_recorded",
        UNIT + "baselines/test_gate.py"
        "::test_only_what_passed_is_written_whatever_else_was_measured",
    ],
    "A2 the workflows cannot go green": [
        ACCEPTANCE + "test_workflows.py"
        "::test_the_steps_of_a_workflow_run_green_in_a_project_of_tinyquant_init",
        ACCEPTANCE + "test_workflows.py::test_a_workflow_is_one_by_the_schema_of_its_code_host",
        ACCEPTANCE + "test_workflows.py::test_every_option_exists",
        ACCEPTANCE + "test_workflows.py::test_the_installed_extras_exist",
        UNIT + "cli/test_cli.py"
        "::test_doctor_without_names_looks_at_the_boards_of_the_ini_file_and_the_bench",
    ],
    "A3 a report's path moves the root": [
        "tests/attacks/test_root.py::test_a_value_that_exists_outside",
        "tests/attacks/test_root.py"
        "::test_with_a_blank_and_no_test_paths_the_run_ends_with_the_command_to_type",
    ],
    "A4 a tree with new files in use counts as clean": [
        THIS + "::test_a_comparison_counts_files_that_git_does_not_know",
    ],
    "A5 the help says that emulators come first": [
        THIS + "::test_the_help_says_which_boards_come_first",
    ],
    "A6 two numbers of one stack contradict each other": [
        ACCEPTANCE + "attribution/test_reference_kernels.py"
        "::test_the_verdict_names_where_the_mistake_is",
    ],
    "A7 a reader who leaves early, columns hidden on a phone": [
        UNIT + "cli/test_cli.py::test_a_reader_who_leaves_early_is_no_error",
        THIS + "::test_a_narrow_report_tells_baseline_and_change_below_the_number",
    ],
    # B. To be better
    "B1 accuracy with labels, own metrics": [
        UNIT + "measure/test_task_figures.py::test_classification_is_scikit_learns",
        UNIT + "measure/test_task_figures.py::test_auc_is_scikit_learns_with_ties_too",
        UNIT + "measure/test_task_figures.py::test_a_function_of_the_users_own",
        ACCEPTANCE + "test_own_model.py::test_the_first_run_is_green_and_a_scheme_can_be_chosen",
    ],
    "B2 the report helps nobody choose": [
        UNIT + "report/test_html_report.py::test_what_changed_stands_open_above_everything_else",
        UNIT + "report/test_html_report.py::test_new_numbers_leave_the_top_to_the_schemes",
        UNIT + "report/test_html_report.py"
        "::test_schemes_of_a_model_stand_beside_each_other_with_a_chart_per_cost",
        UNIT + "report/test_html_report.py"
        "::test_figures_of_the_study_stand_only_beside_what_it_published",
    ],
    "B3 the first run is red": [
        ACCEPTANCE + "test_first_run.py"
        "::test_one_cause_is_told_once_with_the_row_that_would_expect_it",
        ACCEPTANCE + "test_first_run.py::test_the_row_that_is_told_is_the_row_that_works",
        ACCEPTANCE + "test_first_run.py::test_init_brings_the_rows_that_every_project_needs",
    ],
    "B4 no absolute budgets": [
        ACCEPTANCE + "test_limits.py"
        "::test_the_measured_number_keeps_its_limit_and_one_byte_less_does_not",
        ACCEPTANCE + "test_limits.py"
        "::test_the_flash_of_an_image_that_was_built_keeps_its_limit_to_the_byte",
        ACCEPTANCE + "test_limits.py::test_a_limit_holds_where_no_baseline_exists_yet",
    ],
    "B5 synthetic data without a word": [THIS + "::test_drawn_samples_are_told_at_the_start"],
    "B6 recurrent layers crash the converter": [
        CONVERT + "test_own_layers.py"
        "::test_a_loop_that_the_converter_cannot_quantize_says_what_to_build",
    ],
    "B7 other files, integers, layers of one's own": [
        ACCEPTANCE + "test_selection.py"
        "::test_what_looks_like_a_model_and_is_none_is_told_even_in_a_quiet_run",
        UNIT + "models/test_formats.py"
        "::test_what_looks_like_a_model_and_is_none_is_named_with_what_to_do",
        CONVERT + "test_own_layers.py::test_inputs_of_integers_stay_integers",
        CONVERT + "test_own_layers.py::test_a_layer_of_the_named_module_is_converted",
        UNIT + "models/test_keras_layers.py::test_code_in_the_file_is_refused_in_any_case",
    ],
    "B8 own kernels that replace nothing, or a whole set": [
        ACCEPTANCE + "test_bad_input.py::test_own_kernels_that_replace_nothing_are_an_error",
        UNIT + "firmware/test_own_kernels.py::test_kernels_that_replace_nothing_are_an_error",
        UNIT + "cli/test_kernels.py::test_a_copy_says_what_it_replaces_and_what_runs_it",
        ACCEPTANCE + "test_kernel_change.py"
        "::test_layers_without_an_own_kernel_keep_those_of_the_boards_set",
    ],
    "B9 orphaned baselines": [
        UNIT + "cli/test_cli.py"
        "::test_unused_baselines_are_listed_and_deleted_but_none_of_models_that_are_elsewhere",
    ],
    "B10 a green run holds no number": [THIS + "::test_a_green_summary_holds_numbers"],
    "B11 nothing says how to accept": [THIS + "::test_a_regression_says_how_to_accept_it"],
    "B12 tables cut names": [
        UNIT + "system/test_plain_console.py::test_what_is_no_terminal_gets_whole_lines",
        UNIT + "system/test_plain_console.py::test_a_narrow_terminal_folds_and_cuts_nothing",
    ],
    "B13 a board of four lines": [
        UNIT + "project/test_inventory.py::test_a_file_adds_boards_from_scratch_or_from_a_base",
    ],
    "B14 .tflite users install TensorFlow": [
        ACCEPTANCE + "test_light_interpreter.py"
        "::test_a_tflite_runs_on_the_host_and_on_an_emulated_board",
    ],
    "B15 which layer costs accuracy": [
        UNIT + "measure/test_layer_quality.py"
        "::test_the_ratio_is_that_of_signal_and_noise_and_the_loss_is_against_the_input",
    ],
    "B16 init into a configuration that is there": [
        UNIT + "cli/test_cli.py::test_init_says_what_to_add_to_settings_that_are_there",
    ],
    "B17 version, completion, cut hints": [
        UNIT + "cli/test_cli.py::test_the_version_is_told",
        UNIT + "cli/test_cli.py::test_completion_knows_every_command",
        UNIT + "test_extras.py::test_every_optional_package_has_a_message_that_names_its_extra",
        THIS + "::test_an_option_of_the_users_own_that_clashes_is_told_with_its_place",
    ],
    "B18 what is uploaded": [
        ACCEPTANCE + "test_distributions.py"
        "::test_the_source_distribution_holds_every_committed_file",
        ACCEPTANCE + "test_distributions.py"
        "::test_the_description_links_to_nothing_that_an_index_lacks",
        ACCEPTANCE + "test_distributions.py::test_an_index_takes_both",
    ],
}


def functions(file: Path) -> set[str]:
    """Return the names of the functions at a module's top level."""
    return {
        node.name for node in ast.parse(file.read_text()).body if isinstance(node, ast.FunctionDef)
    }


def test_every_row_has_its_test() -> None:
    numbers = [row.partition(" ")[0] for row in ROWS]
    assert numbers == [f"A{n}" for n in range(1, 8)] + [f"B{n}" for n in range(1, 19)]
    missing = [
        test
        for tests in ROWS.values()
        for test in tests
        if test.partition("::")[2] not in functions(REPOSITORY / test.partition("::")[0])
    ]
    assert missing == []


# ---- Rows that had no test elsewhere ----


ONE = ("--model=cnn_4", "--scheme=int8-only", "--board=nucleo-l4r5zi")
COMBINATION = "cnn_4-int8-only-nucleo-l4r5zi"


def test_a_comparison_counts_files_that_git_does_not_know(real_project: RealProject) -> None:
    root = real_project.root
    real_project.add_zoo("fc_0")
    who = "-c user.name=a -c user.email=a@example.org"
    (root / ".gitignore").write_text("/*\n!/boards.toml\n!/kernels\n")
    git(root, f"init -q -b main && git add -A -f && git {who} commit -qm first")
    (root / "boards.toml").write_text('[nucleo-l4r5zi]\nkernels = "./kernels"\n')
    (root / "kernels").mkdir()
    (root / "kernels" / "mean.c").write_text("int nothing;\n")
    result = real_project.run("--tq-ab=HEAD", "--collect-only", "--board=host")
    header = "\n".join(line for line in result.outlines if line.startswith("tinyquant"))
    assert ", 2 files changed)" in header


def git(root: Path, command: str) -> None:
    subprocess.run(f"git {command}", shell=True, cwd=root, check=True)


def test_the_help_says_which_boards_come_first() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--help"], capture_output=True, text=True, check=True
    )
    text = " ".join(done.stdout.split())
    assert "auto (default) takes a board that is attached, else its emulator" in text


def test_a_narrow_report_tells_baseline_and_change_below_the_number(bench: Bench) -> None:
    bench.record(*ONE)
    bench.pytester.makeini("[pytest]\naddopts = --import-mode=importlib\n")
    slow(bench)
    bench.run(*ONE, "--tq-html=report.html")
    page = (bench.pytester.path / "report.html").read_text()
    assert re.search(r'<span class="narrow">from 1,\d\d\d[^<]*, \+[\d.]+ %</span>', page)
    narrow = page.partition("@media (max-width: 45rem)")[2].partition("@media")[0]
    assert re.search(r"\.narrow \{ display: block", narrow)


def slow(bench: Bench) -> None:
    """Make the played board slower than when its baseline was recorded."""
    for file in sorted((bench.root / "baselines").rglob("*.json")):
        text = file.read_text()
        changed = re.sub(
            r'("invoke": \{[^}]*"value": )(\d+)', lambda m: f"{m[1]}{int(m[2]) - 100}", text
        )
        assert changed != text
        file.write_text(changed)


def test_a_regression_says_how_to_accept_it(bench: Bench) -> None:
    bench.record(*ONE)
    slow(bench)
    result = bench.run(*ONE)
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(
        ["regressed: if that is intended, --tq-update-baselines=all records it, and git diff *"]
    )
    bench.run(*ONE, "--tq-update-baselines=all")
    bench.run(*ONE).assert_outcomes(passed=4)


def test_a_green_summary_holds_numbers(bench: Bench) -> None:
    bench.record(*ONE)
    result = bench.run(*ONE, "--tq-markdown=report.md")
    result.assert_outcomes(passed=4)
    result.stdout.re_match_lines([rf"{COMBINATION}.*1,500"])
    assert "1,500" in (bench.pytester.path / "report.md").read_text()


def test_an_option_of_the_users_own_that_clashes_is_told_with_its_place(
    pytester: pytest.Pytester,
) -> None:
    code = "def pytest_addoption(parser):\n    parser.addoption({!r})\n"
    pytester.makeconftest(code.format("--model"))
    result = pytester.runpytest_subprocess("--model=mine")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    text = result.stderr.str()
    assert f"{pytester.path / 'conftest.py'}:2: adds an option --model, which pytest-tiny" in text
    assert "addopts = -p no:tinyquant" in text
    assert "Traceback" not in text
    # With that advice followed the option is theirs; a quarrel of others is none of ours.
    done = pytester.runpytest_subprocess("-p", "no:tinyquant", "--model=mine")
    assert done.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    pytester.makeconftest(code.format("--verbose"))
    assert "pytest-tinyquant has as well" not in pytester.runpytest_subprocess().stderr.str()


def test_drawn_samples_are_told_at_the_start(bench: Bench) -> None:
    models = bench.pytester.path / "models"
    for name in ("drawn", "given"):
        (models / f"{name}.keras").write_bytes(b"never opened: its board is played")
    (models / "given.npz").write_bytes(b"never opened")
    (models / "given.toml").write_text('data = "given.npz"\n')
    result = bench.run("--model=drawn,given", "--scheme=basic", "--board=host", "--collect-only")
    result.stdout.fnmatch_lines(["tinyquant: samples drawn at random for drawn: errors compare *"])
