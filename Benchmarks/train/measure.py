"""Measures a case: compares the first losses, then lets the contenders train in turns."""

import contextlib
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from step.worker import Refused, Worker, WorkerFailed

from train.cases import CONTENDERS, CONTIGUOUS, OURS, Case, Contender
from train.crew import start
from train.options import Options
from train.results import CaseResult, Part, Row

CHECK_STEPS = 4
# So small that it does not count in the peak of memory.
CHECK_BATCH = 16
LEAST_SECONDS = 0.5
# OpenMP threads of the one before spin for a while.
PAUSE_SECONDS = 0.05
TIMEOUT = 600


class Trainer:
    """A contender that is ready to train."""

    def __init__(self, row: Row, worker: Worker, case: Case, threads: int) -> None:
        self.row = row
        self.worker = worker
        self.number = worker.ask({"do": "prepare", "case": case.request(threads)}, TIMEOUT)["id"]
        self.count = 1

    def step(self) -> float:
        """Seconds a step."""
        return (
            self.worker.ask({"do": "step", "id": self.number, "count": self.count}, TIMEOUT)["seconds"]
            / self.count
        )

    def calibrate(self) -> None:
        """Warms up, and finds how many steps take long enough to measure."""
        seconds = min(self.step(), self.step())
        self.count = max(1, math.ceil(LEAST_SECONDS / seconds))


def measure(
    case: Case, threads: int, options: Options, scratch: Path, versions: dict[str, str]
) -> CaseResult:
    result = CaseResult(case, threads, {contender: Row(contender) for contender in CONTENDERS})
    with contextlib.ExitStack() as ending:
        workers: dict[Contender, Worker] = {}
        for contender, row in result.rows.items():
            with noting(row):
                workers[contender] = start(contender, threads, options.instructions)
                ending.callback(workers[contender].quit)
                versions[contender.name] = workers[contender].ask({"do": "hello"}, TIMEOUT)["version"]
        check(result, workers, scratch)
        train(result, workers, options.rounds)
        for contender, row in active(result):
            with noting(row):
                row.peak_bytes = workers[contender].ask({"do": "memory"}, TIMEOUT)["bytes"]
        if options.profile and not result.ours.failure:
            with noting(result.ours):
                request = {"do": "profile", "case": case.request(threads), "count": profile_steps(result)}
                result.parts = [Part(**part) for part in workers[OURS].ask(request, TIMEOUT)["parts"]]
    return result


def profile_steps(result: CaseResult) -> int:
    return max(1, min(50, math.ceil(2 / max(1e-6, min(result.ours.seconds.values(), default=1)))))


def active(result: CaseResult) -> list[tuple[Contender, Row]]:
    """Those that nothing has happened to."""
    return [(contender, row) for contender, row in result.rows.items() if not row.failure]


@contextlib.contextmanager
def noting(row: Row) -> Iterator[None]:
    """What goes wrong within becomes the row's reason."""
    try:
        yield
    except (OSError, Refused, WorkerFailed) as error:
        row.failure = str(error)


def check(result: CaseResult, workers: dict[Contender, Worker], scratch: Path) -> None:
    """Trains the same small batches everywhere, without dropout, from start values that torch makes."""
    path = scratch / "parameters"
    path.unlink(missing_ok=True)
    request: dict[str, Any] = {
        "do": "losses",
        "case": result.case.request(result.threads, CHECK_BATCH),
        "path": str(path),
        "count": CHECK_STEPS,
    }
    for contender, row in sorted(active(result), key=lambda item: item[0] != CONTIGUOUS):
        if contender == OURS and not path.exists():
            continue
        with noting(row):
            row.losses = workers[contender].ask(request, TIMEOUT)["losses"]
    path.unlink(missing_ok=True)


def train(result: CaseResult, workers: dict[Contender, Worker], rounds: int) -> None:
    trainers: dict[Contender, Trainer] = {}
    for contender, row in active(result):
        with noting(row):
            trainers[contender] = Trainer(row, workers[contender], result.case, result.threads)
            trainers[contender].calibrate()
    for index in range(rounds):
        turns = active(result)
        shift = index % max(1, len(turns))
        for contender, row in turns[shift:] + turns[:shift]:
            time.sleep(PAUSE_SECONDS)
            with noting(row):
                row.seconds[index] = trainers[contender].step()
        torch = result.rows[CONTIGUOUS]
        if not torch.failure:
            time.sleep(PAUSE_SECONDS)
            with noting(torch):
                product = workers[CONTIGUOUS].ask({"do": "matrix product"}, TIMEOUT)
                result.matrix_product[index] = product["per_second"]
