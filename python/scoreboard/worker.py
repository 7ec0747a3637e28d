"""Runs the cases of one optimizer in this process; run.py starts one such process per optimizer.

The suite reads its optimizers from `optim_db` when it is imported. So the entry of torch's optimizer is given
another class first, and is left as the only one. Every case is written to the result file as it starts and as
it ends, one JSON object a line, so that a crash shows where it happened.
"""

import argparse
import importlib
import importlib.util
import json
import runpy
import sys
import unittest
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from torch.optim import optimizer
from torch.testing._internal import common_optimizers

# Cases that need tens of gigabytes where a machine has them.
TOO_LARGE = ("test_fused_large_tensor",)


def load(spec: str) -> Callable:
    """Loads MODULE:NAME. With PACKAGE/FILE.py:NAME that file is loaded without the package around it."""
    module_name, _, name = spec.partition(":")
    if not module_name.endswith(".py"):
        return getattr(importlib.import_module(module_name), name)
    package, _, file = module_name.partition("/")
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise ModuleNotFoundError(f"No module named '{package}'")
    return runpy.run_path(str(Path(found.origin).parent / file))[name]


def constructor(like: str, base: str, wrapper: str | None) -> Callable:
    """What the suite calls in place of torch's class.

    It has the name of torch's class, since some cases look at that: only AdamW may move parameters whose
    gradients are zero, by its default weight decay.
    """
    make = load(base)
    wrap = load(wrapper) if wrapper else lambda made: made

    def construct(params, *args, **kwargs):
        return wrap(make(params, *args, **kwargs))

    construct.__name__ = construct.__qualname__ = like
    return construct


class Recorder(unittest.TestResult):
    """Writes the outcome of each case as a line of JSON."""

    def __init__(self, file: TextIO):
        super().__init__()
        self.file = file

    def write(self, test: unittest.TestCase, outcome: str, message: str = "") -> None:
        case = getattr(test, "_testMethodName", str(test))
        self.file.write(json.dumps({"case": case, "outcome": outcome, "message": message}) + "\n")
        self.file.flush()

    def startTest(self, test):
        super().startTest(test)
        self.write(test, "started")

    def stopTest(self, test):
        super().stopTest(test)
        # A case that failed half way may have left these, and the next one would see them.
        optimizer._global_optimizer_pre_hooks.clear()
        optimizer._global_optimizer_post_hooks.clear()

    def addSuccess(self, test):
        self.write(test, "passed")

    def addSkip(self, test, reason):
        self.write(test, "skipped", reason)

    def addExpectedFailure(self, test, error):
        self.write(test, "skipped", "expected to fail")

    def addUnexpectedSuccess(self, test):
        self.write(test, "failed", "passes, but is expected to fail")

    def addFailure(self, test, error):
        first_line = str(error[1]).strip().partition("\n")[0]
        self.write(test, "failed", f"{error[0].__name__}: {first_line}")

    addError = addFailure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--suite", required=True, help="the folder of test_optim.py")
    parser.add_argument("--like", required=True, help="whose entry of optim_db to use")
    parser.add_argument("--optimizer", required=True, help="MODULE:NAME of the class to try")
    parser.add_argument("--wrapper", help="MODULE:NAME of what is put around it")
    parser.add_argument(
        "--cases", help="a file with the names of the cases to run, one a line (default: all)"
    )
    parser.add_argument("--result", required=True, help="the file to write")
    arguments = parser.parse_args()

    entry = next(info for info in common_optimizers.optim_db if info.name == arguments.like)
    entry.optim_cls = constructor(arguments.like, arguments.optimizer, arguments.wrapper)
    common_optimizers.optim_db[:] = [entry]

    sys.path.insert(0, arguments.suite)
    import test_optim

    group = test_optim.TestOptimRenewedCPU
    if arguments.cases:
        names = Path(arguments.cases).read_text(encoding="utf-8").split()
    else:
        found = unittest.defaultTestLoader.getTestCaseNames(group)
        names = [name for name in found if not name.startswith(TOO_LARGE)]
    with open(arguments.result, "w", encoding="utf-8") as file:
        unittest.TestSuite(map(group, names)).run(Recorder(file))


if __name__ == "__main__":
    main()
