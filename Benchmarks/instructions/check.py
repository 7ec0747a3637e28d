#!/usr/bin/env python3
"""Counts the instructions of a step and compares them with those of the last release.

Times on a busy machine differ by tens of percent from run to run; the number of instructions does not, so
that it shows whether a change made the step longer. Every number is a difference of two runs under callgrind
that differ in the number of steps only, so that start-up drops out; plugins are counted like everything else.

    Benchmarks/run instructions                            compares with the last release
    Benchmarks/run instructions --write --release 1.2.0    makes these counts the ones to compare with

Growth above 3 % fails (15 % for a piece, which is a small difference of large numbers).

Needs valgrind, and a release build of stepbench and the plugins. Exit status: 0 nothing grew beyond the
tolerance; 1 something did; 64 wrong usage; 69 valgrind or the build is missing.
"""

import argparse
import concurrent.futures
import dataclasses
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import typing

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from callgrind import Program, Unavailable  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
COUNTS = pathlib.Path(__file__).resolve().parent / "counts.json"
USAGE, UNAVAILABLE = 64, 69

KERNELS = {
    "sgd": "sgd",
    "sgd, nesterov momentum": "sgd(momentum=0.9, nesterov=true)",
    "adam": "adam",
    "adamw": "adamw",
    "adam, amsgrad": "adam(amsgrad=true)",
    "lookahead(k=1, adam)": "lookahead(k=1, adam)",
}
TYPES = ("float32", "float64")
# A small difference of large numbers, which differs by some percent from run to run.
NOISY_UNIT, NOISY_TOLERANCE = "per piece", 15.0
# More than any piece, and a multiple of the usual ones.
MANY_ELEMENTS = 65_536
PIECE = 8_192


@dataclasses.dataclass(frozen=True)
class Setup:
    """What is stepped."""

    optimizer: str = "adam"
    elements: int = 64
    tensors: int = 1
    dtype: str = "float32"
    layout: str = "arena"
    clip: str = ""

    def arguments(self, steps: int) -> list[str]:
        options = {
            "--optimizer": self.optimizer, "--elements": self.elements, "--tensors": self.tensors,
            "--dtype": self.dtype, "--layout": self.layout, "--steps": steps, "--clip": self.clip,
        }
        return [str(word) for pair in options.items() if pair[1] != "" for word in pair]

    @property
    def steps(self) -> tuple[int, int]:
        """Two numbers of steps that differ by millions of instructions, against hundreds by chance. The first
        steps are left out: they may still resolve symbols or reserve memory."""
        elements = 4_000_000 if self.tensors > 1 else 500_000
        return 4, 4 + max(8, min(2_000, elements // (self.elements * self.tensors)))


def measure(program: Program, jobs: int) -> list[dict]:
    """All counts: name, unit, and the number for this build."""
    setups: dict[str, Setup] = {}
    for name, expression in KERNELS.items():
        for dtype in TYPES:
            setups[f"{name}, {dtype}"] = Setup(expression, MANY_ELEMENTS, dtype=dtype)
    setups |= {
        "clipped": Setup(elements=MANY_ELEMENTS, clip="1.0"),
        "small": Setup(),
        "half piece": Setup(elements=PIECE // 2),
        "one piece": Setup(elements=PIECE),
        "many arena": Setup(tensors=257),
        "many foreign": Setup(tensors=257, layout="foreign"),
        "one foreign": Setup(layout="foreign"),
    }
    runs = [(key, steps) for key, setup in setups.items() for steps in setup.steps]
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        counts = dict(zip(runs, pool.map(lambda run: program.count(setups[run[0]].arguments(run[1])), runs)))

    instructions, allocations = {}, {}
    for key, setup in setups.items():
        few, many = setup.steps
        difference = counts[key, many] - counts[key, few]
        instructions[key] = difference.instructions / (many - few)
        allocations[key] = difference.allocations / (many - few)

    rows = [
        {"name": key, "unit": "per element", "count": instructions[key] / MANY_ELEMENTS}
        for key in setups if key.endswith(TYPES)
    ]
    per_element = (instructions["one piece"] - instructions["half piece"]) / (PIECE // 2)
    pieces = MANY_ELEMENTS // PIECE
    overheads = {
        ("norm for clipping, float32", "per element"):
            (instructions["clipped"] - instructions["adam, float32"]) / MANY_ELEMENTS,
        ("adam, one tensor of 64", "per step"): instructions["small"],
        ("adam, a further piece, elements aside", "per piece"):
            (instructions["adam, float32"] - instructions["one piece"]) / (pieces - 1) - PIECE * per_element,
        ("adam, a further tensor of 64, arena", "per tensor"):
            (instructions["many arena"] - instructions["small"]) / 256,
        ("adam, a further tensor of 64, foreign", "per tensor"):
            (instructions["many foreign"] - instructions["one foreign"]) / 256,
        ("allocations, 257 tensors, arena", "per step"): allocations["many arena"],
        ("allocations, 257 tensors, foreign", "per step"): allocations["many foreign"],
        ("allocations, clipped", "per step"): allocations["clipped"],
        ("allocations, lookahead", "per step"): allocations["lookahead(k=1, adam), float32"],
    }
    rows += [{"name": name, "unit": unit, "count": count} for (name, unit), count in overheads.items()]
    return [row | {"count": round(row["count"], 3)} for row in rows]


def change(now: float, before: float) -> float:
    """In percent, of 0.1 at least: from no allocations even one in ten steps is a change."""
    return 100 * (now - before) / max(abs(before), 0.1)


def has_grown(row: dict, before: float, tolerance: float) -> bool:
    allowed = max(tolerance, NOISY_TOLERANCE) if row["unit"] == NOISY_UNIT else tolerance
    return change(row["count"], before) > allowed


def table(rows: list[dict], before: dict[str, float] | None, release: str, tolerance: float) -> str:
    lines = [("", "instructions", "now", release if before else "", "change" if before else "")]
    for row in rows:
        old = before.get(row["name"]) if before else None
        percent = "" if old is None else f"{change(row['count'], old):+.1f} %"
        if old is not None and has_grown(row, old, tolerance):
            percent += "  grew"
        then = "" if old is None else f"{old:,.3f}"
        lines.append((row["name"], row["unit"], f"{row['count']:,.3f}", then, percent))
    widths = [max(len(line[i]) for line in lines) for i in range(5)]
    return "\n".join(
        "  ".join(
            [line[0].ljust(widths[0]), line[1].ljust(widths[1])]
            + [line[i].rjust(widths[i]) for i in (2, 3)] + [line[4].rjust(8)]).rstrip()
        for line in lines)


def compiler() -> str:
    """The first words of `swift --version`."""
    if not shutil.which("swift"):
        return "unknown"
    text = subprocess.run(["swift", "--version"], capture_output=True, text=True).stdout
    return text.splitlines()[0].strip() if text.strip() else "unknown"


class Parser(argparse.ArgumentParser):
    """Ends with the status that wrong usage has in this repository."""

    def error(self, message: str) -> typing.NoReturn:
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"{self.prog}: {message}\n")


def main(arguments: list[str] | None = None) -> int:
    parser = Parser(
        prog="Benchmarks/run instructions", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    build = ROOT / ".build" / "release"
    parser.add_argument("--build", type=pathlib.Path, default=build, help="the build's folder")
    parser.add_argument("--tolerance", type=float, default=3, help="growth in %% that passes (default: 3)")
    parser.add_argument("--write", action="store_true", help="write the counts into counts.json")
    parser.add_argument("--release", help="with --write: the release that the counts belong to")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="runs at a time")
    options = parser.parse_args(arguments)
    if options.write and not options.release:
        parser.error("--write needs --release NAME")
    if options.jobs < 1 or options.tolerance < 0:
        parser.error("--jobs must be 1 or more and --tolerance 0 or more")

    try:
        with tempfile.TemporaryDirectory() as folder:
            program = Program(options.build, pathlib.Path(folder))
            instruction_set = program.instruction_set
            rows = measure(program, options.jobs)
    except Unavailable as error:
        print(f"instructions: {error}", file=sys.stderr)
        return UNAVAILABLE

    if options.write:
        document = {
            "release": options.release, "instruction_set": instruction_set, "compiler": compiler(),
            "counts": rows,
        }
        COUNTS.write_text(json.dumps(document, indent=2) + "\n")
        print(table(rows, None, "", 0))
        return 0
    return report(rows, instruction_set, options.tolerance)


def report(rows: list[dict], instruction_set: str, tolerance: float) -> int:
    """Prints the table; 1 when something grew."""
    if not COUNTS.exists():
        print(table(rows, None, "", 0))
        print(f"\nNothing to compare with: {COUNTS.name} is not there; --write makes it.")
        return 0
    last = json.loads(COUNTS.read_text())
    if last["instruction_set"] != instruction_set:
        print(table(rows, None, "", 0))
        print(
            f"\nNot compared: this build is for {instruction_set}, the counts of {last['release']} are for "
            f"{last['instruction_set']}.")
        return 0
    before = {row["name"]: row["count"] for row in last["counts"]}
    print(table(rows, before, last["release"], tolerance))
    if last["compiler"] != compiler():
        print(f"\nThe compiler differs: {compiler()} now, {last['compiler']} then.")
    missing = before.keys() - {row["name"] for row in rows}
    if missing:
        print(f"\nNo longer counted: {', '.join(sorted(missing))}.")
    grown = [
        row["name"] for row in rows
        if row["name"] in before and has_grown(row, before[row["name"]], tolerance)
    ]
    if grown:
        print(f"\nMore than {tolerance:g} % above {last['release']}: {'; '.join(grown)}.")
    return 1 if grown or missing else 0


if __name__ == "__main__":
    sys.exit(main())
