"""Which layers of a model bear fewer bits: measured one by one, then put together.

Every trial is a conversion by rules (:mod:`pytest_tinyquant.schemes.recipe`) whose outputs, by
TensorFlow Lite's interpreter on the check samples, are held against the float model's.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
from typing import TYPE_CHECKING
from typing import Final

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.measure.error import error_metrics
from pytest_tinyquant.models.tflite_reader import read_graph
from pytest_tinyquant.schemes.convert import interpreter_outputs
from pytest_tinyquant.schemes.convert import read_arrays
from pytest_tinyquant.schemes.recipe import treatments
from pytest_tinyquant.schemes.settings import Rule
from pytest_tinyquant.schemes.settings import Scheme


if TYPE_CHECKING:
    from pytest_tinyquant.models.model import Model
    from pytest_tinyquant.stages.pipeline import Stages

#: Layers that the quantizer stores with four bits.
NARROW: Final = ("CONV_2D", "FULLY_CONNECTED")
ALGORITHMS: Final = ("minmax", "mse")


@dataclass(frozen=True)
class Trial:
    """What a scheme costs: mean absolute error of range against the float model, bytes of file."""

    error: float
    bytes: int


@dataclass(frozen=True)
class Layer:
    """One layer, and what changing it alone does.

    :param tensor: name of its output, which rules select it by.
    :param narrow: with four bits in it, by the better of the algorithms, and the rest as the base.
    :param algorithm: that algorithm.
    :param alone: it alone quantized as the base does, the rest float32.
    :param left_float: it left float32, the rest as the base.
    """

    label: str
    tensor: str
    narrow: Trial
    algorithm: str
    alone: Trial
    left_float: Trial


@dataclass(frozen=True)
class MixedScheme:
    """A recipe that was put together.

    :param narrow: layers with four bits.
    """

    base: Trial
    layers: tuple[Layer, ...]
    narrow: tuple[Layer, ...]
    trial: Trial
    rules: tuple[Rule, ...]


def propose(
    stages: Stages,
    model: Model,
    base: Scheme,
    *,
    max_error: float | None,
    max_bytes: int | None,
    say: Callable[[str], None] = lambda line: None,
) -> MixedScheme:
    """Measure every layer, and put together a recipe of four-bit layers.

    :param base: a scheme with quantized activations; what the other layers get.
    :param max_error: the recipe stays at or below it, as small as it gets.
    :param max_bytes: the recipe gets down to it, with as little error as it takes; one of the two.
    :raises ConfigurationError: the model has no layer to change, or no recipe is within the limit.
    """
    every = base.rules or base.implied_rules
    bits = every[0].activations if every and every[0].implied else 0
    if not bits:
        raise ConfigurationError(
            f"{model.name}: base scheme {base.name!r} quantizes no activations; take int8, "
            "int8-only, 16x8 or 16x8-only"
        )
    work = _Trials(stages, model, base, every, bits)
    start = work.trial()
    say(f"{base.name}: error {start.error:.5f}, {start.bytes:,} bytes")
    layers = []
    for label, tensor in work.layers():
        layers.append(work.measured(label, tensor))
        say(f"{label}: four bits {layers[-1].narrow.error:.5f} ({layers[-1].algorithm})")
    narrow, trial = work.put_together(start, layers, max_error, max_bytes)
    return MixedScheme(start, tuple(layers), tuple(narrow), trial, work.rules(narrow))


class _Trials:
    """Trials with one model and base."""

    def __init__(
        self, stages: Stages, model: Model, base: Scheme, every: Sequence[Rule], bits: int
    ) -> None:
        self._stages, self._model, self._base = stages, model, base
        self._every, self._bits = tuple(every), bits

    def layers(self) -> list[tuple[str, str]]:
        """Return label and output of each layer that can have four bits."""
        basic = self._stages.convert(self._model, self._base.before_rules())
        graph = read_graph(basic.read(), where=self._model.name)
        scheme = replace(self._base, rules=self._every)
        found = treatments(graph, scheme, dense_per_channel=False, where=self._model.name)
        layers = [
            (part.operator.label, graph.tensors[part.operator.outputs[0]].name)
            for part in found
            if part.weights and part.operator.op in NARROW
        ]
        if not layers:
            raise ConfigurationError(
                f"{self._model.name}: it has no convolution and no dense layer with constant "
                "weights, and only those can have four-bit weights"
            )
        return layers

    def trial(self, *rules: Rule, every: Sequence[Rule] | None = None) -> Trial:
        """Return what the base with further `rules` costs; `every` takes the place of its own."""
        kept = self._every if every is None else tuple(every)
        io = self._base.io_dtype if every is None else "float32"
        scheme = replace(
            self._base, name="trial", rules=(*kept, *rules), io_dtype=io, optimize=False,
            representative=False, supported_ops=(), supported_types=(),
        )  # fmt: skip
        converted = self._stages.convert(self._model, scheme)
        file = interpreter_outputs(self._model, converted, self._stages.cache, kernels="reference")
        errors = [
            error_metrics(wanted.reshape(len(wanted), -1), found.reshape(len(found), -1))[
                "mae"
            ].value
            for wanted, found in zip(
                self._stages.reference(self._model, "outputs"),
                read_arrays(file, "outputs"),
                strict=True,
            )
        ]
        return Trial(max(errors), converted.path.stat().st_size)

    def narrow_rule(self, tensors: Sequence[str], algorithm: str) -> Rule:
        return Rule(
            tensors=tuple(tensors), weights=4, activations=self._bits, algorithm=algorithm,
            where=f"four bits by {algorithm}",
        )  # fmt: skip

    def measured(self, label: str, tensor: str) -> Layer:
        """Return what changing one layer does."""
        trials = {name: self.trial(self.narrow_rule([tensor], name)) for name in ALGORITHMS}
        best = min(trials, key=lambda name: trials[name].error)
        plain = Rule(tensors=(tensor,), weights=0, where="left float")
        only = Rule(tensors=(tensor,), activations=self._bits, where="alone")
        floating = replace(self._base, io_dtype="float32")
        work = _Trials(self._stages, self._model, floating, self._every, self._bits)
        return Layer(
            label, tensor, trials[best], best, self.trial(only, every=()), work.trial(plain)
        )

    def rules(self, narrow: Sequence[Layer]) -> tuple[Rule, ...]:
        """Return the rules that give `narrow` four bits, one per algorithm."""
        groups = {
            name: [layer.tensor for layer in narrow if layer.algorithm == name]
            for name in ALGORITHMS
        }
        return tuple(self.narrow_rule(group, name) for name, group in groups.items() if group)

    def put_together(
        self,
        start: Trial,
        layers: Sequence[Layer],
        max_error: float | None,
        max_bytes: int | None,
    ) -> tuple[list[Layer], Trial]:
        """Give layer after layer four bits, first those that cost least error per byte saved."""

        def price(layer: Layer) -> float:
            saved = max(start.bytes - layer.narrow.bytes, 1)
            return max(layer.narrow.error - start.error, 0.0) / saved

        narrow: list[Layer] = []
        trial = start
        for layer in sorted(layers, key=price):
            if max_bytes is not None and trial.bytes <= max_bytes:
                break
            found = self.trial(*self.rules([*narrow, layer]))
            if found.bytes < trial.bytes and (max_error is None or found.error <= max_error):
                narrow, trial = [*narrow, layer], found
        limit = (
            f"an error of at most {max_error:g}"
            if max_error is not None
            else (f"at most {max_bytes:,} bytes")
        )
        if not narrow or (max_bytes is not None and trial.bytes > max_bytes):
            raise ConfigurationError(
                f"{self._model.name}: no recipe with four-bit layers has {limit}; the base "
                f"{self._base.name} has an error of {start.error:.5f} and {start.bytes:,} bytes, "
                f"the smallest that was tried {trial.bytes:,} bytes. Allow more"
            )
        return narrow, trial
