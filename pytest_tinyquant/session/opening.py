"""What a run does before its first test: it makes its scratch directory and reads the project."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest


if TYPE_CHECKING:
    from pytest_tinyquant.session.run import Run


def open_run(run: Run) -> None:
    """Make the run's scratch directory, and check that what the run is to write can be.

    What killed runs left is deleted. Workers find all this done.

    :raises pytest.UsageError: something certainly cannot be written.
    """
    from pytest_tinyquant.errors import ConfigurationError
    from pytest_tinyquant.session.writable import check_writable
    from pytest_tinyquant.system import scratch

    if run.is_worker:
        return
    try:
        check_writable(run.settings)
        if run.concerns_project:
            scratch.sweep()
            run.scratch = scratch.Scratch(run.work_dir)
    except ConfigurationError as error:
        raise pytest.UsageError(str(error)) from error
    except OSError as error:
        raise pytest.UsageError(
            f"no scratch directory can be made ({error}); free some space, or set TMPDIR to a "
            "directory you can write to"
        ) from error


def check_configuration(run: Run) -> None:
    """Read the project and the selection if the user has configured either.

    :raises pytest.UsageError: for anything that cannot be followed. Without any configuration
        the error waits for a test that needs the project: this may be someone else's
        repository, whose ``models/`` is none of ours.
    """
    from pytest_tinyquant.errors import ConfigurationError
    from pytest_tinyquant.errors import RevisionError

    try:
        _ = run.combinations
        _ = run.paired
        _ = run.release
        if run.settings.estimate_cycles:
            from pytest_tinyquant.stages.cycle_estimate import check_selection

            check_selection(combination.board for combination in run.combinations)
        if run.settings.history and not run.is_worker:
            from pytest_tinyquant.history.record import open_before

            run.notes += open_before(run.settings.history, run.project.cache_root)
        _ = run.canary
    except RevisionError as error:
        raise refused(error) from error
    except ConfigurationError as error:
        if run.settings.explicit or run.has_own_files:
            raise refused(error) from error


def refused(error: Exception) -> pytest.UsageError:
    """Return the error that ends a run before its first test."""
    from pytest_tinyquant.system.plain_text import harmless

    return pytest.UsageError(harmless(str(error)))
