"""The command line of `Benchmarks/run step`; run as a program, it only says whether the options are right."""

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, Protocol, TypeVar

from step.cases import CASES, PEERS, Case
from step.crew import BUILD, ROOT
from step.environment import cores

QUICK_ROUNDS = 3
ROUNDS = 15


@dataclass(frozen=True)
class Options:
    cases: list[Case]
    peers: set[str]
    threads: list[int]
    rounds: int
    json: Path
    markdown: Path
    plot: Path


class Named(Protocol):
    """A case of any benchmark, such as resnet18/adam."""

    @property
    def name(self) -> str: ...


N = TypeVar("N", bound=Named)


class Parser(argparse.ArgumentParser):
    """The options that all timed benchmarks have."""

    def __init__(
        self, name: str, description: str, cases: Sequence[Named], quick: str, rounds: int = ROUNDS,
        threads: str | None = "1 and all",
    ):  # fmt: skip
        super().__init__(
            prog=f"Benchmarks/run {name}",
            description=description,
            epilog="Exit status: 0; 1 if numbers differ or ours failed; 64 for wrong options; 130 after Ctrl-C.",
        )

        def chosen(text: str) -> list[Named]:
            """A case by its name, or all that share the part before the stroke."""
            found = [case for case in cases if text in (case.name, case.name.partition("/")[0])]
            if not found:
                names = ", ".join(case.name for case in cases)
                raise argparse.ArgumentTypeError(
                    f"no case {text}; there are {names}; the part before / means all that have it"
                )
            return found

        add = self.add_argument
        add("--quick", action="store_true", help=quick)
        add("--only", type=chosen, action="append", metavar="CASE", help=f"such as {cases[0].name}; repeatable")
        if threads is not None:
            add("--threads", type=thread_counts, metavar="N,...", help=f"numbers of threads (default: {threads})")
        add("--rounds", type=positive, metavar="N", help=f"rounds (default: {rounds})")
        add("--skip-install", action="store_true", help="use the peers that are installed already")

    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: {message}\nSee {self.prog} --help.", file=sys.stderr)
        sys.exit(os.EX_USAGE)


def peers(text: str) -> set[str]:
    chosen = set(filter(None, text.split(",")))
    if unknown := chosen - set(PEERS) - {"none"}:
        raise argparse.ArgumentTypeError(f"no peer {', '.join(sorted(unknown))}; there are {', '.join(PEERS)}, or none")
    return chosen - {"none"}


def positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a positive whole number")
    return int(text)


def thread_counts(text: str) -> list[int]:
    counts = sorted(set(map(positive, text.split(","))))
    if counts[-1] > cores():
        raise argparse.ArgumentTypeError(f"{counts[-1]} is more than the {cores()} cores there are to use")
    return counts


def parser() -> Parser:
    result = Parser(
        "step", "Measures one step of our optimizers against a memory limit and against other libraries.", CASES,
        quick=f"{QUICK_ROUNDS} rounds, and only resnet18 and small",
    )  # fmt: skip
    add = result.add_argument
    add("--peers", type=peers, default=set(PEERS), metavar="NAME,...", help=f"of {', '.join(PEERS)}; or none")
    outputs = (("json", "json", "all times"), ("markdown", "md", "the tables"), ("plot", "svg", ".svg or .png"))
    for name, ending, what in outputs:
        path = BUILD / f"step.{ending}"
        add(f"--{name}", type=Path, default=path, metavar="PATH", help=f"{what} (default: {path.relative_to(ROOT)})")
    add("--skip-build", action="store_true", help="use what is built already")
    return result


def chosen(given: argparse.Namespace, cases: Sequence[N]) -> list[N]:
    """Those that --only names, or all."""
    named = {case.name for group in given.only or [] for case in group}
    return [case for case in cases if not named or case.name in named]


def add_outputs(parser: Parser) -> None:
    """Files that are written when they are asked for, and what is used as it is."""
    parser.add_argument("--json", type=Path, metavar="PATH", help="write all times there")
    parser.add_argument("--markdown", type=Path, metavar="PATH", help="write the tables there")
    built = "use what is built already, under " + str(BUILD.relative_to(ROOT))
    parser.add_argument("--skip-build", action="store_true", help=built)


def threads(given: argparse.Namespace) -> list[int]:
    return given.threads or sorted({1, cores()})


def rounds(given: argparse.Namespace, usual: int = ROUNDS) -> int:
    return given.rounds or (QUICK_ROUNDS if given.quick else usual)


def parse(arguments: list[str] | None = None) -> Options:
    the_parser = parser()
    given = the_parser.parse_args(arguments)
    if given.plot.suffix not in (".svg", ".png"):
        the_parser.error(f"argument --plot: {given.plot} ends neither in .svg nor in .png")
    named = {case.name for group in given.only or [] for case in group}
    return Options(
        cases=[case for case in CASES if (case.name in named if named else case.quick or not given.quick)],
        peers=given.peers,
        threads=threads(given),
        rounds=rounds(given),
        json=given.json,
        markdown=given.markdown,
        plot=given.plot,
    )


if __name__ == "__main__":
    parse()
