"""Asks stepbench for two numbers that are no steps: the cost of a call, and the time to load, create and plan."""

import json
import statistics
import subprocess
from typing import Any

from step.crew import STEPBENCH

PLAN_PROCESSES = 11
SECONDS = 120


def ask(command: str) -> dict[str, Any]:
    """The line of JSON that the command prints, or why there is none."""
    try:
        done = subprocess.run([str(STEPBENCH), command], capture_output=True, text=True, timeout=SECONDS)
        if done.returncode:
            said = done.stderr.strip().splitlines() or ["no reason given"]
            return {"failure": f"exit {done.returncode}: {said[-1]}"}
        return json.loads(done.stdout)
    except FileNotFoundError:
        return {"failure": "stepbench is not built"}
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        return {"failure": str(error)}


def call() -> dict[str, Any]:
    return ask("call")


def plan() -> dict[str, Any]:
    """Medians over fresh processes, since loading happens once in each."""
    answers = [ask("plan") for _ in range(PLAN_PROCESSES)]
    if failures := [answer for answer in answers if "failure" in answer]:
        return failures[0]
    numbers = [key for key, value in answers[0].items() if isinstance(value, (int, float))]
    medians = {key: statistics.median(answer[key] for answer in answers) for key in numbers}
    return medians | {"processes": PLAN_PROCESSES}
