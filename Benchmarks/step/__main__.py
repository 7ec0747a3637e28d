"""Measures every case with every number of threads, and reports."""

import signal
import sys
import tempfile
import time
from pathlib import Path

from step import environment, plot, probes, report
from step.cases import CASES
from step.crew import BUILD, Crew, Roll
from step.measure import measure
from step.options import Options, parse
from step.results import Run


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


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
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    BUILD.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BUILD, prefix="values-") as scratch:
        result = run(options, Path(scratch))
    print(report.text(result))
    report.write(result, options.json, options.markdown)
    say(f"\nwritten: {options.json}, {options.markdown}")
    say(plot.write(result, options.plot))
    for line in result.failed:
        say(f"FAILED: {line}")
    return 1 if result.failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        say("stopped")
        sys.exit(128 + signal.SIGINT)
