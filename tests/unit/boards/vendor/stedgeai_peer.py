"""Stands for ``stedgeai`` in tests: written after the documentation, never seen the tool.

What it prints has the layout of ST's pages on the command line, on c_info.json and on the
evaluation report, and of logs of versions 2.2.0 and 3.0.0 that others published; the numbers are
made up. The first argument says how it behaves.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any


VERSION = "3.0.0-20426 123672867"

FOOTPRINT = {
    "activations": 1444,
    "io": [0, 0],
    "kernel_flash": 14749,
    "kernel_ram": 356,
    "series": "stm32l4",
    "toolchain": "arm-none-eabi-gcc (GNU Tools for STM32 10.3-2021.10) 10.3.1 20210824 (release)",
    "toolchain_flash": 2116,
    "toolchain_ram": 0,
    "weights": 724,
}

SUMMARY = """\
ST Edge AI Core v{version}
 Exec/report summary ({command})
 -------------------------------------------------------------------
 model file         :   model.tflite
 type               :   tflite
 c_name             :   network
 target/series      :   stm32l4
 params #           :   657 items (724 B)
 -------------------------------------------------------------------
 macc               :   5,313
 weights (ro)       :   724 B (724 B) (1 segment) / -1,904(-72.5%) vs float model
 activations (rw)   :   1,444 B (1.41 KiB) (1 segment) *
 ram (total)        :   1,444 B (1.41 KiB) = 1,444 + 0 + 0
 -------------------------------------------------------------------
"""

LIBRARY = """\
  Summary - "stm32l4" target
  --------------------------------------------------
               FLASH (ro)     %*   RAM (rw)       %
  --------------------------------------------------
  RT total         16,865  95.9%        356   19.8%
  --------------------------------------------------
  TOTAL            17,589              1,800
  --------------------------------------------------
"""

PROFILE = """\
Running the ST.AI c-model (AI RUNNER)...(name=network, mode={mode})
  ST.AI Profiling results v2.0 - "network"
  ------------------------------------------------------------
  nb sample(s)   :   {samples}
  duration       :   {duration} ms by sample (3.200/3.220/0.002)
  macc           :   5313
{cycles}  ------------------------------------------------------------
"""


def c_info(**changed: Any) -> dict[str, Any]:
    """Return network_c_info.json as an object."""
    return {
        "environment": {"tools": [{"name": "ST.EdgeAI.Core", "version": VERSION}]},
        "graphs": [{"nodes": [{"macc": 4816}, {"macc": 16}, {"macc": 481}]}],
        "json_schema_version": "2.0",
        "memory_footprint": {**FOOTPRINT, **changed},
    }


def option(name: str) -> str:
    """Return the value of an option of the command line."""
    return sys.argv[sys.argv.index(name) + 1]


def write_info(data: str | dict[str, Any]) -> None:
    """Write a report into the output directory."""
    Path(option("--output"), "network_c_info.json").write_text(
        data if isinstance(data, str) else json.dumps(data)
    )


def analyze(mode: str) -> None:
    """Play ``stedgeai analyze``."""
    text = SUMMARY.format(version=VERSION, command="analyze") + LIBRARY
    if mode == "silent":
        return
    if mode == "text":
        print("\x1b[1m" + text)
        return
    if mode == "early-json":
        early = c_info()
        for key in ("kernel_flash", "kernel_ram", "toolchain_flash", "toolchain_ram"):
            del early["memory_footprint"][key]
        write_info(early)
    elif mode in BAD_INFO:
        write_info(BAD_INFO[mode])
    else:
        write_info(c_info())
    print(text)


BAD_INFO = {
    "not-json": "<html>licence expired</html>",
    "truncated": json.dumps(c_info())[:200],
    "a-list": "[]",
    "no-footprint": {"json_schema_version": "3.1", "footprint": {"flash": 1}},
    "missing": {**c_info(), "memory_footprint": {"activations": 12}},
    "negative": c_info(weights=-724),
    "not-a-number": json.dumps(c_info()).replace("724", "NaN"),
    "a-text": c_info(weights="724"),
    "a-fraction": c_info(activations=0.5),
    "a-bool": c_info(kernel_ram=True),
    "too-large": c_info(weights=10**300),
    "half-a-library": {
        **c_info(),
        "memory_footprint": {k: v for k, v in FOOTPRINT.items() if k != "kernel_ram"},
    },
    "io-is-no-list": c_info(io=7),
    "other-version": json.loads(json.dumps(c_info()).replace(VERSION, "2.2.0-20266 2adc00962")),
    "nested": "[" * 100_000,
}


def validate(mode: str) -> None:
    """Play ``stedgeai validate``: gives as outputs what the test laid beside the peer."""
    import numpy as np

    inputs = np.load(option("--valinput"))["m_inputs_1"]
    target = option("--mode") == "target" and mode != "on-host-after-all"
    text = PROFILE.format(
        mode="TARGET" if target else "HOST",
        samples=len(inputs),
        duration={"nan-duration": "nan", "negative-duration": "-3.210"}.get(mode, "3.210"),
        cycles="  CPU cycles     :   [385,200]\n" if mode == "cycles" else "",
    )
    print(text if mode != "no-duration" else text.replace("duration", "time"))
    if mode == "no-outputs":
        return
    outputs = np.load(Path(__file__).with_name("outputs.npy"))
    if mode == "fewer-outputs":
        outputs = outputs[:-1]
    if mode == "float-outputs":
        outputs = outputs.astype(np.float64) / 7
    name = "c_outputs_1" if mode != "other-names" else "predictions"
    arrays: dict[str, Any] = {name: outputs}
    np.savez(Path(option("--output"), "network_val_io.npz"), **arrays)


def fail(mode: str) -> None:
    """Fail in one of the ways that a program has; returns for modes that do not."""
    if mode == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if mode == "crashes":
        os.kill(os.getpid(), signal.SIGSEGV)
    if mode == "hangs":
        while True:
            time.sleep(60)
    if mode == "half-way":
        print(SUMMARY.format(version=VERSION, command="analyze")[:300])
        sys.exit("Traceback (most recent call last):\nValueError: internal")
    if mode == "refuses":
        print("E010(InvalidModelError): Unsupported layer FOO in node foo_1")
        sys.exit(1)
    if mode == "refuses-with-0":
        print("E010(InvalidModelError): Unsupported layer FOO in node foo_1")
        sys.exit(0)
    if mode == "no-board":
        print("E200(ValidationError): TARGET: Unable to bind the ST.AI runtime")
        print("E801(HwIOError): Invalid firmware - COM6:115200")
        sys.exit(0)
    if mode == "no-disk":
        sys.exit("OSError: [Errno 28] No space left on device")
    if mode == "huge":
        for _ in range(34):
            sys.stdout.write("x" * (1 << 20))
        sys.exit(0)


def main() -> None:
    """Run the command that the second argument names."""
    mode, command = sys.argv[1:3]
    if command == "--version":
        if mode != "no-version":
            print(f"ST Edge AI Core v{VERSION}\n   STM32CubeAI 11.0.0")
        return
    with Path(__file__).with_name("calls").open("a") as calls:
        calls.write(f"{command} {sorted(os.environ)}\n")
    fail(mode)
    {"analyze": analyze, "validate": validate}[command](mode)


if __name__ == "__main__":
    main()
