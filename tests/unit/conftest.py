"""Fixtures shared by the unit tests."""

from __future__ import annotations

import dataclasses
import os
import select
import signal
from collections.abc import Callable
from typing import Any

import pytest
from model_builder import ModelBuilder
from model_builder import small_cnn

from pytest_tinyquant.measure.measurement import ArenaTensor
from pytest_tinyquant.measure.measurement import Measurement
from pytest_tinyquant.measure.measurement import OpCount
from pytest_tinyquant.metrics.metric import Metric


@pytest.fixture
def status_of() -> Callable[[int], int]:
    """Wait for a forked child and return its status; a fork of a busy process may never end."""

    def status(child: int) -> int:
        process = os.pidfd_open(child)
        ended = select.select([process], [], [], 60)[0]
        os.close(process)
        if not ended:
            os.kill(child, signal.SIGKILL)
        result = os.waitpid(child, 0)[1]
        assert ended, "the forked process hung"
        return result

    return status


def metrics_of_an_emulator() -> dict[str, dict[str, Metric]]:
    def number(value: float, unit: str) -> Metric:
        return Metric(value, unit, "exact")

    return {
        "error": {
            "mae": number(0.004120, "of range"),
            "rmse": number(0.0061, "of range"),
            "cosine": number(0.99991, "1"),
        },
        "latency": {
            "invoke": number(4_867_112, "instructions"),
            "walk": number(112, "instructions"),
        },
        "flash": {
            "total": number(61_440, "bytes"),
            "weights": number(50_000, "bytes"),
            "kernels": number(6_000, "bytes"),
        },
        "ram": {
            "total": number(20_480, "bytes"),
            "data": number(0, "bytes"),
            "bss": number(100, "bytes"),
            "arena": number(16_384, "bytes"),
            "stack": number(1_024, "bytes"),
        },
    }


@pytest.fixture
def recorded() -> Measurement:
    """A measurement as an emulated board gives it."""
    return Measurement(
        model="cnn_4",
        scheme="int8-only",
        board="nucleo-l4r5zi",
        target="emulator",
        identity={
            "model_sha256": "a" * 64,
            "tflite_sha256": "b" * 64,
            "converter": "tensorflow 2.21.0",
            "runtime": "tinyquant",
            "runtime_version": "pytest-tinyquant 0.1.0",
            "kernels": "reference",
            "flags": "-O3",
            "image": "c" * 64,
        },
        toolchain="arm-none-eabi-gcc 12.2.1",
        metrics=metrics_of_an_emulator(),
        output_sha256="d" * 64,
        ops=(
            OpCount("conv2d[0]", "tq_conv_2d_s8", (1, 32, 32, 16), 1_200_000),
            OpCount("max_pool_2d[1]", "tq_max_pool_2d_s8", (1, 16, 16, 16), 67_000),
            OpCount("conv2d[2]", "tq_conv_2d_s8", (1, 16, 16, 16), 1_300_000),
            OpCount("conv2d[3]", "tq_conv_2d_s8", (1, 16, 16, 32), 2_200_000),
            OpCount("fully_connected[4]", "tq_fully_connected_s8", (1, 10), 100_000),
        ),
        symbols={"tq_conv_2d_s8": 1_204, "tq_fully_connected_s8": 480, "tq_invoke": 64},
        variables={"tq_flag": 4, "tq_guard_low": 16},
        arena_tensors=(ArenaTensor("conv2d_3", 8_192), ArenaTensor("conv2d_2", 4_096)),
        log="",
    )


@pytest.fixture
def change(recorded: Measurement) -> Callable[..., Measurement]:
    """Return a function that gives the recorded measurement with something changed.

    ``error_mae=0.1`` and the like set one number, ``identity_kernels="x"`` one entry of the
    identity, any other keyword a field as a whole.
    """

    def changed(**changes: Any) -> Measurement:
        result = recorded
        for name, value in changes.items():
            group, _, key = name.partition("_")
            if group == "identity" and key:
                result = dataclasses.replace(result, identity={**result.identity, key: value})
            elif group in result.metrics and key:
                old = result.metrics[group][key]
                number = (
                    value if isinstance(value, Metric) else dataclasses.replace(old, value=value)
                )
                parts = {**result.metrics[group], key: number}
                result = dataclasses.replace(result, metrics={**result.metrics, group: parts})
            else:
                result = dataclasses.replace(result, **{name: value})
        return result

    return changed


@pytest.fixture
def builder() -> ModelBuilder:
    """An empty model to add tensors and operators to."""
    return ModelBuilder()


@pytest.fixture(scope="session")
def int8_cnn() -> bytes:
    """A small int8 model with per-channel weights: five operators, a few hundred weights."""
    return small_cnn("int8")


@pytest.fixture(scope="session")
def float_cnn() -> bytes:
    """The same architecture in float32."""
    return small_cnn("float32")


@pytest.fixture
def cycles_session() -> tuple[tuple[str, str], ...]:
    """What a real board sends in one run: type and payload of each line."""
    return (
        (
            "HELLO",
            "tq=1 image=0123456789abcdef board=b unit=cycles ops=1 samples=1 outputs=1 repeats=1",
        ),
        ("CLOCK", "hz=120 cycles=120 ticks=1 reference=1 loop=36 low=35 high=40 optimized=speed"),
        ("OUT", "0 0 0a"),
        ("RUN", "0 1100"),
        ("REPEAT", "0 1000"),
        ("OP", "0 900"),
        ("PROFILED", "900"),
        ("STACK", "512 8192"),
        ("GUARD", "ok"),
        ("END", "9"),
    )
