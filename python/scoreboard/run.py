#!/usr/bin/env python3
"""Runs PyTorch's own optimizer tests over other optimizer classes and prints who passes how many.

    python/scoreboard/run.py                          # OptPlug's optimizers, and its Lookahead over them
    python/scoreboard/run.py --peers                  # and the Lookahead of timm and of pytorch-optimizer
    python/scoreboard/run.py --only 'torch.*'         # what torch itself passes
    python/scoreboard/run.py --class mine.optim:FastAdam=Adam --wrapper mine.optim:Lookahead --only 'mine.*'

It needs torch, numpy and expecttest (`pip install torch numpy expecttest`), for OptPlug's rows the package
optplug, and for the peers timm and pytorch-optimizer. The exit status is 0 where every case passes, 1 where
one fails (those of the peers do not count), and 2 where the tests cannot be run.

The suite is test_optim.py of PyTorch 2.6, the newest that a Debian release has the source of. It is not
part of the torch wheel, so the first run fetches it (about 40 MB, through apt) into the user's cache
folder, and every run checks what is there by SHA-256. The configurations that it tries come from the
installed torch (optim_db in torch.testing._internal.common_optimizers). torch 2.13 passes every case of it
that a CPU can run.

Which cases count. For each of SGD, Adam and AdamW, torch's own class runs first. A case counts if torch
passes it on the CPU: 46 for SGD and 44 for Adam and for AdamW, 134 in all; the rest need a GPU, or tens of
gigabytes. Then the same cases run with another class in the place of torch's. For a wrapper such as
Lookahead, `Lookahead(Adam(params, ...))` takes the place of `Adam(params, ...)`, and two kinds of cases do
not count: those that compare torch's implementations of one optimizer with each other ("foreach" or "fused"
in the name: 6 for each optimizer), and those about sparse gradients (2 for SGD). What is left is 38 for
each optimizer, 114 in all.

A class or wrapper is tried under the name of the torch class that it stands for, since the suite goes by
names: only of AdamW it knows that weight decay is on by default, so under any other name AdamW, torch's own
included, fails test_step_is_noop_for_zero_grads. (Under a name like LookaheadAdamW a wrapper therefore
scores one less.)
"""

import argparse
import fnmatch
import importlib.metadata
import json
import sys
from pathlib import Path

from board import (
    OPTIMIZERS,
    ProcessError,
    Row,
    Score,
    print_failures,
    print_table,
    run_cases,
    score,
    torch_row,
)
from suite import VERSION, SuiteError, default_cache, prepare

# Of timm the file alone is loaded, since the whole of it needs a torchvision built for the very torch here.
PEERS = ("timm/optim/lookahead.py:Lookahead", "pytorch_optimizer:Lookahead")


def class_row(text: str) -> Row:
    """The row that --class names."""
    target, _, like = text.partition("=")
    like = like or target.rpartition(":")[2]
    if like not in OPTIMIZERS:
        raise argparse.ArgumentTypeError(f"say what {target} is like: {target}=SGD, =Adam or =AdamW")
    return Row(like, target)


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, usage="run.py [options]"
    )
    add = parser.add_argument
    add(
        "--class",
        dest="classes",
        type=class_row,
        action="append",
        default=[],
        metavar="MODULE:NAME[=LIKE]",
        help="try another class with the cases of LIKE: SGD, Adam or AdamW (default: what it is called)",
    )
    add(
        "--wrapper",
        dest="wrappers",
        action="append",
        default=[],
        metavar="MODULE:NAME",
        help="try another wrapper, around torch's SGD, Adam and AdamW",
    )
    add("--peers", action="store_true", help="try the Lookahead of timm and of pytorch-optimizer")
    add(
        "--only",
        action="append",
        default=[],
        metavar="PATTERN",
        help="only rows whose name in the table matches, as in 'torch.*' or '*(AdamW)'; may be repeated",
    )
    add("--keep-going", action="store_true", help="run what is left after an optimizer that fails a case")
    add("--json", type=Path, metavar="FILE", help="write every case's outcome there")
    add(
        "--cache",
        type=Path,
        default=default_cache(),
        metavar="FOLDER",
        help="where to keep the suite (%(default)s)",
    )
    add(
        "--archive",
        type=Path,
        metavar="FILE",
        help="take the suite from this .orig.tar.xz of Debian's pytorch",
    )
    add(
        "--mirror",
        metavar="ADDRESS",
        help="the Debian mirror to fetch from (default: the one in apt's settings)",
    )
    return parser.parse_args(arguments)


def rows(options: argparse.Namespace) -> list[Row]:
    """The rows that the command line asks for, torch's own first."""
    found = [torch_row(like) for like in OPTIMIZERS]
    found += [Row(like, f"optplug.torch:{like}") for like in OPTIMIZERS]
    found += [Row(like, f"optplug.torch:{like}", "optplug.torch:Lookahead") for like in OPTIMIZERS]
    found += options.classes
    for wrapper in options.wrappers:
        found += [Row(like, f"torch.optim:{like}", wrapper) for like in OPTIMIZERS]
    if options.peers:
        found += [
            Row(like, f"torch.optim:{like}", peer, decides=False) for peer in PEERS for like in OPTIMIZERS
        ]
    if options.only:
        found = [row for row in found if any(fnmatch.fnmatch(row.label, pattern) for pattern in options.only)]
    return found


def run(wanted: list[Row], suite: Path, keep_going: bool) -> list[Score]:
    """Scores the rows in turn, and ends after one that decides and fails unless told to keep going."""
    torch_outcomes = {}
    scores = []
    for row in wanted:
        if row.like not in torch_outcomes:
            print(f"running torch.optim.{row.like}", file=sys.stderr)
            torch_outcomes[row.like] = run_cases(torch_row(row.like), suite)
        if row != torch_row(row.like):
            print(f"running {row.label}", file=sys.stderr)
        scores.append(score(row, suite, torch_outcomes[row.like]))
        if row.decides and scores[-1].cases("failed") and not keep_going:
            print("ending here; --keep-going runs the rest", file=sys.stderr)
            break
    for like, outcomes in torch_outcomes.items():
        found = [outcome for outcome, _ in outcomes.values()]
        parts = ", ".join(f"{found.count(kind)} {kind}" for kind in ("passed", "failed", "skipped"))
        print(f"torch's {like}: {len(found)} cases, {parts}")
    return scores


def main() -> int:
    options = parse(sys.argv[1:])
    wanted = rows(options)
    if not wanted:
        print("run.py: no row has such a name", file=sys.stderr)
        return 2
    try:
        suite = prepare(options.cache, options.archive, options.mirror)
        version = importlib.metadata.version("torch")
        print(f"torch {version}, optimizer tests of PyTorch {VERSION}, CPU")
        scores = run(wanted, suite, options.keep_going)
    except (SuiteError, ProcessError, importlib.metadata.PackageNotFoundError) as error:
        print(f"run.py: {error}", file=sys.stderr)
        return 2
    print()
    print_table(scores)
    print_failures(scores)
    if options.json:
        board = {"torch": version, "suite": VERSION, "rows": [entry.as_json() for entry in scores]}
        options.json.write_text(json.dumps(board, indent=2) + "\n", encoding="utf-8")
    return int(any(entry.row.decides and entry.cases("failed") for entry in scores))


if __name__ == "__main__":
    sys.exit(main())
