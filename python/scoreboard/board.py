"""The rows of the scoreboard, what each one scores, and how that is printed."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

OPTIMIZERS = ("SGD", "Adam", "AdamW")

# Cases with these words in their names compare torch's own implementations of one optimizer with each other,
# or need the wrapped optimizer to take sparse gradients. Neither says anything about a wrapper.
NOT_FOR_WRAPPERS = ("foreach", "fused", "sparse")

TIME_LIMIT = 1800  # seconds for one process
TIME_OUT = "time limit"

Outcomes = dict[str, tuple[str, str]]  # case: passed, failed or skipped, and a message


class ProcessError(Exception):
    """A process ended before it came to its first case."""


@dataclass(frozen=True)
class Row:
    """One optimizer to try: a class, and a wrapper around it or none."""

    like: str  # torch's optimizer whose cases are run
    optimizer: str  # MODULE:NAME
    wrapper: str | None = None
    decides: bool = True  # whether a failure decides the exit status

    @property
    def group(self) -> str:
        """What the row's optimizers are summed up under."""
        if self.wrapper:
            return _short(self.wrapper)
        return self.optimizer.partition(":")[0]

    @property
    def label(self) -> str:
        return f"{self.group}({self.like})" if self.wrapper else _short(self.optimizer)

    def applies(self, case: str) -> bool:
        """Whether a case of the suite is one for this kind of optimizer."""
        return not (self.wrapper and any(word in case for word in NOT_FOR_WRAPPERS))


def torch_row(like: str) -> Row:
    """Torch's own optimizer of that name."""
    return Row(like, f"torch.optim:{like}")


def _short(spec: str) -> str:
    """`timm.optim.lookahead.Lookahead`, for one, of `timm/optim/lookahead.py:Lookahead`."""
    return spec.replace(".py:", ":").replace("/", ".").replace(":", ".")


@dataclass
class Score:
    """How one row did in the cases that torch itself passes."""

    row: Row
    outcomes: Outcomes

    def cases(self, outcome: str) -> list[str]:
        return [case for case, (found, _) in self.outcomes.items() if found == outcome]

    @property
    def counts(self) -> tuple[int, int, int, int]:
        """Passed, failed, skipped, and all."""
        passed, failed, skipped = (len(self.cases(outcome)) for outcome in ("passed", "failed", "skipped"))
        return passed, failed, skipped, len(self.outcomes)

    def as_json(self) -> dict:
        passed, failed, skipped, total = self.counts
        return {
            "optimizer": self.row.label,
            "like": self.row.like,
            "passed": passed,
            "failed": failed,
            "skipped": skipped,
            "of": total,
            "cases": {
                case: {"outcome": found, "message": text} for case, (found, text) in self.outcomes.items()
            },
        }


def run_cases(row: Row, suite: Path, cases: list[str] | None = None) -> Outcomes:
    """Runs these cases, or all there are, over a row's optimizer.

    They run in a process of their own. Where a case ends that, another one goes on with the cases after it.
    """
    outcomes, status = _run_process(row, suite, cases)
    while cases is not None and status and status != TIME_OUT:
        rest = [case for case in cases if case not in outcomes]
        if not rest:
            break
        more, status = _run_process(row, suite, rest)
        outcomes |= more
    return outcomes


def _run_process(row: Row, suite: Path, cases: list[str] | None) -> tuple[Outcomes, int | str]:
    """The outcomes of the cases that one process ran, and how it ended: 0 where all is well."""
    environment = {
        **os.environ,
        "PYTORCH_TESTING_DEVICE_ONLY_FOR": "cpu",
        "PYTORCH_PRINT_REPRO_ON_FAILURE": "0",
    }
    with tempfile.TemporaryDirectory() as work:
        result, log, list_of_cases = (Path(work) / name for name in ("result", "log", "cases"))
        command = [sys.executable, str(Path(__file__).with_name("worker.py")), "--suite", str(suite)]
        command += ["--like", row.like, "--optimizer", row.optimizer, "--result", str(result)]
        command += ["--wrapper", row.wrapper] if row.wrapper else []
        if cases is not None:
            list_of_cases.write_text("\n".join(cases), encoding="utf-8")
            command += ["--cases", str(list_of_cases)]
        status: int | str
        with log.open("w") as output:
            try:
                status = subprocess.run(
                    command, env=environment, stdout=output, stderr=subprocess.STDOUT, timeout=TIME_LIMIT
                ).returncode
            except subprocess.TimeoutExpired:
                status = TIME_OUT
        lines = result.read_text(encoding="utf-8").splitlines() if result.exists() else []
        if not lines:
            raise ProcessError(f"{row.label} ran no case:\n{log.read_text(errors='replace').strip()}")
    outcomes = {}
    for line in lines:
        if line.endswith("}"):  # a line may be cut off where the process was ended
            entry = json.loads(line)
            outcomes[entry["case"]] = entry["outcome"], entry["message"]
    for case, (outcome, _) in outcomes.items():
        if outcome == "started":
            outcomes[case] = "failed", f"ended the process: {_describe(status)}"
    return outcomes, status


def _describe(status: int | str) -> str:
    """An exit status in words."""
    if isinstance(status, int):
        return signal.Signals(-status).name if status < 0 else f"exit status {status}"
    return status


def score(row: Row, suite: Path, torch_outcomes: Outcomes) -> Score:
    """Runs the cases that are for this kind of optimizer and that torch's own optimizer passes."""
    kept = [case for case, (found, _) in torch_outcomes.items() if found == "passed" and row.applies(case)]
    outcomes = torch_outcomes if row == torch_row(row.like) else run_cases(row, suite, kept)
    return Score(row, {case: outcomes.get(case, ("failed", "not reached")) for case in kept})


def print_table(scores: list[Score]) -> None:
    """Prints a line for each row, and the sum of each group."""
    width = max(len(entry.row.label) for entry in scores)
    line = f"{{:<{width}}}  {{:>6}}  {{:>6}}  {{:>7}}  {{:>3}}"
    print(line.format("optimizer", "passed", "failed", "skipped", "of"))
    for group in dict.fromkeys(entry.row.group for entry in scores):
        members = [entry for entry in scores if entry.row.group == group]
        for entry in members:
            print(line.format(entry.row.label, *entry.counts))
        if len(members) > 1:
            sums = (sum(column) for column in zip(*(entry.counts for entry in members)))
            print(line.format("  together", *sums))


def print_failures(scores: list[Score]) -> None:
    """Prints the failing cases of each group, for which optimizers they fail, and the error's first line."""
    for group in dict.fromkeys(entry.row.group for entry in scores):
        failures: dict[tuple[str, str], list[str]] = {}
        for entry in (entry for entry in scores if entry.row.group == group):
            for case in entry.cases("failed"):
                key = case.replace(f"_{entry.row.like}_cpu", ""), entry.outcomes[case][1]
                failures.setdefault(key, []).append(entry.row.like)
        if failures:
            print(f"\n{group} fails:")
        for (case, message), likes in failures.items():
            print(f"  {case} ({', '.join(likes)})\n    {message}")
