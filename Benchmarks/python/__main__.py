"""Measures every case with every number of threads, then the calls and JAX's part, and reports."""

import json
import time
from pathlib import Path

from step import environment
from step.crew import Roll
from step.measure import measure
from step.program import run_program, say, status, with_scratch
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
    print(report.text(found))
    if options.json:
        options.json.write_text(json.dumps(report.full_json(found), indent=1) + "\n", encoding="utf-8")
    if options.markdown:
        options.markdown.write_text(report.markdown(found), encoding="utf-8")
    return status(found.failed)


if __name__ == "__main__":
    run_program(main)
