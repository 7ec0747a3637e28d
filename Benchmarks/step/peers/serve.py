"""Runs one peer as a worker: reads requests as lines of JSON from stdin and answers each with a line on stdout.

Usage: python -m step.peers.serve torch --threads 2
"""

import argparse
import importlib
import json
import os
import sys
import time
from collections.abc import Iterable, Sequence
from typing import IO, Any, Protocol, TypedDict

Reply = dict[str, Any]


class Case(TypedDict):
    """What to prepare. Peers own their memory, so they ignore the layout."""

    tensors: list[list[int]]
    layout: str
    optimizer: str
    hyperparameters: dict[str, float]
    clip: float | None
    threads: int


class Prepared(Protocol):
    """An optimizer with its parameters, gradients and state, ready to step."""

    def step(self) -> None: ...

    def restore_gradients(self) -> None:
        """Undoes what clipping did to the gradients."""

    def values(self) -> Iterable[Any]:
        """Every parameter in order, as a float32 NumPy array."""


class Peer(Protocol):
    """What a module step.peers.X_peer offers. It imports its library at the top, and sets it up for OMP_NUM_THREADS."""

    VERSION: str
    IMPLEMENTATIONS: Sequence[str]

    def prepare(self, implementation: str, case: Case) -> Prepared: ...


class Server:
    """Answers requests; the library is imported at the first one, so that its absence is an answer too."""

    def __init__(self, family: str) -> None:
        self.family = family
        self.peer: Peer | None = None
        self.prepared: dict[int, Prepared] = {}
        self.latest = 0

    def answer(self, request: dict[str, Any]) -> Reply:
        match request["do"]:
            case "hello":
                peer = self.load()
                return {"name": self.family, "version": peer.VERSION, "implementations": list(peer.IMPLEMENTATIONS)}
            case "prepare":
                self.latest += 1
                self.prepared[self.latest] = self.load().prepare(request["implementation"], request["case"])
                return {"id": self.latest}
            case "step":
                prepared, count = self.prepared[request["id"]], request["count"]
                return {"seconds": step_restored(prepared, count) if request.get("check") else step(prepared, count)}
            case "values":
                with open(request["path"], "wb") as file:
                    for array in self.prepared[request["id"]].values():
                        array.tofile(file)
                return {}
            case "release":
                del self.prepared[request["id"]]
                return {}
            case unknown:
                raise ValueError(f"no such request: {unknown}")

    def load(self) -> Peer:
        if self.peer is None:
            self.peer = importlib.import_module(f"step.peers.{self.family.replace('-', '_')}_peer")  # type: ignore
        return self.peer


def step(prepared: Prepared, count: int) -> float:
    take = prepared.step
    start = time.perf_counter()
    for _ in range(count):
        take()
    return time.perf_counter() - start


def step_restored(prepared: Prepared, count: int) -> float:
    seconds = 0.0
    for _ in range(count):
        prepared.restore_gradients()
        seconds += step(prepared, 1)
    return seconds


def reason(error: BaseException) -> str:
    """One line that says why, with the causes of the error."""
    if isinstance(error, ModuleNotFoundError):
        return f"{error.name} is not installed"
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0] + (f" ({reason(error.__cause__)})" if error.__cause__ else "")


def serve(server: Server, requests: IO[str], answers: IO[str]) -> None:
    for line in requests:
        request = json.loads(line)
        if request["do"] == "quit":
            return
        try:
            reply: Reply = {"ok": True} | server.answer(request)
        except Exception as error:
            reply = {"ok": False, "why": reason(error)}
        print(json.dumps(reply), file=answers, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("family")
    parser.add_argument("--threads", type=int, required=True)
    arguments = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(arguments.threads)
    # What a library prints must not get between the answers, so its standard output is the log.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    serve(Server(arguments.family), sys.stdin, answers)


if __name__ == "__main__":
    main()
