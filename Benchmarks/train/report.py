"""Turns a run into tables for the terminal and for Markdown, and into JSON."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from step.results import Spread
from step.table import Table

from train.cases import OURS, Contender
from train.results import CaseResult, Row, Run, verdicts
from train.shares import KINDS, by_kind

READING = (
    "Medians over {rounds} rounds, quartiles in brackets. In a round every contender trains for half a second "
    "or one step, in turns, and ratios are taken within a round. PyTorch runs with the allocator told to keep "
    "its memory."
)
BUSY_LOAD = 0.5


def ratio(spread: Spread | None) -> str:
    return f"{spread.median:.2f} [{spread.low:.2f}, {spread.high:.2f}]" if spread else ""


def whole(spread: Spread | None) -> str:
    digits = 1 if spread and spread.median < 100 else 0
    return (
        f"{spread.median:,.{digits}f} [{spread.low:,.{digits}f}, {spread.high:,.{digits}f}]" if spread else ""
    )


def name(result: CaseResult) -> str:
    return f"{result.case.name}, {result.threads} thread" + ("s" if result.threads > 1 else "")


def speed_table(run: Run) -> Table:
    columns = ["case", "contender", "images/s", "convtrain over it", "peak MB", "of the peak's FLOP/s"]
    table = Table("Training", columns, left={"contender"})
    for result in run.cases:
        for contender, row in result.rows.items():
            table.rows.append([name(result), contender.name, *cells(result, contender, row)])
    return table


def cells(result: CaseResult, contender: Contender, row: Row) -> list[str]:
    if row.failure or not row.seconds:
        return [f"failed: {row.failure}" if row.failure else "not measured", "", "", ""]
    return [
        whole(result.speed(row)),
        "" if contender == OURS else ratio(result.advantage(row)),
        f"{row.peak_bytes / 1e6:,.0f}",
        ratio(result.share_of_peak(row)),
    ]


def share_table(run: Run) -> Table:
    columns = ["case", *(f"{kind}, %" for kind in KINDS), "products, GFLOP/s", "matrix product, GFLOP/s"]
    table = Table("Where the time of our steps goes", columns)
    for result in run.cases:
        if not result.parts:
            continue
        total = sum(part.seconds for part in result.parts)
        kinds = by_kind(result.parts)
        working = sum(part.seconds for part in result.parts if part.products)
        table.rows.append(
            [
                name(result),
                *(f"{kinds[kind] / total * 100:.1f}" for kind in KINDS),
                f"{result.products / working / 1e9:.0f}" if working else "",
                f"{result.peak.median / 1e9:.0f}" if result.peak else "",
            ]
        )
    table.notes.append(
        "Operations of products are counted as a direct convolution has them: one that takes fewer can "
        "exceed the matrix product's rate."
    )
    return table


def target_table(run: Run) -> Table:
    table = Table("Targets", ["case", "target", "bound", "measured", "verdict"], left={"target", "verdict"})
    for result in run.cases:
        for found in verdicts(result):
            bound = f"{'≥' if found.at_least else '≤'} {found.bound:g}"
            value = "" if found.value is None else f"{found.value:.2f}"
            word = {None: "not measured", True: "met", False: "MISSED"}[found.met]
            table.rows.append([name(result), found.claim, bound, value, word])
    return table


def environment_table(run: Run) -> Table:
    found = run.environment
    load = ", ".join(f"{value:.2f}" for value in found["load_average_before"])
    rows = [
        ["processor", f"{found['cpu']}, {found['cores']} cores to use, instructions: {run.instructions}"],
        ["memory", f"{found['memory']}, transparent huge pages: {found['transparent_huge_pages']}"],
        ["system", f"{found['kernel']}, Python {found['python']}"],
        ["before the run", f"{found['date']}, load average {load}"],
        ["versions", "; ".join(f"{name} {version}" for name, version in run.versions.items()) or "none"],
    ]
    return Table("Machine", ["", "found"], rows, {"found"})


def disturbed(run: Run) -> list[str]:
    """A warning where others used the machine."""
    if run.environment["load_average_before"][0] <= BUSY_LOAD:
        return []
    return ["WARNING: others used the machine before the run, and maybe during it: the ratios are less sure."]


def tables(run: Run) -> Iterator[Table]:
    yield speed_table(run)
    if (table := share_table(run)).rows:
        yield table
    yield target_table(run)
    yield environment_table(run)


def text(run: Run) -> str:
    parts = [table.text() for table in tables(run)]
    return "\n\n".join([READING.format(rounds=run.rounds), *disturbed(run), *parts])


def markdown(run: Run) -> str:
    parts = [table.markdown() for table in tables(run)]
    return "\n\n".join([READING.format(rounds=run.rounds), *disturbed(run), *parts]) + "\n"


def as_json(run: Run) -> dict[str, Any]:
    return {
        "environment": run.environment,
        "rounds": run.rounds,
        "instructions": run.instructions,
        "versions": run.versions,
        "cases": [case_json(result) for result in run.cases],
    }


def case_json(result: CaseResult) -> dict[str, Any]:
    return {
        "case": result.case.name,
        "threads": result.threads,
        "batch": result.case.batch,
        "optimizer": result.case.optimizer.name,
        "contenders": [
            {
                "name": row.contender.name,
                "seconds_per_step_by_round": row.seconds,
                "losses": row.losses,
                "peak_bytes": row.peak_bytes,
                "failure": row.failure,
            }
            for row in result.rows.values()
        ],
        "matrix_product_per_second_by_round": result.matrix_product,
        "parts": [vars(part) for part in result.parts],
        "targets": [vars(found) | {"met": found.met} for found in verdicts(result)],
    }


def write(run: Run, json_path: Path, markdown_path: Path) -> None:
    for path, content in (
        (json_path, json.dumps(as_json(run), indent=1) + "\n"),
        (markdown_path, markdown(run)),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
