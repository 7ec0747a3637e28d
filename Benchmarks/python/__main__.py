"""Measures every case with every number of threads, then the calls and JAX's part, and reports."""

import json
import signal
import sys
import tempfile
import time
from pathlib import Path

from step import environment
from step.crew import BUILD, Roll
from step.measure import measure
from step.results import Run

from python import calls, jax_part, report
from python.crew import PythonCrew
from python.options import Options, parse
from python.report import PythonRun

FAMILIES = {"ours", "limit", "torch", "pytorch-optimizer", "timm"}


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


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
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    BUILD.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BUILD, prefix="values-") as scratch:
        found = run(options, Path(scratch))
    print(report.text(found))
    if options.json:
        options.json.write_text(json.dumps(report.full_json(found), indent=1) + "\n", encoding="utf-8")
    if options.markdown:
        options.markdown.write_text(report.markdown(found), encoding="utf-8")
    for line in found.failed:
        say(f"FAILED: {line}")
    return 1 if found.failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        say("stopped")
        sys.exit(128 + signal.SIGINT)
