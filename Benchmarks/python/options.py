"""The command line of `Benchmarks/run python`; run as a program, it only says whether the options are right."""

import argparse
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from step.cases import Case
from step.crew import BUILD, ROOT
from step.environment import cores
from step.options import QUICK_ROUNDS, ROUNDS, positive, thread_counts

from python.cases import CASES


@dataclass(frozen=True)
class Options:
    cases: list[Case]
    threads: list[int]
    rounds: int
    jax: bool
    json: Path | None
    markdown: Path | None


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        print(f"Benchmarks/run python: {message}\nSee Benchmarks/run python --help.", file=sys.stderr)
        sys.exit(os.EX_USAGE)


def cases(text: str) -> list[Case]:
    """A case by its name, or all of a list of tensors."""
    chosen = [case for case in CASES if text in (case.name, case.tensors.name)]
    if not chosen:
        names = ", ".join(case.name for case in CASES)
        raise argparse.ArgumentTypeError(f"no case {text}; there are {names}; the part before / means all that have it")
    return chosen


def parser() -> Parser:
    result = Parser(
        prog="Benchmarks/run python",
        description="Measures optimizer.step() of optplug.torch against torch's own and other libraries' optimizers.",
        epilog="Exit status: 0; 1 if numbers differ or ours failed; 64 for wrong options; 130 after Ctrl-C.",
    )
    add = result.add_argument
    add("--quick", action="store_true", help=f"{QUICK_ROUNDS} rounds")
    add("--only", type=cases, action="append", metavar="CASE", help="such as resnet18/adam, or small; repeatable")
    add("--threads", type=thread_counts, metavar="N,...", help="numbers of threads (default: 1 and all)")
    add("--rounds", type=positive, metavar="N", help=f"rounds (default: {ROUNDS})")
    add("--no-jax", action="store_true", help="leave JAX's part out")
    add("--json", type=Path, metavar="PATH", help="write all times there")
    add("--markdown", type=Path, metavar="PATH", help="write the tables there")
    add("--skip-build", action="store_true", help="use what is built already, under " + str(BUILD.relative_to(ROOT)))
    add("--skip-install", action="store_true", help="use the peers that are installed already")
    return result


def parse(arguments: list[str] | None = None) -> Options:
    given = parser().parse_args(arguments)
    named = {case.name for group in given.only or [] for case in group}
    return Options(
        cases=[case for case in CASES if not named or case.name in named],
        threads=given.threads or sorted({1, cores()}),
        rounds=given.rounds or (QUICK_ROUNDS if given.quick else ROUNDS),
        jax=not given.no_jax,
        json=given.json,
        markdown=given.markdown,
    )


if __name__ == "__main__":
    parse()
