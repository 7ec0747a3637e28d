"""Starts one process for each contender of a case, so that each has its own peak of memory."""

import os
import sys

from step.crew import BENCHMARKS, BUILD, ROOT
from step.worker import Worker

from train.cases import Contender

TRAINBENCH = ROOT / ".build" / "release" / "trainbench"

# glibc gives large blocks back at once and takes them anew, zeroed page by page, for each operation; told to
# keep them, PyTorch is up to a fifth faster. Without this the comparison would not be fair.
TUNED_ALLOCATOR = "glibc.malloc.mmap_max=0:glibc.malloc.trim_threshold=17179869184"


# What the libraries of all contenders read that may use fewer instructions than the processor has: oneDNN (old
# name and new), PyTorch's own loops, and MKL.
INSTRUCTIONS = {
    "native": {},
    "avx2": {
        "DNNL_MAX_CPU_ISA": "AVX2",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "ATEN_CPU_CAPABILITY": "avx2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    },
}


def environment(contender: Contender, threads: int, instructions: str) -> dict[str, str]:
    """What the process gets: convtrain's OpenMP settings for ours, none but the count for torch."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("OMP_", "GOMP_", "KMP_", "MKL_", "GLIBC_TUNABLES", "MALLOC_", "DNNL_", "ONEDNN_", "ATEN_"))
    }
    own = {"OMP_NUM_THREADS": str(threads), "PYTHONPATH": str(BENCHMARKS)}
    found = inherited | own | INSTRUCTIONS[instructions]
    if contender.layout:
        return found | {"GLIBC_TUNABLES": TUNED_ALLOCATOR}
    return found | {"GOMP_SPINCOUNT": "1000", "OPTPLUG_PATH": str(TRAINBENCH.parent)}


def start(contender: Contender, threads: int, instructions: str) -> Worker:
    if contender.layout:
        command = [
            sys.executable,
            "-P",
            "-m",
            "train.torch_trainer",
            contender.layout,
            "--threads",
            str(threads),
        ]
    else:
        if not TRAINBENCH.exists():
            raise FileNotFoundError("trainbench is not built: swift build -c release --product trainbench")
        command = [str(TRAINBENCH)]
    name = (contender.layout or "ours").replace("_", "-")
    return Worker(command, environment(contender, threads, instructions), BUILD / "logs" / f"train-{name}.log")
