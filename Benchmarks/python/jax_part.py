"""JAX's part, in a process of its own; it is left out where JAX, Optax or our part for JAX is missing."""

import json
import subprocess
import sys
from dataclasses import dataclass, field
from typing import Any

from step.table import Table

from python.crew import environment

SECONDS = 600
PROGRAM = "import json; from python.jax_lookahead import measure; print(json.dumps(measure()))"


@dataclass
class JaxPart:
    rows: list[dict[str, Any]] = field(default_factory=list)
    failure: str = ""


def measure(threads: int) -> JaxPart:
    command = [sys.executable, "-P", "-c", PROGRAM]
    try:
        done = subprocess.run(
            command, env=environment(threads), capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return JaxPart(failure=f"no answer within {SECONDS} s")
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"exit {done.returncode}"]
        return JaxPart(failure=said[-1])
    return JaxPart(json.loads(done.stdout.strip().splitlines()[-1]))


def table(part: JaxPart) -> Table:
    columns = ["implementation", "ms/step", "faster than Optax"]
    result = Table("JAX: Lookahead(Adam), k=5, under jit. ResNet-18's tensors, all threads", columns)
    for row in part.rows:
        time = f"{row['median_ms']:.3g} [{row['low_ms']:.3g}, {row['high_ms']:.3g}]"
        result.rows.append([row["name"], time, f"{row['speedup_over_optax']:.2f} ×"])
    return result
