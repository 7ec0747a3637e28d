"""Measures every case with every number of threads, and reports."""

import time
from pathlib import Path

from step import environment
from step.program import run_program, say, status, with_scratch

from train import report
from train.measure import measure
from train.options import Options, parse
from train.results import Run


def run(options: Options, scratch: Path) -> Run:
    result = Run(environment.describe(), options.rounds, options.instructions)
    for case in options.cases:
        for threads in options.threads:
            begin = time.monotonic()
            found = measure(case, threads, options, scratch, result.versions)
            result.cases.append(found)
            say(f"{case.name}, threads: {threads}, {time.monotonic() - begin:.0f} s")
    return result


def main() -> int:
    options = parse()
    result = with_scratch(lambda scratch: run(options, scratch))
    print(report.text(result))
    report.write(result, options.json, options.markdown)
    say(f"\nwritten: {options.json}, {options.markdown}")
    return status(result.failed)


if __name__ == "__main__":
    run_program(main)
