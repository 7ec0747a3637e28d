"""Measures a case: prepares its entries, compares their numbers, then times them in turns."""

import contextlib
import math
import time
from collections.abc import Iterator
from pathlib import Path

from step import memory
from step.cases import Case
from step.compare import compare
from step.crew import Absent, Crew
from step.results import CaseResult, Row
from step.worker import Refused, Worker, WorkerFailed

CHECK_STEPS = 7
LEAST_SECONDS = 0.1
SLOW_SECONDS = 1.0
SLOW_EVERY = 3
# OpenMP threads of the one before spin for a while.
PAUSE_SECONDS = 0.03

PREPARE_SECONDS = 300
FIRST_STEPS_SECONDS = 300
STEP_SECONDS = 120


class Runner:
    """A prepared entry in its worker."""

    def __init__(self, row: Row, worker: Worker, number: int) -> None:
        self.row = row
        self.worker = worker
        self.number = number
        self.count = row.entry.task.period
        self.slow = False

    def step(self, count: int, timeout: float = STEP_SECONDS, check: bool = False) -> float:
        request = {"do": "step", "id": self.number, "count": count} | ({"check": True} if check else {})
        return self.worker.ask(request, timeout)["seconds"]

    def values(self, path: Path) -> None:
        self.worker.ask({"do": "values", "id": self.number, "path": str(path)}, PREPARE_SECONDS)

    def calibrate(self) -> None:
        """Finds how many steps take long enough to measure: twice, as others may have disturbed the first time."""
        period = self.row.entry.task.period
        while (seconds := min(self.step(self.count), self.step(self.count))) < 0.9 * LEAST_SECONDS:
            growth = min(10.0, LEAST_SECONDS / max(seconds, 1e-9))
            self.count = math.ceil(self.count / period * growth) * period
        self.slow = seconds / self.count > SLOW_SECONDS

    def measure(self, index: int) -> None:
        self.row.seconds[index] = self.step(self.count) / self.count

    def release(self) -> None:
        with contextlib.suppress(Refused, WorkerFailed):
            self.worker.ask({"do": "release", "id": self.number}, STEP_SECONDS)


def measure(case: Case, crew: Crew, families: set[str], all_threads: bool, rounds: int, scratch: Path) -> CaseResult:
    result = CaseResult(case, crew.threads)
    wanted = [
        entry
        for entry in case.entries
        if entry.who.family in families and (all_threads or not entry.who.all_threads_only)
    ]
    batches, left_out = memory.batches(wanted, case.tensors.elements, memory.available())
    for number, batch in enumerate(batches):
        rows = [Row(entry, number) for entry in batch]
        result.rows += rows
        measure_batch(case, rows, crew, rounds, scratch)
    result.rows += [Row(entry, len(batches), skipped=why) for entry, why in left_out.items()]
    return result


def measure_batch(case: Case, rows: list[Row], crew: Crew, rounds: int, scratch: Path) -> None:
    runners: list[Runner] = []
    for row in rows:
        with noting(row):
            runners.append(prepare(case, row, crew))
    check(runners, scratch)
    for runner in active(runners):
        with noting(runner.row):
            runner.calibrate()
    for index in range(rounds):
        shift = index % max(1, len(runners))
        for runner in active(runners[shift:] + runners[:shift]):
            if not runner.slow or index % SLOW_EVERY == 0:
                with noting(runner.row):
                    runner.measure(index)
                time.sleep(PAUSE_SECONDS)
    for runner in runners:
        runner.release()


def active(runners: list[Runner]) -> list[Runner]:
    """Those that nothing has happened to."""
    return [runner for runner in runners if not runner.row.failure]


@contextlib.contextmanager
def noting(row: Row) -> Iterator[None]:
    """What goes wrong within becomes the row's reason."""
    try:
        yield
    except Absent as error:
        row.skipped = str(error)
    except (Refused, WorkerFailed) as error:
        row.failure = str(error)


def prepare(case: Case, row: Row, crew: Crew) -> Runner:
    who, task = row.entry.who, row.entry.task
    worker = crew.worker(who.family)
    request = {
        "do": "prepare",
        "implementation": crew.implementation(who.family, who.implementation),
        "case": {
            "tensors": case.tensors.shapes,
            "layout": who.layout,
            "optimizer": task.optimizer,
            "hyperparameters": task.hyperparameters,
            "clip": task.clip,
            "threads": crew.threads,
        },
    }
    return Runner(row, worker, worker.ask(request, PREPARE_SECONDS)["id"])


def check(runners: list[Runner], scratch: Path) -> None:
    """Takes the same steps everywhere and compares the parameters with ours. The limit computes nothing of use."""
    references: dict[str, Path] = {}
    written = scratch / "values"
    for runner in sorted(runners, key=lambda runner: runner.row.entry.who.name != "ours"):
        who, task = runner.row.entry.who, runner.row.entry.task.name
        with noting(runner.row):
            runner.step(CHECK_STEPS, FIRST_STEPS_SECONDS, check=True)
            if who.name == "ours":
                reference = scratch / f"values-{task}"
                runner.values(reference)
                references[task] = reference
            elif who.family != "limit" and task in references:
                runner.values(written)
                runner.row.check = compare(written, references[task], who.by_design, exact=who.family == "ours")
    for path in [written, *references.values()]:
        path.unlink(missing_ok=True)
