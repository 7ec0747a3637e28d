"""What a run found: seconds by round for every contender, and ratios paired within a round."""

from dataclasses import dataclass, field
from typing import Any

from step.results import Spread

from train.cases import MEMORY_BOUND, OURS, TORCHES, Case, Contender

# Relative; the first losses of one network differ by rounding alone, later ones by what training makes of it.
FIRST_LOSS_TOLERANCE = 1e-4
LOSS_TOLERANCE = 1e-2
# Where PyTorch's own two layouts lie further apart than that, as with networks whose every layer normalises small
# batches: so many times their distance.
LAYOUT_FACTOR = 3


@dataclass(eq=False)
class Row:
    """One contender in one case: seconds a step by round, or why there are none."""

    contender: Contender
    seconds: dict[int, float] = field(default_factory=dict)
    losses: list[float] = field(default_factory=list)
    peak_bytes: int = 0
    failure: str = ""


@dataclass(frozen=True)
class Part:
    """Something of a step: mean seconds, and the floating-point operations of the products in it."""

    name: str
    seconds: float
    products: float


@dataclass(eq=False)
class CaseResult:
    case: Case
    threads: int
    rows: dict[Contender, Row]
    # Floating-point operations a second of a plain matrix product, by round.
    matrix_product: dict[int, float] = field(default_factory=dict)
    parts: list[Part] = field(default_factory=list)

    @property
    def ours(self) -> Row:
        return self.rows[OURS]

    @property
    def best_torch(self) -> Row | None:
        """The faster of torch's memory layouts, by the medians."""
        measured = [self.rows[each] for each in TORCHES if each in self.rows and self.rows[each].seconds]
        return min(measured, key=lambda row: spread(row).median) if measured else None

    def speed(self, row: Row) -> Spread | None:
        return Spread.of(self.case.batch / each for each in row.seconds.values())

    def advantage(self, row: Row) -> Spread | None:
        """Our images a second over the row's, for each round that has both."""
        ours = self.ours.seconds
        return Spread.of(row.seconds[index] / ours[index] for index in ours if index in row.seconds)

    @property
    def memory_ratio(self) -> float | None:
        """Our peak over that of the faster torch."""
        best = self.best_torch
        return (
            self.ours.peak_bytes / best.peak_bytes
            if best and best.peak_bytes and self.ours.peak_bytes
            else None
        )

    @property
    def peak(self) -> Spread | None:
        return Spread.of(self.matrix_product.values())

    @property
    def products(self) -> float:
        """Floating-point operations of the products of a step."""
        return sum(part.products for part in self.parts)

    def share_of_peak(self, row: Row) -> Spread | None:
        """Operations a second of a whole step over the matrix product's, for each round that has both."""
        products, peaks = self.products, self.matrix_product
        if not products:
            return None
        return Spread.of(
            products / row.seconds[index] / peaks[index] for index in row.seconds if index in peaks
        )

    @property
    def loss_difference(self) -> str:
        """Where our losses are not PyTorch's."""
        theirs = {
            each: self.rows[each].losses for each in TORCHES if each in self.rows and self.rows[each].losses
        }
        for step, mine in enumerate(self.ours.losses):
            others = [losses[step] for losses in theirs.values()]
            apart = max(others, default=0) - min(others, default=0)
            for contender, other in zip(theirs, others):
                tolerance = (FIRST_LOSS_TOLERANCE if step == 0 else LOSS_TOLERANCE) * abs(other)
                if step > 0:
                    tolerance = max(tolerance, LAYOUT_FACTOR * apart)
                if not abs(mine - other) <= tolerance:
                    return f"loss of step {step + 1} is {mine:.6g} and {other:.6g} in {contender.name}"
        return ""


def spread(row: Row) -> Spread:
    found = Spread.of(row.seconds.values())
    assert found
    return found


@dataclass(frozen=True)
class Verdict:
    """A promise and what became of it."""

    claim: str
    bound: float
    at_least: bool
    value: float | None

    @property
    def met(self) -> bool | None:
        if self.value is None:
            return None
        return self.value >= self.bound if self.at_least else self.value <= self.bound


def verdicts(result: CaseResult) -> list[Verdict]:
    best = result.best_torch
    advantage = result.advantage(best) if best else None
    return [
        Verdict(
            "images/s over the better torch",
            result.case.network.bound,
            True,
            advantage.median if advantage else None,
        ),
        Verdict("peak memory over that torch's", MEMORY_BOUND, False, result.memory_ratio),
    ]


@dataclass
class Run:
    """Everything that goes into the report."""

    environment: dict[str, Any]
    rounds: int
    instructions: str = "native"
    versions: dict[str, str] = field(default_factory=dict)
    cases: list[CaseResult] = field(default_factory=list)

    @property
    def failed(self) -> list[str]:
        """What makes the run fail: another computation than PyTorch's, and our own failure."""
        found = []
        for result in self.cases:
            if result.ours.failure:
                found.append(f"{result.case.name}: {result.ours.failure}")
            if result.loss_difference:
                found.append(f"{result.case.name}: {result.loss_difference}")
        return found
