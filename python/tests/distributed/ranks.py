"""Tests whose body runs in every rank of a gloo group."""

from __future__ import annotations

import importlib
import inspect
import multiprocessing
import os
import traceback
from collections.abc import Callable, Iterator
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

WORLD = 2
#: Seconds after which a test counts as hanging; a collective of gloo gives up somewhat earlier.
PATIENCE = 90


class Ranks:
    """Processes that form a gloo group over loopback and do what they are told, all the same."""

    def __init__(self, folder: Path):
        context = multiprocessing.get_context("spawn")
        self._processes, self._pipes = [], []
        for rank in range(WORLD):
            here, there = context.Pipe()
            process = context.Process(target=_serve, args=(rank, str(folder / "store"), there), daemon=True)
            process.start()
            there.close()
            self._processes.append(process)
            self._pipes.append(here)

    def run(self, module: str, name: str, arguments: dict[str, Any]) -> None:
        """Runs the body of a test in all ranks. Raises: AssertionError with the traceback of each that failed."""
        for pipe in self._pipes:
            pipe.send((module, name, arguments))
        failures = []
        for rank, pipe in enumerate(self._pipes):
            try:
                failure = pipe.recv() if pipe.poll(PATIENCE) else "no answer"
            except EOFError:
                failure = "the process has ended"
            if failure is not None:
                failures.append(f"rank {rank}: {failure}")
        if failures:
            self.close()  # the ranks may be out of step
            raise AssertionError("\n".join(failures))

    @property
    def open(self) -> bool:
        """Whether the processes can take another test."""
        return all(process.is_alive() for process in self._processes)

    def close(self) -> None:
        """Ends the processes."""
        for process in self._processes:
            process.kill()
            process.join()


def _serve(rank: int, store: str, pipe: Connection) -> None:
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    import torch
    import torch.distributed as dist

    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo", init_method=f"file://{store}", rank=rank, world_size=WORLD, timeout=timedelta(seconds=PATIENCE - 30)
    )
    while True:
        module, name, arguments = pipe.recv()
        try:
            torch.manual_seed(0)
            getattr(importlib.import_module(module), name).body(rank, **arguments)
            pipe.send(None)
        except BaseException:
            pipe.send(traceback.format_exc())


@pytest.fixture(scope="module")
def group(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., None]]:
    """Runs the body of a test in the ranks, which are started when first needed and again after a failure."""
    ranks: Ranks | None = None

    def run(module: str, name: str, arguments: dict[str, Any]) -> None:
        nonlocal ranks
        if ranks is None or not ranks.open:
            ranks = Ranks(tmp_path_factory.mktemp("group"))
        ranks.run(module, name, arguments)

    yield run
    if ranks is not None:
        ranks.close()


def each_rank(body: Callable[..., None]) -> Callable[..., None]:
    """A test that runs in each rank: its first argument is the rank, the others are pytest's."""

    def test(group: Callable[..., None], **arguments: Any) -> None:
        group(body.__module__, body.__name__, arguments)

    own = list(inspect.signature(body).parameters.values())[1:]
    group_parameter = inspect.Parameter("group", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    test.__signature__ = inspect.Signature([group_parameter, *own])  # type: ignore[attr-defined]
    test.__name__, test.__doc__, test.__module__ = body.__name__, body.__doc__, body.__module__
    test.body = body  # type: ignore[attr-defined]
    return test
