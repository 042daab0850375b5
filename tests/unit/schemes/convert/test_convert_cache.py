"""When a conversion is taken from the cache, and when it is made again."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pytest_tinyquant.schemes import convert as convert_module
from pytest_tinyquant.schemes import exchange
from pytest_tinyquant.schemes import keys
from pytest_tinyquant.schemes.convert import convert
from pytest_tinyquant.schemes.scheme import SCHEMES
from pytest_tinyquant.system.cache import Cache


def test_what_is_in_the_cache_is_not_converted_again(
    small: Any, cache: Cache, counting_server: Any
) -> None:
    server = counting_server()
    assert convert(small, SCHEMES["basic"], cache) == convert(small, SCHEMES["basic"], cache)
    assert len(server.calls) == 1
    renamed = convert(replace(small, name="other"), SCHEMES["basic"], cache)
    assert (renamed.model, len(server.calls)) == ("other", 1)


CHANGES: dict[str, Callable[[Any, pytest.MonkeyPatch], tuple[Any, str]]] = {
    "source": lambda model, patch: (replace(model, source_sha256="2" * 64), "basic"),
    "scheme": lambda model, patch: (model, "dynamic"),
    "dense": lambda model, patch: (replace(model, dense_per_channel=True), "basic"),
    "converter": lambda model, patch: _patched(
        model, patch, "package_version", lambda _: "9.9", exchange
    ),
    "code": lambda model, patch: _patched(model, patch, "code_digest", lambda *_: "other", keys),
    "package": lambda model, patch: _patched(
        model, patch, "package_digest", lambda name: f"patched {name}", keys
    ),
}


def _patched(
    model: Any, patch: pytest.MonkeyPatch, name: str, value: Any, module: Any = convert_module
) -> tuple[Any, str]:
    patch.setattr(module, name, value)
    return model, "basic"


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_what_could_change_the_result_converts_again(
    small: Any,
    cache: Cache,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[Any, pytest.MonkeyPatch], tuple[Any, str]],
    counting_server: Any,
) -> None:
    server = counting_server()
    first = convert(small, SCHEMES["basic"], cache)
    model, scheme = change(small, monkeypatch)
    assert convert(model, SCHEMES[scheme], cache).path != first.path
    assert len(server.calls) == 2


def test_two_processes_that_want_the_same_model_convert_it_once(
    small: Any, cache: Cache, counting_server: Any
) -> None:
    context = multiprocessing.get_context("fork")
    started, results = context.Barrier(2), context.Queue()

    def work() -> None:
        server = counting_server()
        started.wait(60)
        converted = convert(small, SCHEMES["int8"], cache)
        results.put((len(server.calls), converted.sha256))

    processes = [context.Process(target=work) for _ in range(2)]
    for process in processes:
        process.start()
    # A process that failed answers nothing.
    answers = [results.get(timeout=120) for _ in processes]
    for process in processes:
        process.join(60)
    assert sorted(calls for calls, _ in answers) == [0, 1]
    assert len({sha256 for _, sha256 in answers}) == 1


def test_threads_that_want_the_same_model_convert_it_once(
    small: Any, cache: Cache, counting_server: Any
) -> None:
    server = counting_server()
    arguments = (small, SCHEMES["basic"], cache)
    threads = [threading.Thread(target=convert, args=arguments, daemon=True) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert len(server.calls) == 1
    assert os.listdir(cache.root) == ["converted"]
