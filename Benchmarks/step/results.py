"""What a run found: seconds by round for every entry, and ratios paired within a round."""

import statistics
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Self

from step.cases import Case, Entry, Task
from step.compare import Comparison
from step.crew import Roll


@dataclass(frozen=True)
class Spread:
    """A median with its quartiles."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Self | None:
        values = list(values)
        if not values:
            return None
        if len(values) == 1:
            return cls(values[0], values[0], values[0])
        low, median, high = statistics.quantiles(values, n=4, method="inclusive")
        return cls(median, low, high)

    @property
    def relative(self) -> float:
        """The distance of the quartiles over the median."""
        return (self.high - self.low) / self.median


@dataclass(eq=False)
class Row:
    """One entry in one batch: seconds per step by round, or why it was not measured or failed at it."""

    entry: Entry
    batch: int
    seconds: dict[int, float] = field(default_factory=dict)
    check: Comparison | None = None
    skipped: str = ""
    failure: str = ""

    @property
    def time(self) -> Spread | None:
        return Spread.of(self.seconds.values())

    def over(self, other: "Row") -> list[float]:
        """This time over the other's, for each round that has both."""
        assert self.batch == other.batch
        return [self.seconds[index] / other.seconds[index] for index in self.seconds if index in other.seconds]


@dataclass(eq=False)
class CaseResult:
    """All rows of a case with one thread count. In a batch are rows that were measured in the same rounds."""

    case: Case
    threads: int
    rows: list[Row] = field(default_factory=list)

    def shown(self) -> Iterator[Row]:
        """Each entry once: ours and the limit may be in several batches."""
        for row in self.rows:
            if not any(earlier.entry == row.entry and earlier.batch < row.batch for earlier in self.rows):
                yield row

    def beside(self, row: Row, who: str, task: Task | None = None) -> Row | None:
        """The row of another implementation in the same batch, for the same task unless told otherwise."""
        for other in self.rows:
            wanted = (row.batch, who, task or row.entry.task)
            if (other.batch, other.entry.who.name, other.entry.task) == wanted:
                return other
        return None

    def ratio(self, task: Task, over: str, under: str) -> Spread | None:
        """The time of one over the time of the other, from the first batch that has both."""
        for row in self.rows:
            if row.entry.who.name == over and row.entry.task == task and (other := self.beside(row, under)):
                if spread := Spread.of(row.over(other)):
                    return spread
        return None

    def nanoseconds_per_parameter(self, who: str, task: Task) -> float | None:
        for row in self.rows:
            if row.entry.who.name == who and row.entry.task == task and row.time:
                return row.time.median / self.case.tensors.elements * 1e9
        return None


@dataclass
class Run:
    """Everything that goes into the report."""

    environment: dict[str, Any]
    rounds: int
    roll: Roll
    cases: list[CaseResult] = field(default_factory=list)
    call: dict[str, Any] = field(default_factory=dict)
    plan: dict[str, Any] = field(default_factory=dict)

    def find(self, name: str) -> list[CaseResult]:
        return [result for result in self.cases if result.case.name == name]

    @property
    def failed(self) -> list[str]:
        """What makes the run fail: numbers that differ, and our own absence or failure."""
        rows = [(result, row) for result in self.cases for row in result.shown()]
        absent = [f"ours: {self.roll.missing['ours']}"] if "ours" in self.roll.missing else []
        return absent + [
            f"{result.case.name}, {result.threads} threads, {row.entry.who.name}: {row.failure or 'numbers differ'}"
            for result, row in rows
            if (row.check and row.check.differs) or (row.failure and row.entry.who.family == "ours")
        ]
