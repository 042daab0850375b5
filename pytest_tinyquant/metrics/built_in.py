"""The metrics that this package measures itself."""

from __future__ import annotations

from typing import Final

from pytest_tinyquant.metrics.spec import MetricSpec
from pytest_tinyquant.metrics.spec import Part
from pytest_tinyquant.metrics.spec import PublishedColumn
from pytest_tinyquant.metrics.tolerance import Tolerance


_BYTES: Final = {"": 1, "B": 1, "bytes": 1, "KiB": 1024}

#: The error of one set of output bytes is exact, but its reference is a float model whose last
#: bits depend on the host's vector unit: 1e-6 of range is ten times float32's resolution and
#: three orders of magnitude below one step of an 8-bit output (4e-3). Calibration on another CPU
#: may move a quantization scale by its last bits, which flips single output steps.
ERROR: Final = MetricSpec(
    name="error",
    title="Error",
    description="Mean absolute error over the float reference's range.",
    parts=(
        Part("mae", gates=True),
        Part("rmse"),
        Part("max_abs"),
        Part("cosine", higher_is_better=True),
        Part("l2r"),
        Part("mean"),
        Part("std"),
        Part("nse", higher_is_better=True),
        Part("top1", higher_is_better=True),
        # Against labels, where the check samples have some; see measure/task_figures.py.
        Part("accuracy", higher_is_better=True),
        Part("accuracy_drop"),
        Part("top5", higher_is_better=True),
        Part("recall_*", higher_is_better=True),
        Part("auc", higher_is_better=True),
        Part("auc_drop"),
        Part("target_mae"),
        Part("target_rmse"),
        Part("r2", higher_is_better=True),
        # The user's own function, by whether more of it is better.
        Part("score_*", higher_is_better=True),
        Part("loss_*"),
    ),
    classes=dict.fromkeys(("host", "emulator", "hardware", "compiler", "tool"), "exact"),
    measure="pytest_tinyquant.measure.error:measure",
    tolerance={"exact": Tolerance(absolute=1e-6)},
    other_build=Tolerance(relative=0.10, absolute=1e-4),
    creep_limit=Tolerance(relative=0.05, absolute=1e-4),
    explained_by=("first difference", "figures", "kernels"),
    quality=("accuracy", "auc", "r2", "mae"),
    published=PublishedColumn("mae_mean", "of range"),
)

#: The part of latency that the model of a core gives, on boards whose ``gate`` asks for it. It
#: repeats to the digit, so that a change of it is exact as a statement about the model.
ESTIMATED_CYCLES: Final = "estimated_cycles"

#: Of repeated measurements of one image the study saw scatters of up to 20 cycles and, above
#: 1 ms, 0.04 %: 64 cycles and 0.1 % are three times that. An image built anew may have its code
#: and data aligned otherwise. Neighbouring compiler releases stay within 5 % on these kernels.
LATENCY: Final = MetricSpec(
    name="latency",
    title="Latency",
    description="One inference. Instructions are not cycles and not milliseconds.",
    parts=(Part("invoke", gates=True), Part("walk"), Part("spread"), Part(ESTIMATED_CYCLES)),
    classes={
        "emulator": "exact",
        "hardware": "measured",
        "compiler": "estimated",
        "tool": "estimated",
    },
    measure="pytest_tinyquant.measure.latency:measure",
    tolerance={"measured": Tolerance(relative=0.001, absolute=64)},
    rebuilt=Tolerance(relative=0.01, absolute=64),
    other_build=Tolerance(relative=0.05),
    creep_limit=Tolerance(relative=0.02),
    units={"": 1, "instructions": 1, "cycles": 1, "ns": 1},
    whole=True,
    scatters=True,
    per_operator=True,
    explained_by=("operators",),
    least="fastest",
    published=PublishedColumn("latency_ms_mean", "ms on hardware"),
)

FLASH: Final = MetricSpec(
    name="flash",
    title="Flash",
    description="Loadable bytes of the image, without the check samples.",
    parts=(
        Part("total", gates=True),
        *map(Part, ("weights", "kernels", "engine", "model", "startup_libc")),
        Part("command_stream"),
    ),
    classes={
        "emulator": "exact",
        "hardware": "exact",
        "compiler": "estimated",
        "tool": "estimated",
    },
    measure="pytest_tinyquant.measure.flash:measure",
    other_build=Tolerance(relative=0.05, absolute=256),
    creep_limit=Tolerance(relative=0.02, absolute=256),
    units=_BYTES,
    whole=True,
    explained_by=("symbols",),
    least="smallest",
    published=PublishedColumn("flash_kib", "KiB, text of the whole program"),
)

#: A measured total holds a stack that an interrupt may have deepened by one exception frame with
#: floating point (104 bytes).
RAM: Final = MetricSpec(
    name="ram",
    title="RAM",
    description="Static data, arena and stack; on the host the arena alone.",
    parts=(
        Part("total", gates=True),
        Part("data"),
        Part("bss"),
        Part("arena", gates=True),
        Part("stack"),
    ),
    classes={
        "host": "exact",
        "emulator": "exact",
        "hardware": "measured",
        "compiler": "estimated",
        "tool": "estimated",
    },
    measure="pytest_tinyquant.measure.ram:measure",
    tolerance={"measured": Tolerance(absolute=128)},
    other_build=Tolerance(relative=0.05, absolute=256),
    creep_limit=Tolerance(relative=0.02, absolute=256),
    units=_BYTES,
    whole=True,
    explained_by=("high water", "parts", "variables", "arena"),
    least="least RAM",
    published=PublishedColumn("ram_kib", "KiB, bss of the whole program"),
)

#: What an NPU's compiler says of it. Nothing else here measures it.
BANDWIDTH: Final = MetricSpec(
    name="bandwidth",
    title="Bandwidth",
    description="Bytes that one inference moves to and from the memories.",
    parts=(
        Part("total", gates=True),
        *map(Part, ("sram", "dram", "on_chip_flash", "off_chip_flash")),
    ),
    classes={"compiler": "estimated"},
    measure="pytest_tinyquant.measure.reported:measure_bandwidth",
    creep_limit=Tolerance(relative=0.02, absolute=256),
    units=_BYTES,
    whole=True,
    least="least traffic",
)

#: What a vendor's tool says of the model it compiled. Nothing else here counts them.
MACC: Final = MetricSpec(
    name="macc",
    title="Multiply-accumulates",
    description="Of one inference, as the vendor's tool counts them.",
    parts=(Part("total", gates=True),),
    classes={"tool": "exact"},
    measure="pytest_tinyquant.measure.reported:measure_macc",
    units={"": 1, "MACs": 1},
    whole=True,
    least="fewest multiply-accumulates",
)

#: Tolerances are this project's choice until boards have been seen; a board's own noise floor
#: (``tinyquant noise``) widens them.
ENERGY: Final = MetricSpec(
    name="energy",
    title="Energy",
    description="One inference at the board's supply, without what sleeping as long takes.",
    parts=(
        Part("inference", gates=True),
        Part("spread"),
        Part("uncertainty"),
        Part("idle"),
        Part("busy"),
    ),
    classes={"hardware": "measured"},
    measure="pytest_tinyquant.measure.energy:measure",
    tolerance={"measured": Tolerance(relative=0.02)},
    rebuilt=Tolerance(relative=0.03),
    other_build=Tolerance(relative=0.05),
    creep_limit=Tolerance(relative=0.05),
    units={"": 1, "uJ": 1, "mJ": 1000},
    scatters=True,
    metered=True,
    least="least energy",
)

#: In the order in which reports show them.
ON_MOST_BOARDS: Final = (ERROR, LATENCY, FLASH, RAM)
"""What tables show whether or not a run judged it."""

BUILT_IN: Final = (*ON_MOST_BOARDS, BANDWIDTH, MACC, ENERGY)
