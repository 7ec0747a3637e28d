"""The command line of `Benchmarks/run python`; run as a program, it only says whether the options are right."""

from dataclasses import dataclass
from pathlib import Path

from step.cases import Case
from step.crew import BUILD, ROOT
from step.options import QUICK_ROUNDS, Parser, rounds, threads

from python.cases import CASES


@dataclass(frozen=True)
class Options:
    cases: list[Case]
    threads: list[int]
    rounds: int
    jax: bool
    json: Path | None
    markdown: Path | None


def parser() -> Parser:
    result = Parser(
        "python", "Measures optimizer.step() of optplug.torch against torch's own and other libraries' optimizers.", CASES,
        quick=f"{QUICK_ROUNDS} rounds",
    )  # fmt: skip
    add = result.add_argument
    add("--no-jax", action="store_true", help="leave JAX's part out")
    add("--json", type=Path, metavar="PATH", help="write all times there")
    add("--markdown", type=Path, metavar="PATH", help="write the tables there")
    add("--skip-build", action="store_true", help="use what is built already, under " + str(BUILD.relative_to(ROOT)))
    return result


def parse(arguments: list[str] | None = None) -> Options:
    given = parser().parse_args(arguments)
    named = {case.name for group in given.only or [] for case in group}
    return Options(
        cases=[case for case in CASES if not named or case.name in named],
        threads=threads(given),
        rounds=rounds(given),
        jax=not given.no_jax,
        json=given.json,
        markdown=given.markdown,
    )


if __name__ == "__main__":
    parse()
