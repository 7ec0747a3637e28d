"""The command line of `Benchmarks/run cuda`; run as a program, it only says whether the options are right."""

from dataclasses import dataclass
from pathlib import Path

from step.crew import BUILD, ROOT
from step.options import QUICK_ROUNDS, Parser, add_outputs, chosen, rounds

from cuda.cases import CASES, Case


@dataclass(frozen=True)
class Options:
    cases: list[Case]
    rounds: int
    bits: bool
    json: Path | None
    markdown: Path | None


def parser() -> Parser:
    result = Parser(
        "cuda", "Compares optplug.torch on a GPU with the CPU, bit for bit, and measures it against torch's own and other "
        "libraries' optimizers. Needs an NVIDIA GPU, and a torch with CUDA in python3 or under "
        f"{(BUILD / 'venv-cuda').relative_to(ROOT)}.", CASES,
        quick=f"{QUICK_ROUNDS} rounds", threads=None,
    )  # fmt: skip
    result.epilog = "Exit status: 0; 1 if bits differ; 64 for wrong options; 69 without a GPU; 130 after Ctrl-C."
    result.add_argument("--no-bits", action="store_true", help="measure only")
    add_outputs(result)
    return result


def parse(arguments: list[str] | None = None) -> Options:
    given = parser().parse_args(arguments)
    return Options(
        cases=chosen(given, CASES),
        rounds=rounds(given),
        bits=not given.no_bits,
        json=given.json,
        markdown=given.markdown,
    )


if __name__ == "__main__":
    parse()
