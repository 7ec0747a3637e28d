"""What the project promises of a step, each promise with the measurement that decides it."""

from collections.abc import Callable
from dataclasses import dataclass

from step.cases import ADAM, ADAM_CLIP, LOOKAHEAD_5, SGD, Task
from step.derived import flatness, overheads
from step.results import Run, Spread

Found = list[tuple[str, Spread]]


@dataclass(frozen=True)
class Target:
    """A promise over one or more measurements; the worst decides."""

    claim: str
    bound: float
    unit: str
    measure: Callable[[Run], Found]
    at_least: bool = False

    def worst(self, found: Found) -> tuple[str, Spread]:
        return (min if self.at_least else max)(found, key=lambda item: item[1].median)

    def met(self, value: float) -> bool:
        return value >= self.bound if self.at_least else value <= self.bound


def threads(count: int) -> str:
    return f"{count} thread" + ("s" if count > 1 else "")


def ratio(over: str, under: str, *cases: tuple[str, Task]) -> Callable[[Run], Found]:
    """The time of one implementation over the other's, for each case and each number of threads."""

    def measure(run: Run) -> Found:
        return [
            (f"{name}, {threads(result.threads)}", spread)
            for name, task in cases
            for result in run.find(name)
            if (spread := result.ratio(task, over, under))
        ]

    return measure


def lookahead_overhead(run: Run) -> Found:
    """Percent over Adam at k = 5, derived from the cost of a sync in every step."""
    return [
        (f"{overhead.result.case.name}, {threads(overhead.result.threads)}", overhead.derived)
        for result in run.cases
        for overhead in overheads(result)
        if overhead.who == "ours" and overhead.derived
    ]


def number(where: str, part: Callable[[Run], dict], key: str) -> Callable[[Run], Found]:
    def measure(run: Run) -> Found:
        value = part(run).get(key)
        return [] if value is None else [(where, Spread(value, value, value))]

    return measure


def cost_per_parameter(run: Run) -> Found:
    found = flatness(run)
    return [(f"{found.worst} against {found.sizes}", Spread(found.factor, found.factor, found.factor))] if found else []


STEP = (("resnet18/adam", ADAM), ("resnet18/sgd", SGD))
LARGE = (("flat-64M/adam", ADAM), ("flat-256M/adam", ADAM))
SMALL = (("small/adam", ADAM), ("small/sgd", SGD))
LOOP = "torch for-loop (default)"
FOREIGN = "ours, foreign memory"

TARGETS = (
    Target("Adam, SGD on ResNet-18: time over the limit", 1.15, "×", ratio("ours", "limit", *STEP)),
    Target("Adam, SGD on ResNet-18: faster than torch fused", 1.25, "×", ratio("torch fused", "ours", *STEP), True),
    Target("Adam, SGD on ResNet-18: faster than torch's default", 4, "×", ratio(LOOP, "ours", *STEP), True),
    Target("Adam at 64M and 256M: time over the limit", 1.10, "×", ratio("ours", "limit", *LARGE)),
    Target("Adam at 64M and 256M: not slower than torch fused", 1, "×", ratio("torch fused", "ours", *LARGE), True),
    Target("10,000 x 64, arena: faster than torch fused", 200, "×", ratio("torch fused", "ours", *SMALL), True),
    Target("10,000 x 64, foreign: faster than torch fused", 100, "×", ratio("torch fused", FOREIGN, *SMALL), True),
    Target("Lookahead(Adam), k=5: over Adam, derived", 8, "%", lookahead_overhead),
    Target(
        "Lookahead(Adam), k=5: faster than pytorch-optimizer",
        1.5,
        "×",
        ratio("pytorch-optimizer over fused", "ours", ("resnet18/lookahead", LOOKAHEAD_5)),
        True,
    ),
    Target(
        "Clip by global norm + Adam: faster than torch's + fused",
        1.6,
        "×",
        ratio("torch fused", "ours", ("resnet18/adam-clip", ADAM_CLIP)),
        True,
    ),
    Target("Composed call through both vtables", 50, "ns", number("empty step", lambda run: run.call, "empty_ns")),
    Target(
        "Load, create and plan ResNet-18 under lookahead(adam)",
        10,
        "ms",
        number("median of fresh processes", lambda run: run.plan, "total_ms"),
    ),
    Target("Cost per parameter, 10^4 to 2.7 * 10^8: off constant", 1.3, "×", cost_per_parameter),
)
