"""Turns a run into tables for the terminal and for Markdown, and into JSON."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from step.cases import FAMILIES
from step.report import (
    READING,
    as_json,
    case_table,
    disturbed,
    environment_table,
    spread_json,
    target_cells,
    target_json,
)
from step.results import Run, Spread
from step.table import Table
from step.targets import threads

from python import jax_part
from python.calls import CallResult
from python.jax_part import JaxPart
from python.targets import targets

NOTE = (
    "Ours is optplug.torch. It and torch's are called as optimizer.step(), with gradients that lie where torch "
    "has put them. The limit's arrays lie side by side."
)
HINTS = FAMILIES | {"ours": "Benchmarks/run python without --skip-build"}


@dataclass
class PythonRun:
    """The step benchmark's results, and what is measured only here."""

    run: Run
    calls: list[CallResult] = field(default_factory=list)
    jax: JaxPart | None = None

    @property
    def failed(self) -> list[str]:
        calls = [
            f"calls: {call.tensors.name}/{call.task.name}, {threads(call.threads)}: {call.failure}"
            for call in self.calls
            if call.failure
        ]
        return self.run.failed + calls


def call_table(calls: list[CallResult]) -> Table:
    result = Table(
        "A step of ours in microseconds, and what of it lies outside the library's call",
        ["optimizer", "tensors", "threads", "step", "outside", "outside per tensor"],
        left={"tensors"},
    )
    result.notes.append("Outside: Python, torch's hooks around a step, and the clock that is read twice.")

    def cell(spread: Spread | None, count: int = 1, digits: int = 0) -> str:
        if spread is None:
            return ""
        median, low, high = (f"{value / count:.{digits}f}" for value in (spread.median, spread.low, spread.high))
        return f"{median} [{low}, {high}]"

    for call in calls:
        outside, count = call.microseconds_outside, len(call.tensors.shapes)
        cells = [cell(call.microseconds), cell(outside), cell(outside, count, 2)]
        result.rows.append([call.task.title, call.tensors.title, str(call.threads), *cells])
    return result


def target_table(found: PythonRun) -> Table:
    result = Table("Targets", ["target", "bound", "measured", "verdict", "where"], left={"verdict", "where"})
    result.rows = [target_cells(found.run, target) for target in targets(found.calls)]
    return result


def tables(found: PythonRun) -> Iterator[Table]:
    for result in found.run.cases:
        if (table := case_table(found.run, result)).rows:
            yield table
    yield call_table(found.calls)
    if found.jax and found.jax.rows:
        yield jax_part.table(found.jax)
    yield target_table(found)
    yield environment_table(found.run)


def left_out(found: PythonRun) -> list[str]:
    absent = [f"not measured: {name} ({why}). To get it: {HINTS[name]}" for name, why in found.run.roll.missing.items()]
    jax = [f"not run: JAX's part ({found.jax.failure})"] if found.jax and found.jax.failure else []
    return absent + jax


def head(found: PythonRun) -> list[str]:
    return [READING.format(rounds=found.run.rounds), NOTE, *disturbed(found.run)]


def text(found: PythonRun) -> str:
    return "\n\n".join([*head(found), *(table.text() for table in tables(found)), *left_out(found)])


def markdown(found: PythonRun) -> str:
    return "\n\n".join([*head(found), *(table.markdown() for table in tables(found)), *left_out(found)]) + "\n"


def full_json(found: PythonRun) -> dict[str, Any]:
    whole = as_json(found.run)
    ours = ("environment", "rounds", "versions", "missing", "limit_relative_quartile_distances", "cases")
    return {key: whole[key] for key in ours} | {
        "calls": [
            {"tensors": call.tensors.name, "task": call.task.name, "threads": call.threads, "failure": call.failure}
            | {"microseconds": spread_json(call.microseconds), "by_round": call.total}
            | {"microseconds_outside": spread_json(call.microseconds_outside), "outside_by_round": call.outside}
            for call in found.calls
        ],
        "jax": vars(found.jax) if found.jax else None,
        "targets": [target_json(found.run, target) for target in targets(found.calls)],
    }
