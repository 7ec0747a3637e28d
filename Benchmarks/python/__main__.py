"""Measures every case with every number of threads, then the calls and JAX's part, and reports."""

import time
from pathlib import Path

from step import environment
from step.crew import Roll
from step.measure import measure
from step.program import deliver, run_program, say, status, with_scratch
from step.results import Run

from python import calls, jax_part, report
from python.crew import PythonCrew
from python.options import Options, parse
from python.report import PythonRun

FAMILIES = {"ours", "limit", "torch", "pytorch-optimizer", "timm"}


def run(options: Options, scratch: Path) -> PythonRun:
    found = PythonRun(Run(environment.describe(), options.rounds, Roll()))
    for threads in options.threads:
        with PythonCrew(threads, found.run.roll) as crew:
            for case in options.cases:
                start = time.monotonic()
                found.run.cases.append(measure(case, crew, FAMILIES, True, options.rounds, scratch))
                say(f"{case.name}, threads: {threads}, {time.monotonic() - start:.0f} s")
            found.calls += calls.measure(crew, options.rounds)
    found.run.cases.sort(key=lambda result: (options.cases.index(result.case), result.threads))
    if options.jax:
        found.jax = jax_part.measure(max(options.threads))
    return found


def main() -> int:
    options = parse()
    found = with_scratch(lambda scratch: run(options, scratch))
    deliver(report.text(found), report.full_json(found), report.markdown(found), options.json, options.markdown)
    return status(found.failed)


if __name__ == "__main__":
    run_program(main)
