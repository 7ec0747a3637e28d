"""How a benchmark runs as a program: what it says while it measures, and how it ends."""

import json
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from step.crew import BUILD

T = TypeVar("T")


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def with_scratch(body: Callable[[Path], T]) -> T:
    """Runs `body` with a folder that is gone afterwards, also when the program is ended."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    BUILD.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BUILD, prefix="values-") as scratch:
        return body(Path(scratch))


def status(failed: list[str]) -> int:
    """Says what has failed. Returns the exit status."""
    for line in failed:
        say(f"FAILED: {line}")
    return 1 if failed else 0


def deliver(text: str, full: dict[str, Any], markdown: str, json_file: Path | None, markdown_file: Path | None) -> None:
    """Prints the tables, and writes what else was asked for."""
    print(text)
    if json_file:
        json_file.write_text(json.dumps(full, indent=1) + "\n", encoding="utf-8")
    if markdown_file:
        markdown_file.write_text(markdown, encoding="utf-8")


def run_program(main: Callable[[], int]) -> NoReturn:
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        say("stopped")
        sys.exit(128 + signal.SIGINT)
