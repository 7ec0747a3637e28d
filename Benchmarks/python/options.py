"""The command line of `Benchmarks/run python`; run as a program, it only says whether the options are right."""

from dataclasses import dataclass
from pathlib import Path

from step.cases import Case
from step.options import QUICK_ROUNDS, Parser, add_outputs, chosen, rounds, threads

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
    result.add_argument("--no-jax", action="store_true", help="leave JAX's part out")
    add_outputs(result)
    return result


def parse(arguments: list[str] | None = None) -> Options:
    given = parser().parse_args(arguments)
    return Options(
        cases=chosen(given, CASES),
        threads=threads(given),
        rounds=rounds(given),
        jax=not given.no_jax,
        json=given.json,
        markdown=given.markdown,
    )


if __name__ == "__main__":
    parse()
