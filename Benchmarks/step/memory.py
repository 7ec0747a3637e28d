"""Decides which entries of a case fit into memory together."""

from collections.abc import Iterable
from pathlib import Path

from step.cases import Entry

# Parts of the available memory that a case may fill.
SHARE = 0.85
GIB = 1 << 30


def available() -> float:
    """Bytes that the kernel could give away; no bound where it does not tell."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return float("inf")
    return next((int(line.split()[1]) * 1024.0 for line in lines if line.startswith("MemAvailable:")), float("inf"))


def needed(entry: Entry, elements: int) -> int:
    """Parameters, gradients, state, and the temporaries of a step, all in float32."""
    return 4 * elements * (2 + entry.task.state_arrays + entry.who.temporaries)


def total(entries: Iterable[Entry], elements: int) -> int:
    return sum(needed(entry, elements) for entry in entries)


def batches(entries: list[Entry], elements: int, free: float) -> tuple[list[list[Entry]], dict[Entry, str]]:
    """All entries at once, or else ours and the limit with one peer after the other; and why the rest is left out."""
    budget = free * SHARE
    if total(entries, elements) <= budget:
        return [entries], {}
    base = [entry for entry in entries if entry.who.family in ("ours", "limit")]
    peers = [entry for entry in entries if entry not in base]
    groups = [[*base, peer] for peer in peers] or [base]
    fitting = [group for group in groups if total(group, elements) <= budget]
    if not fitting and total(base, elements) <= budget:
        fitting = [base]
    included = {entry for group in fitting for entry in group}
    left_out = {}
    for entry in entries:
        if entry not in included:
            need = total(dict.fromkeys([*base, entry]), elements) / GIB
            left_out[entry] = f"needs {need:.1f} GiB with ours and the limit, {budget / GIB:.1f} GiB are free to use"
    return fitting, left_out
