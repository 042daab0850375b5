"""Answers an A/B run of another revision: ``python -m pytest_tinyquant.cli.serve``.

That is :mod:`pytest_tinyquant.paired.serve` with the plugins that a run of pytest in this directory
would have: a board may have a metric, and a model a scheme, that a conftest.py brings.
"""

from __future__ import annotations

from pytest_tinyquant.cli.plugins import load_plugins
from pytest_tinyquant.paired import serve


if __name__ == "__main__":
    serve.main(load_plugins)
