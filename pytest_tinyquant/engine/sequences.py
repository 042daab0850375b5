"""Check samples that follow each other: what a model remembers lasts from one to the next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING


if TYPE_CHECKING:
    from pytest_tinyquant.models.model import Model

#: Replaces the engine's own function, so that images of other models stay what they are.
_SOURCE = """
/* The app clears the state before every sample; of those of a sequence, only the first counts. */
#include <string.h>

void tq_clear_state(const tq_model *model) {{
  static uint32_t calls;
  if (calls >= {samples}u || calls % {steps}u == 0) {{
    for (uint32_t i = 0; i < model->state_count; ++i) {{
      memset(model->states[i].data, model->states[i].value, model->states[i].bytes);
    }}
  }}
  calls++;
}}
"""


@dataclass(frozen=True)
class Sequences:
    """How many samples there are, and how many in a row make a sequence.

    A run that goes on after the last sample, to repeat or to measure one, begins anew each time.
    """

    steps: int
    samples: int

    def engine_source(self) -> str:
        """Return the C function that decides when a model of the engine forgets."""
        return _SOURCE.format(steps=self.steps, samples=self.samples)


def sequences_of(model: Model) -> Sequences | None:
    """Return the sequences of a model's check samples; None if each stands alone."""
    if model.sequence == 1:
        return None
    check = model.check()
    count = len(check[0] if isinstance(check, list) else check)
    return Sequences(model.steps(count), count)
