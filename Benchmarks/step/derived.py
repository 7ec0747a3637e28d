"""Numbers that follow from several measurements: what Lookahead costs over its base, and how flat the cost is."""

import statistics
from collections.abc import Iterator
from dataclasses import dataclass

from step.cases import ADAM, LOOKAHEAD_1, LOOKAHEAD_5, OURS_FOREIGN, OURS_JIT_FOREIGN, TORCH_FUSED, Task
from step.results import CaseResult, Row, Run, Spread

# Parameters, gradients and both moments of Adam.
WORKING_SET_BYTES = 16


@dataclass(frozen=True)
class Overhead:
    """Percent that Lookahead with k = 5 adds to its base; derived is a fifth of what k = 1 adds."""

    result: CaseResult
    who: str
    base: str
    direct: Spread | None
    derived: Spread | None


def overheads(result: CaseResult) -> Iterator[Overhead]:
    """For each implementation of Lookahead in a case that measures its base too, in the same rounds."""
    names = dict.fromkeys(row.entry.who.name for row in result.rows if row.entry.task in (LOOKAHEAD_1, LOOKAHEAD_5))
    for name in names:
        if name in (OURS_FOREIGN.name, OURS_JIT_FOREIGN.name):
            continue
        has_adam = any(row.entry.who.name == name and row.entry.task == ADAM for row in result.rows)
        base = name if has_adam else TORCH_FUSED.name
        direct = percent(result, name, LOOKAHEAD_5, base, 1)
        derived = percent(result, name, LOOKAHEAD_1, base, 5)
        if direct or derived:
            yield Overhead(result, name, base, direct, derived)


def percent(result: CaseResult, who: str, task: Task, base: str, steps: int) -> Spread | None:
    """What the task adds to its base, spread over some steps; of the first batch that has both."""
    for row in result.rows:
        if row.entry.who.name == who and row.entry.task == task:
            adam: Row | None = result.beside(row, base, ADAM)
            if adam and (spread := Spread.of((ratio - 1) / steps * 100 for ratio in row.over(adam))):
                return spread
    return None


@dataclass(frozen=True)
class Flatness:
    """How far the cost per parameter is from a constant."""

    factor: float
    worst: str
    sizes: str


def per_parameter(run: Run, who: str = "ours") -> dict[int, float]:
    """Nanoseconds per parameter of Adam on one tensor with all threads, by size."""
    most = max((result.threads for result in run.cases), default=0)
    return {
        result.case.tensors.elements: cost
        for result in run.cases
        if result.case.name.startswith("flat-")
        and result.case.name.endswith("/adam")
        and result.threads == most
        and (cost := result.nanoseconds_per_parameter(who, ADAM)) is not None
    }


def flatness(run: Run) -> Flatness | None:
    """The constant is the median over sizes of twice the last cache and more. No size, in the cache or out of it, may
    cost more than the bound allows; and those out of it may not cost less either."""
    costs = per_parameter(run)
    last_cache = max(run.environment["caches"].values(), default=0)
    outside = {size: cost for size, cost in costs.items() if size * WORKING_SET_BYTES >= 2 * last_cache}
    if len(outside) < 2:
        return None
    constant = statistics.median(outside.values())
    factors = {size: cost / constant for size, cost in costs.items()}
    for size in outside:
        factors[size] = max(factors[size], 1 / factors[size])
    worst = max(factors, key=lambda size: factors[size])
    return Flatness(
        factors[worst],
        f"{worst:,} parameters",
        f"{constant:.3f} ns, the median from {min(outside):,} to {max(outside):,}",
    )
