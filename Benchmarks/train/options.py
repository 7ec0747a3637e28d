"""The command line of `Benchmarks/run train`; run as a program, it only checks the options."""

import argparse
from dataclasses import dataclass
from pathlib import Path

from step.crew import BUILD, ROOT
from step.environment import cores
from step.options import QUICK_ROUNDS, Parser, positive, rounds

from train.cases import BATCH, NETWORKS, OPTIMIZERS, SHAPES, Case
from train.crew import INSTRUCTIONS

TRAIN_ROUNDS = 9


@dataclass(frozen=True)
class Options:
    cases: list[Case]
    threads: list[int]
    rounds: int
    profile: bool
    instructions: str
    json: Path
    markdown: Path


def all_cases(optimizer: str = "adam", batch: int = BATCH) -> list[Case]:
    return [Case(network, shape, OPTIMIZERS[optimizer], batch) for network in NETWORKS for shape in SHAPES]


def parser() -> Parser:
    result = Parser(
        "train", "Trains networks with convtrain and with PyTorch, in turns, and compares their speed.",
        all_cases(), quick=f"{QUICK_ROUNDS} rounds, and only networks whose step takes less than a second",
        rounds=TRAIN_ROUNDS, threads="all cores",
    )  # fmt: skip
    add = result.add_argument
    add("--optimizer", choices=OPTIMIZERS, default="adam", help="that trains (default: adam)")
    add("--batch", type=positive, default=BATCH, metavar="N", help=f"images in a step (default: {BATCH})")
    add(
        "--instructions",
        choices=INSTRUCTIONS,
        default="native",
        help="that all may use: what the processor has, or at most AVX2 (default: native)",
    )
    add("--no-profile", action="store_true", help="leave out where the time of our steps goes")
    for name, ending, what in (("json", "json", "all times"), ("markdown", "md", "the tables")):
        path = BUILD / f"train.{ending}"
        add(
            f"--{name}",
            type=Path,
            default=path,
            metavar="PATH",
            help=f"{what} (default: {path.relative_to(ROOT)})",
        )
    add("--skip-build", action="store_true", help="use what is built already")
    return result


def parse(arguments: list[str] | None = None) -> Options:
    the_parser = parser()
    given: argparse.Namespace = the_parser.parse_args(arguments)
    if given.batch > 4096:
        the_parser.error(f"argument --batch: {given.batch} is more than 4096")
    named = {case.name for group in given.only or [] for case in group}
    return Options(
        cases=[
            case
            for case in all_cases(given.optimizer, given.batch)
            if (case.name in named if named else not (given.quick and case.network.slow))
        ],
        threads=given.threads or [cores()],
        rounds=rounds(given, TRAIN_ROUNDS),
        profile=not given.no_profile,
        instructions=given.instructions,
        json=given.json,
        markdown=given.markdown,
    )


if __name__ == "__main__":
    parse()
