"""Starts the workers of one thread count as they are needed, and remembers which are missing and why."""

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from step.worker import Refused, Worker, WorkerFailed

BENCHMARKS = Path(__file__).resolve().parents[1]
ROOT = BENCHMARKS.parent
BUILD = ROOT / ".build" / "benchmarks"
STEPBENCH = ROOT / ".build" / "release" / "stepbench"

# DeepSpeed compiles its C++ before it says hello.
HELLO_SECONDS = 600


@dataclass
class Roll:
    """Who was there, over all thread counts."""

    versions: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)


class Absent(Exception):
    """The implementation cannot take part."""


class Crew:
    def __init__(self, threads: int, roll: Roll) -> None:
        self.threads = threads
        self.roll = roll
        self.workers: dict[str, Worker] = {}
        self.implementations: dict[str, list[str]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        for worker in self.workers.values():
            worker.end() if kind else worker.quit()

    def worker(self, family: str) -> Worker:
        """The family's worker; one that died is started again for the next case."""
        if family in self.roll.missing:
            raise Absent(self.roll.missing[family])
        if family not in self.workers or self.workers[family].failure:
            try:
                self.workers[family] = self.start(family)
                hello = self.workers[family].ask({"do": "hello"}, HELLO_SECONDS)
            except (OSError, Refused, WorkerFailed) as error:
                self.roll.missing[family] = str(error)
                raise Absent(str(error)) from error
            self.roll.versions[family] = hello["version"]
            self.implementations[family] = hello["implementations"]
        return self.workers[family]

    def implementation(self, family: str, wanted: str | None) -> str:
        """The wanted name, or the only one that the worker offers."""
        offered = self.implementations[family]
        if wanted is None and offered:
            return offered[0]
        if wanted not in offered:
            raise Absent(f"the worker has only {', '.join(offered)}")
        return wanted

    def start(self, family: str) -> Worker:
        threads = str(self.threads)
        if family in ("ours", "limit"):
            if not STEPBENCH.exists():
                raise FileNotFoundError("stepbench is not built")
            command = [str(STEPBENCH), "serve", family]
        else:
            command = [sys.executable, "-P", "-m", "step.peers.serve", family]
        environment = os.environ | {
            "OMP_NUM_THREADS": threads,
            "PYTHONPATH": str(BENCHMARKS),
            # Tools that the virtual environment brings, such as ninja.
            "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}",
            "TORCH_EXTENSIONS_DIR": str(BUILD / "torch-extensions"),
        }
        return Worker([*command, "--threads", threads], environment, BUILD / "logs" / f"{family}-{threads}.log")
