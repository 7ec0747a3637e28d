"""Results made by hand, for the tests beside this file."""

from train.cases import CHANNELS_LAST, CONTIGUOUS, NETWORKS, OPTIMIZERS, OURS, Case, Contender
from train.results import CaseResult, Row, Run


def case(network: str = "lenet", shape: str = "28x28x1", batch: int = 128) -> Case:
    found = next(each for each in NETWORKS if each.name == network)
    return Case(found, shape, OPTIMIZERS["adam"], batch)


def row(contender: Contender, *seconds: float, **more: object) -> Row:
    """Seconds of a step in the rounds from 0 on."""
    result = Row(contender, dict(enumerate(seconds)))
    for name, value in more.items():
        setattr(result, name, value)
    return result


def result(*rows: Row, network: str = "lenet", threads: int = 2, batch: int = 128) -> CaseResult:
    return CaseResult(case(network, batch=batch), threads, {each.contender: each for each in rows})


def with_losses(
    ours: list[float], contiguous: list[float], channels_last: list[float] | None = None
) -> CaseResult:
    rows = [row(OURS, losses=ours), row(CONTIGUOUS, losses=contiguous)]
    return result(*rows, row(CHANNELS_LAST, losses=channels_last or []))


def run(*results: CaseResult, load: float = 0.1) -> Run:
    environment = {
        "date": "2026-01-02T03:04:05+00:00", "cpu": "a processor", "cores": 2, "memory": "8 kB",
        "transparent_huge_pages": "madvise", "kernel": "Linux 6", "python": "3.12.0",
        "load_average_before": [load, 0.25, 0.5],
    }  # fmt: skip
    return Run(environment, 9, versions={"convtrain": "1.0"}, cases=list(results))
