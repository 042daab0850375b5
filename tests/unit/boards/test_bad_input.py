"""What can be wrong with a board and its tools: for each, the test that it is one clear error.

The table names a test anywhere in the repository; what had none is below it.
"""

from __future__ import annotations

import ast
from pathlib import Path
from types import SimpleNamespace

import pytest

from pytest_tinyquant.boards.debug.pyocd_debugger import PyocdDebugger
from pytest_tinyquant.errors import BoardNotFoundError


REPOSITORY = Path(__file__).parents[3]
THIS = "tests/unit/boards/test_bad_input.py"
UNIT, EMULATED, ACCEPTANCE = "tests/unit/", "tests/emulated/", "tests/acceptance/"
WRONG_TABLE = UNIT + "project/test_own_board.py::test_a_wrong_table_is_one_clear_error"

ROWS = {
    "unknown core": [WRONG_TABLE],
    "memory missing": [WRONG_TABLE],
    "memories overlap": [WRONG_TABLE],
    "more memory than the emulated machine has": [
        UNIT + "firmware/test_memory.py"
        "::test_flash_or_ram_that_the_emulated_machine_has_no_room_for",
        UNIT + "firmware/test_memory.py::test_the_same_of_an_rx",
    ],
    "memory that the chip does not have": [
        UNIT + "firmware/test_memory.py"
        "::test_what_a_linker_script_asserts_is_told_in_its_own_words",
        EMULATED + "debugger/test_cortex_m_debugger.py"
        "::test_refuses_an_image_outside_of_the_memory",
    ],
    "flags for an FPU that the core lacks": [WRONG_TABLE],
    "unknown pyOCD target": [
        WRONG_TABLE,
        EMULATED + "test_add_board.py"
        "::test_what_cannot_be_told_is_asked_for_and_nothing_is_written",
    ],
    "pyOCD target of another core": [
        EMULATED + "test_own_board.py::test_a_core_other_than_the_tables_is_told",
    ],
    "a machine that the installed QEMU lacks": [
        UNIT + "project/test_own_board.py::test_a_machine_that_the_installed_emulator_lacks",
        UNIT + "cli/test_doctor_parts.py::test_an_emulator_without_the_machine_of_one_core",
    ],
    "a compiler that does not know the core": [
        UNIT + "cli/test_doctor_parts.py::test_a_compiler_that_does_not_know_one_core",
    ],
    "two probes for one board": [
        THIS + "::test_two_probes_with_one_id_are_not_chosen_from",
        EMULATED + "test_add_board.py"
        "::test_what_cannot_be_told_is_asked_for_and_nothing_is_written",
    ],
    "two boards for one probe": [
        UNIT + "boards/bench/test_physical.py::test_a_wrong_row_is_one_clear_error",
        UNIT + "boards/bench/test_physical.py::test_two_files_may_not_list_the_same_probe",
        EMULATED + "test_add_board.py"
        "::test_a_second_add_of_the_same_probe_names_the_row_that_it_has",
    ],
    "console silent because the probe lost the target": [
        EMULATED + "test_own_board.py"
        "::test_a_console_is_silent_because_the_probe_lost_the_target",
    ],
    "Vela missing": [
        UNIT + "boards/npu/test_vela.py"
        "::test_without_vela_the_error_says_how_to_install_it",
        UNIT + "cli/test_doctor_parts.py::test_no_vela_names_the_extra",
    ],
    "Vela of another version than the baseline's": [
        ACCEPTANCE + "test_ethos_u.py"
        "::test_a_baseline_of_another_version_or_memory_mode_is_not_compared",
        UNIT + "cli/test_doctor_parts.py"
        "::test_baselines_of_another_vela_are_told_before_a_run",
    ],
    "unknown accelerator": [
        UNIT + "boards/npu/test_vela.py"
        "::test_a_table_that_does_not_say_which_npu_is_refused",
    ],
    "unknown system configuration": [
        UNIT + "boards/npu/test_vela.py"
        "::test_an_unknown_system_or_memory_mode_names_those_there_are",
        UNIT + "cli/test_doctor_parts.py::test_a_configuration_that_vela_does_not_have",
    ],
}  # fmt: skip


def functions(file: str) -> set[str]:
    """Return the names of the functions at a module's top level."""
    body = ast.parse((REPOSITORY / file).read_text()).body
    return {node.name for node in body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("row", ROWS)
def test_every_row_has_its_test(row: str) -> None:
    for test in ROWS[row]:
        file, _, name = test.partition("::")
        assert name in functions(file)


def test_two_probes_with_one_id_are_not_chosen_from(monkeypatch: pytest.MonkeyPatch) -> None:
    from pyocd.probe.aggregator import DebugProbeAggregator

    twins = [
        SimpleNamespace(unique_id="0001", vendor_name="Copy", product_name=f"CMSIS-DAP {n}")
        for n in (1, 2)
    ]
    monkeypatch.setattr(
        DebugProbeAggregator, "get_all_connected_probes", lambda unique_id=None: twins
    )
    with pytest.raises(BoardNotFoundError) as caught:
        PyocdDebugger("0001", "cortex_m")
    words = str(caught.value)
    assert words.startswith("2 debug probes have the unique id '0001'; attached are: ")
    assert "0001 (Copy CMSIS-DAP 1), 0001 (Copy CMSIS-DAP 2)" in words
