"""What a run says of itself, above its tests and in its reports."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING


if TYPE_CHECKING:
    from pytest_tinyquant.session.run import Run


def header(run: Run) -> list[str]:
    """Return the selection and its compilers, nothing if this is no project of ours."""
    from pytest_tinyquant.session.matrix import compilers
    from pytest_tinyquant.session.matrix import drawn_data
    from pytest_tinyquant.session.matrix import passed_over_metadata

    selected = run_summary(run)
    if selected is None:
        return []
    lines = (part(run.combinations) for part in (compilers, drawn_data, passed_over_metadata))
    return [selected, *itertools.chain.from_iterable(lines), *run.notes]


def run_summary(run: Run) -> str | None:
    """Return the selection in a line, the sides of an A/B run in another.

    None if this is no project of ours.
    """
    from pytest_tinyquant.errors import ConfigurationError
    from pytest_tinyquant.session.matrix import summary

    try:
        wanted = run.project.models or run.settings.explicit
        lines = [summary(run.combinations, run.project)] if wanted else []
        lines += [f"tinyquant: {run.paired.description}"] if run.paired else []
        if run.settings.resume and run.journal is not None:
            lines += [f"tinyquant: resumes with {run.journal.fresh()} outcomes kept"]
        return "\n".join(lines) or None
    except ConfigurationError:
        return None
