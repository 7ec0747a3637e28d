"""Measures every case with every number of threads, and reports."""

import time
from pathlib import Path

from step import environment, plot, probes, report
from step.cases import CASES
from step.crew import Crew, Roll
from step.measure import measure
from step.options import Options, parse
from step.program import run_program, say, status, with_scratch
from step.results import Run


def run(options: Options, scratch: Path) -> Run:
    result = Run(environment.describe(), options.rounds, Roll())
    families = options.peers | {"ours", "limit"}
    all_threads = max(options.threads)
    for threads in options.threads:
        with Crew(threads, result.roll) as crew:
            for case in options.cases:
                if case.all_threads_only and threads != all_threads:
                    continue
                start = time.monotonic()
                found = measure(case, crew, families, threads == all_threads, options.rounds, scratch)
                result.cases.append(found)
                measured = sum(1 for row in found.shown() if row.seconds)
                say(f"{case.name}, threads: {threads}, {measured} measured in {time.monotonic() - start:.0f} s")
    result.cases.sort(key=lambda found: (CASES.index(found.case), found.threads))
    result.call, result.plan = probes.call(), probes.plan()
    return result


def main() -> int:
    options = parse()
    result = with_scratch(lambda scratch: run(options, scratch))
    print(report.text(result))
    report.write(result, options.json, options.markdown)
    say(f"\nwritten: {options.json}, {options.markdown}")
    say(plot.write(result, options.plot))
    return status(result.failed)


if __name__ == "__main__":
    run_program(main)
