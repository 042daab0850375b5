"""The kernels read and write only their tensors and never rely on undefined behaviour."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


OPERATORS = Path(__file__).resolve().parents[1] / "operators"


def test_operators_under_address_and_undefined_behaviour_sanitizer() -> None:
    runtime = subprocess.run(
        ["gcc", "-print-file-name=libasan.so"], capture_output=True, text=True, check=True
    ).stdout.strip()
    environment = os.environ | {
        "LD_PRELOAD": runtime,
        "ASAN_OPTIONS": "detect_leaks=0",
        "TINYQUANT_TEST_SANITIZE": "1",
        "HYPOTHESIS_PROFILE": "sanitizers",
    }
    command = [sys.executable, "-m", "pytest", "--import-mode=importlib", "-x", "-q", "-s"]
    # The converter is not made for AddressSanitizer.
    command += ["--ignore", str(OPERATORS / "whole_models")]
    # Only the wheel runs there, in children that may abort.
    command += ["--ignore", str(OPERATORS / "test_tflm_table.py")]
    result = subprocess.run(
        [*command, "-p", "no:cacheprovider", str(OPERATORS)],
        env=environment,
        cwd=OPERATORS.parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
