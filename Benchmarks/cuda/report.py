"""Turns what was measured on a GPU into tables, and says whether the targets are met."""

from __future__ import annotations

import statistics
from dataclasses import asdict, dataclass
from typing import Any

from step.table import Table

from cuda.bits import Comparison
from cuda.cases import ADAM_BYTES
from cuda.measure import Measured


@dataclass
class Found:
    environment: dict[str, str]
    rounds: int
    comparisons: list[Comparison]
    measured: list[Measured]

    @property
    def failed(self) -> list[str]:
        return [f"bits: {c.expression}, {c.dtype}: {c.difference or c.fallback}" for c in self.comparisons if c.failed]

    def times(self, case: str, contender: str) -> list[float] | None:
        """Seconds of a step by round; None where they were not measured."""
        for measured in self.measured:
            for times in measured.contenders:
                if (measured.case.name, times.name) == (case, contender) and times.seconds:
                    return times.seconds
        return None

    def ratio(self, case: str, slower: str, faster: str) -> float | None:
        """The median over rounds of how many times as long one takes as the other."""
        a, b = self.times(case, slower), self.times(case, faster)
        return statistics.median(x / y for x, y in zip(a, b)) if a and b else None

    def share_of_bandwidth(self, case: str, contender: str) -> float | None:
        """The part of a copy's bandwidth that a step of Adam reaches."""
        seconds = self.times(case, contender)
        for measured in self.measured:
            if measured.case.name == case and seconds:
                moved = ADAM_BYTES * measured.case.tensors.elements
                return statistics.median(moved / s / b for s, b in zip(seconds, measured.bandwidth))
        return None


def bits_table(found: Found) -> Table:
    result = Table(
        f"{len(found.comparisons)} comparisons of 20 steps with the CPU, of every bit of parameters and state",
        ["optimizer", "types", "where", "bits"], left={"types", "where", "bits"},
    )  # fmt: skip
    rows: dict[tuple[str, str, str], list[str]] = {}
    for c in found.comparisons:
        where = f"CPU: {c.fallback}" if c.fallback else "GPU"
        verdict = c.difference or ("not compared" if c.fallback else "equal")
        rows.setdefault((c.expression, where, verdict), []).append(c.dtype)
    result.rows = [[expression, ", ".join(types), where, bits] for (expression, where, bits), types in rows.items()]
    return result


def case_table(measured: Measured) -> Table:
    bandwidth = statistics.median(measured.bandwidth)
    result = Table(
        f"{measured.case.name}: {measured.case.tensors.title}",
        ["optimizer", "µs a step", "quartiles", "of ours", "quartile distance"], left={"quartiles"},
    )  # fmt: skip
    ours = measured.contenders[0].seconds
    for times in measured.contenders:
        if (spread := times.spread) is None:
            result.notes.append(f"not measured: {times.name} ({times.missing})")
            continue
        ratio = statistics.median(x / y for x, y in zip(times.seconds, ours)) if ours else float("nan")
        result.rows.append([
            times.name, f"{spread.median * 1e6:.1f}", f"[{spread.low * 1e6:.1f}, {spread.high * 1e6:.1f}]",
            f"{ratio:.2f}", f"{spread.relative:.1%}",
        ])  # fmt: skip
    result.notes.append(f"A copy within the GPU's memory in the same rounds: {bandwidth / 1e9:.0f} GB/s, read and written.")
    return result


def target_table(found: Found) -> Table:
    result = Table("Targets", ["target", "bound", "measured", "verdict"], left={"verdict"})
    lookahead = found.ratio("large/lookahead", "ours, Lookahead", "ours")
    targets = [
        ("Adam, 100 M parameters: of a copy's bandwidth", 0.85, found.share_of_bandwidth("large/adam", "ours"), True),
        ("Adam, 100 M parameters: faster than torch fused", 1.0, found.ratio("large/adam", "torch fused", "ours"), True),
        ("Adam, ResNet-18: faster than torch fused", 1.0, found.ratio("resnet18/adam", "torch fused", "ours"), True),
        ("Adam, 10,000 x 64: faster than torch fused", 3.0, found.ratio("small/adam", "torch fused", "ours"), True),
        ("Lookahead(Adam), k=5, 100 M parameters: over Adam", 1.06, lookahead, False),
        (
            "Lookahead(Adam), ResNet-18: faster than pytorch-optimizer's over fused", 1.5,
            found.ratio("resnet18/lookahead", "pytorch-optimizer over fused", "ours, Lookahead"), True,
        ),
        (
            "Lookahead(Adam), 100 M parameters: faster than pytorch-optimizer's over fused", 1.5,
            found.ratio("large/lookahead", "pytorch-optimizer over fused", "ours, Lookahead"), True,
        ),
    ]  # fmt: skip
    for name, bound, value, is_least in targets:
        sign = "≥" if is_least else "≤"
        met = value is not None and (value >= bound if is_least else value <= bound)
        verdict = "not measured" if value is None else "met" if met else "MISSED"
        result.rows.append([name, f"{sign} {bound}", "" if value is None else f"{value:.3f}", verdict])
    return result


def environment_table(found: Found) -> Table:
    result = Table("Environment", ["what", "value"], left={"value"})
    result.rows = [[key, value] for key, value in found.environment.items()]
    return result


def tables(found: Found) -> list[Table]:
    bits = [bits_table(found)] if found.comparisons else []
    return [*bits, *map(case_table, found.measured), target_table(found), environment_table(found)]


HEAD = "Medians of {rounds} rounds in which all took turns, of 20 steps each. Ratios are medians of each round's ratio."


def text(found: Found) -> str:
    return "\n\n".join([HEAD.format(rounds=found.rounds), *(table.text() for table in tables(found))])


def markdown(found: Found) -> str:
    return "\n\n".join([HEAD.format(rounds=found.rounds), *(table.markdown() for table in tables(found))]) + "\n"


def full_json(found: Found) -> dict[str, Any]:
    return {
        "environment": found.environment,
        "rounds": found.rounds,
        "bits": [asdict(comparison) for comparison in found.comparisons],
        "cases": [
            {
                "case": measured.case.name,
                "bytes_per_second_of_a_copy": measured.bandwidth,
                "seconds_of_a_step": {times.name: times.seconds or times.missing for times in measured.contenders},
            }
            for measured in found.measured
        ],
        "targets": [dict(zip(("target", "bound", "measured", "verdict"), row)) for row in target_table(found).rows],
    }
