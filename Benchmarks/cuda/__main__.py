"""Compares bits, measures every case, and reports. Needs an NVIDIA GPU."""

import os
import sys
import time

from step import environment
from step.program import deliver, run_program, say, status

from cuda.options import Options, parse


def run(options: Options):
    import torch

    from cuda import bits
    from cuda.measure import Device, measure
    from cuda.report import Found

    device = Device("cuda:0")
    about = {key: str(value) for key, value in environment.describe().items()}
    about |= {
        "GPU": torch.cuda.get_device_name(device.torch),
        "CUDA of torch": str(torch.version.cuda),
        "torch": torch.__version__,
    }
    comparisons = []
    if options.bits:
        start = time.monotonic()
        comparisons = bits.compare_all(device.torch)
        say(f"bits: {len(comparisons)} comparisons, {time.monotonic() - start:.0f} s")
    measured = []
    for case in options.cases:
        start = time.monotonic()
        measured.append(measure(case, options.rounds, device))
        torch.cuda.empty_cache()
        say(f"{case.name}, {time.monotonic() - start:.0f} s")
    return Found(about, options.rounds, comparisons, measured)


def main() -> int:
    options = parse()
    try:
        import torch
    except ImportError:
        say("Benchmarks/run cuda needs a torch with CUDA: pip install torch")
        return os.EX_UNAVAILABLE
    if not torch.cuda.is_available():
        say(f"Benchmarks/run cuda needs an NVIDIA GPU, and torch {torch.__version__} finds none")
        return os.EX_UNAVAILABLE
    from cuda import report

    found = run(options)
    deliver(report.text(found), report.full_json(found), report.markdown(found), options.json, options.markdown)
    return status(found.failed)


if __name__ == "__main__":
    if sys.version_info < (3, 11):
        sys.exit("Benchmarks/run cuda needs Python 3.11 or later")
    run_program(main)
