"""Turns a run into tables for the terminal and for Markdown, and into JSON."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from step.cases import FAMILIES
from step.derived import overheads, per_parameter
from step.results import CaseResult, Row, Run, Spread
from step.table import Table
from step.targets import TARGETS, Target, threads

COLUMNS = ["implementation", "ms/step", "ns/param", "GB/s", "time / ours", "time / limit", "numbers after 7 steps"]
READING = (
    "Medians over {rounds} rounds, quartiles in brackets. In a round every implementation is measured once, and ratios "
    "are taken within a round: above 1 is slower. GB/s counts the bytes that the step cannot avoid to move. The limit "
    "is a loop in C over the same memory that does next to no arithmetic."
)

BUSY_LOAD = 0.5
NOISY_SPREAD = 0.1


def ratio(spread: Spread | None) -> str:
    if spread is None:
        return ""
    digits = 2 if spread.median < 20 else 0
    return f"{spread.median:.{digits}f} [{spread.low:.{digits}f}, {spread.high:.{digits}f}]"


def milliseconds(seconds: float) -> str:
    value = seconds * 1e3
    return f"{value:.0f}" if value >= 1000 else f"{value:.3g}"


def cells(result: CaseResult, row: Row, name: str) -> list[str]:
    time = row.time
    if time is None or row.failure:
        return [name, "", "", "", "", "", f"failed: {row.failure}" if row.failure else f"skipped: {row.skipped}"]
    elements, task = result.case.tensors.elements, row.entry.task

    def over(who: str) -> str:
        other = result.beside(row, who)
        return ratio(Spread.of(row.over(other))) if other and other is not row else ""

    return [
        name,
        milliseconds(time.median),
        f"{time.median / elements * 1e9:.3f}",
        f"{task.bytes_per_parameter * elements / time.median / 1e9:.1f}",
        over("ours"),
        over("limit"),
        str(row.check or ""),
    ]


def case_table(run: Run, result: CaseResult) -> Table:
    case = result.case
    tasks = list(dict.fromkeys(entry.task for entry in case.entries))
    title = f"{case.name}: {'; '.join(task.title for task in tasks)}. {case.tensors.title}, {threads(result.threads)}"
    table = Table(title, COLUMNS, left={COLUMNS[-1]})
    for row in result.shown():
        if row.entry.who.family not in run.roll.missing:
            name = row.entry.who.name + (f": {row.entry.task.title}" if len(tasks) > 1 else "")
            table.rows.append(cells(result, row, name))
    return table


def overhead_table(run: Run) -> Table:
    table = Table(
        "Lookahead, k=5: percent over its own Adam",
        ["case", "who", "base", "measured", "derived"],
        left={"who", "base"},
    )
    table.notes.append("Derived: a fifth of what k=1 adds. The measured number is a small difference of large ones.")

    def percent(spread: Spread | None) -> str:
        return f"{spread.median:.1f} [{spread.low:.1f}, {spread.high:.1f}]" if spread else ""

    for result in run.cases:
        for found in overheads(result):
            case = f"{result.case.name}, {threads(result.threads)}"
            table.rows.append([case, found.who, found.base, percent(found.direct), percent(found.derived)])
    return table


def target_cells(run: Run, target: Target) -> list[str]:
    bound = f"{'≥' if target.at_least else '≤'} {target.bound:g} {target.unit}"
    found = target.measure(run)
    if not found:
        return [target.claim, bound, "", "not measured", ""]
    where, spread = target.worst(found)
    verdict = "met" if target.met(spread.median) else "MISSED"
    worst = f"worst of {len(found)}: {where}" if len(found) > 1 else where
    return [target.claim, bound, f"{spread.median:.3g} {target.unit}", verdict, worst]


def target_table(run: Run) -> Table:
    table = Table("Targets", ["target", "bound", "measured", "verdict", "where"], left={"verdict", "where"})
    table.rows = [target_cells(run, target) for target in TARGETS]
    return table


def environment_table(run: Run) -> Table:
    found = run.environment
    caches = ", ".join(f"{name} {size >> 10:,} KiB" for name, size in found["caches"].items())
    load = ", ".join(f"{value:.2f}" for value in found["load_average_before"])
    rows = [
        ["processor", f"{found['cpu']}, {found['cores']} cores to use, {caches}"],
        ["memory", f"{found['memory']}, transparent huge pages: {found['transparent_huge_pages']}"],
        ["system", f"{found['kernel']}, Python {found['python']}"],
        ["before the run", f"{found['date']}, load average {load}"],
        ["noise", noise(run)],
        ["versions", "; ".join(f"{name} {version}" for name, version in run.roll.versions.items()) or "none"],
    ]
    return Table("Machine", ["", "found"], rows, {"found"})


def limit_spreads(run: Run) -> list[float]:
    times = [row.time for result in run.cases for row in result.rows if row.entry.who.family == "limit"]
    return sorted(time.relative for time in times if time)


def noise(run: Run) -> str:
    spreads = limit_spreads(run)
    if not spreads:
        return "unknown, the limit was not measured"
    middle = spreads[len(spreads) // 2]
    return f"quartiles of the limit's own times lie {middle:.1%} of the median apart, {spreads[-1]:.1%} at worst"


def disturbed(run: Run) -> list[str]:
    """A warning where others used the machine, which libraries on OpenMP suffer from far more than their share."""
    load, spreads = run.environment["load_average_before"][0], limit_spreads(run)
    if load <= BUSY_LOAD and (not spreads or spreads[len(spreads) // 2] <= NOISY_SPREAD):
        return []
    return [
        "WARNING: the machine was busy or the run noisy (see Machine). Threads of OpenMP wait for each other at every "
        "tensor, so with several threads their libraries look much worse here than on a quiet machine."
    ]


def missing(run: Run) -> list[str]:
    return [f"not measured: {name} ({why}). To get it: {FAMILIES[name]}" for name, why in run.roll.missing.items()]


def tables(run: Run) -> Iterator[Table]:
    for result in run.cases:
        if (table := case_table(run, result)).rows:
            yield table
    if (table := overhead_table(run)).rows:
        yield table
    yield target_table(run)
    yield environment_table(run)


def text(run: Run) -> str:
    parts = [table.text() for table in tables(run)]
    return "\n\n".join([READING.format(rounds=run.rounds), *disturbed(run), *parts, "\n".join(missing(run))]).rstrip()


def markdown(run: Run) -> str:
    parts = [table.markdown() for table in tables(run)]
    return "\n\n".join([READING.format(rounds=run.rounds), *disturbed(run), *parts, *missing(run)]) + "\n"


def as_json(run: Run) -> dict[str, Any]:
    return {
        "environment": run.environment,
        "rounds": run.rounds,
        "versions": run.roll.versions,
        "missing": run.roll.missing,
        "limit_relative_quartile_distances": limit_spreads(run),
        "call": run.call,
        "plan": run.plan,
        "cases": [case_json(result) for result in run.cases],
        "overheads": [
            {"case": result.case.name, "threads": result.threads, "who": found.who, "base": found.base}
            | {"direct_percent": spread_json(found.direct), "derived_percent": spread_json(found.derived)}
            for result in run.cases
            for found in overheads(result)
        ],
        "nanoseconds_per_parameter": {who: per_parameter(run, who) for who in ("ours", "limit")},
        "targets": [target_json(run, target) for target in TARGETS],
    }


def spread_json(spread: Spread | None) -> dict[str, float] | None:
    return vars(spread) if spread else None


def case_json(result: CaseResult) -> dict[str, Any]:
    return {
        "case": result.case.name,
        "threads": result.threads,
        "tensors": len(result.case.tensors.shapes),
        "parameters": result.case.tensors.elements,
        "rows": [
            {
                "who": row.entry.who.name,
                "task": row.entry.task.name,
                "batch": row.batch,
                "seconds_per_step_by_round": row.seconds,
                "check": vars(row.check) if row.check else None,
                "skipped": row.skipped,
                "failure": row.failure,
            }
            for row in result.rows
        ],
    }


def target_json(run: Run, target: Target) -> dict[str, Any]:
    found = target.measure(run)
    measured = [{"where": where} | vars(spread) for where, spread in found]
    return {
        "claim": target.claim,
        "bound": target.bound,
        "at_least": target.at_least,
        "unit": target.unit,
        "measured": measured,
        "met": target.met(target.worst(found)[1].median) if found else None,
    }


def write(run: Run, json_path: Path, markdown_path: Path) -> None:
    for path, content in ((json_path, json.dumps(as_json(run), indent=1) + "\n"), (markdown_path, markdown(run))):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
