"""What a scheme says: settings of TensorFlow Lite's converter, or rules for LiteRT's quantizer."""

from __future__ import annotations

from dataclasses import asdict
from dataclasses import dataclass
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

from pytest_tinyquant.schemes.steps import Step


INT16_ACTIVATIONS = "EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8"
INT8_OPERATORS = "TFLITE_BUILTINS_INT8"


@dataclass(frozen=True)
class Rule:
    """What LiteRT's quantizer does with the operators that a rule selects; later rules win.

    :param layers: a regular expression on the names of an operator's outputs; empty for any.
    :param tensors: whole names of outputs; empty for any.
    :param operators: TensorFlow Lite's names of operators; empty for any.
    :param weights: bits of the weights: 4, 8 or 16 (float16); 0 leaves the operator in float32.
    :param activations: bits of inputs and outputs: 8 or 16; 0 leaves them float32.
    :param algorithm: how ranges become scales: ``minmax``, ``mse``, ``octav`` or ``gptq``.
    :param granularity: ``tensor`` or ``channel`` for one scale or one per output channel; empty
        for one per channel in convolutions, and in dense layers as the model says.
    :param compute: ``integer``, or ``float`` for weights that are dequantized before they are used.
    :param where: the rule's place, for messages.
    :param implied: whether it stands for a base's converter settings, rather than in a file.
    """

    layers: str = ""
    tensors: tuple[str, ...] = ()
    operators: tuple[str, ...] = ()
    weights: int = 8
    activations: int = 0
    algorithm: str = "minmax"
    granularity: str = ""
    compute: str = "integer"
    where: str = ""
    implied: bool = False

    @property
    def selection(self) -> str:
        """Which operators the rule speaks of, in words."""
        parts = [", ".join(self.operators), self.layers and f"layers {self.layers}"]
        parts.append(f"tensors {', '.join(self.tensors)}" if self.tensors else "")
        return " in ".join(part for part in parts if part) or "every operator"

    @property
    def text(self) -> str:
        """What the rule does, such as ``int4 weights, int8 activations (mse)``."""
        if not self.weights:
            return "float32"
        weights = "float16 weights" if self.weights == 16 else f"int{self.weights} weights"
        if self.activations:
            rest = f"int{self.activations} activations"
        else:
            dequantized = self.compute == "float" or self.weights == 16
            rest = "dequantized" if dequantized else "activations quantized at run time"
        notes = [self.granularity and f"a scale per {self.granularity}"]
        notes.append("" if self.algorithm == "minmax" else self.algorithm)
        detail = ", ".join(note for note in notes if note)
        return f"{weights}, {rest}{f' ({detail})' if detail else ''}"


@dataclass(frozen=True)
class Scheme:
    """A way to quantize a model, under one name.

    :param name: the name on the command line and in test ids.
    :param description: one line for the user.
    :param optimize: sets ``optimizations`` to ``[tf.lite.Optimize.DEFAULT]``.
    :param representative: gives the model's calibration samples as ``representative_dataset``.
    :param io_dtype: ``inference_input_type`` and ``inference_output_type``: ``float32``, ``int8``
        or ``int16``.
    :param supported_ops: names of ``tf.lite.OpsSet`` for ``target_spec.supported_ops``; empty for
        the converter's default.
    :param supported_types: names of ``tf`` types for ``target_spec.supported_types``; empty for
        the converter's default.
    :param rules: a recipe for LiteRT's quantizer, which then takes the place of the converter's
        settings; the first rule is what the base scheme does with every operator.
    :param models: patterns of the models it is for; empty for all.
    :param steps: what is done with the weights before that: pruning, clustering, training.
    :param epochs: how often each step goes through its training samples; 0 for its own default.
    :param training: path of an npz with ``inputs`` and ``targets``; empty to learn the float
        model's own answers to the calibration samples.
    """

    name: str
    description: str
    optimize: bool = False
    representative: bool = False
    io_dtype: str = "float32"
    supported_ops: tuple[str, ...] = ()
    supported_types: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()
    models: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    epochs: int = 0
    training: str = ""
    training_sha256: str = ""

    @property
    def quantizes(self) -> bool:
        """Whether it is meant to leave anything else than float32."""
        return self.optimize or any(rule.weights for rule in self.rules)

    @property
    def integers_only(self) -> bool:
        """Whether it is meant to leave no operator in float32."""
        if self.io_dtype == "float32":
            return False
        if self.rules:
            return all(rule.activations for rule in self.rules)
        return self.supported_ops in ((INT8_OPERATORS,), (INT16_ACTIVATIONS,))

    def is_for(self, model: str) -> bool:
        """Tell whether the scheme speaks of the model of that name."""
        return not self.models or any(fnmatchcase(model, pattern) for pattern in self.models)

    @property
    def implied_rules(self) -> tuple[Rule, ...]:
        """What the converter settings ask for every operator, as a rule; none for basic."""
        where, implied = f"what {self.name} does with every operator", True
        if self.representative:
            activations = 16 if INT16_ACTIVATIONS in self.supported_ops else 8
            return (Rule(activations=activations, where=where, implied=implied),)
        if "float16" in self.supported_types:
            return (Rule(weights=16, where=where, implied=implied),)
        return (Rule(where=where, implied=implied),) if self.optimize else ()

    def before_rules(self) -> Scheme:
        """Return the scheme whose float model the rules are applied to."""
        plain = Scheme("basic", "float32, not quantized")
        return replace(
            plain,
            steps=self.steps,
            epochs=self.epochs,
            training=self.training,
            training_sha256=self.training_sha256,
        )

    def content(self) -> dict[str, Any]:
        """Return all that a conversion depends on, as JSON values: neither names nor texts."""
        found = asdict(self)
        for key in ("name", "description", "models", "training"):
            del found[key]
        for step in found["steps"]:
            del step["written"]
        for rule in found["rules"]:
            del rule["where"], rule["implied"]
        return found
