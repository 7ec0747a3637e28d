"""Microseconds of a step of optplug.torch, and those outside the library's call: what Python takes."""

from dataclasses import dataclass, field

from step.cases import OURS, Task, Tensors
from step.crew import Absent, Crew
from step.measure import LEAST_SECONDS, PREPARE_SECONDS, STEP_SECONDS
from step.results import Spread
from step.worker import Refused, Worker, WorkerFailed

from python.cases import CALLS


@dataclass(eq=False)
class CallResult:
    """One optimizer over some tensors; a number for each round."""

    tensors: Tensors
    task: Task
    threads: int
    total: list[float] = field(default_factory=list)
    outside: list[float] = field(default_factory=list)
    failure: str = ""

    @property
    def microseconds(self) -> Spread | None:
        return Spread.of(self.total)

    @property
    def microseconds_outside(self) -> Spread | None:
        return Spread.of(self.outside)


def measure(crew: Crew, rounds: int) -> list[CallResult]:
    """All of them in turns, round by round."""
    results = [CallResult(tensors, task, crew.threads) for tensors, task in CALLS]
    try:
        worker = crew.worker(OURS.family)
    except Absent as error:
        for result in results:
            result.failure = str(error)
        return results
    runners = []
    for result in results:
        try:
            runners.append((result, *prepare(worker, crew, result)))
        except (Refused, WorkerFailed) as error:
            result.failure = str(error)
    for index in range(rounds):
        shift = index % max(1, len(runners))
        for result, number, count in runners[shift:] + runners[:shift]:
            try:
                reply = worker.ask({"do": "step inside", "id": number, "count": count}, STEP_SECONDS)
            except (Refused, WorkerFailed) as error:
                result.failure = str(error)
                continue
            result.total.append(reply["seconds"] / count * 1e6)
            result.outside.append((reply["seconds"] - reply["inside"]) / count * 1e6)
    return results


def prepare(worker: Worker, crew: Crew, result: CallResult) -> tuple[int, int]:
    """The number under which the worker has it, and how many steps take long enough to measure."""
    case = {
        "tensors": result.tensors.shapes,
        "layout": OURS.layout,
        "optimizer": result.task.optimizer,
        "hyperparameters": result.task.hyperparameters,
        "clip": None,
        "threads": crew.threads,
    }
    request = {"do": "prepare", "implementation": OURS.implementation, "case": case}
    number = worker.ask(request, PREPARE_SECONDS)["id"]
    period = result.task.period
    worker.ask({"do": "step", "id": number, "count": period}, STEP_SECONDS)
    seconds = worker.ask({"do": "step", "id": number, "count": period}, STEP_SECONDS)["seconds"]
    return number, period * max(1, round(LEAST_SECONDS / max(seconds, 1e-9)))
