"""The step benchmark's crew, with optplug.torch in the place of stepbench."""

import os
import sys
from pathlib import Path

from step.crew import BENCHMARKS, BUILD, ROOT, Crew
from step.worker import Worker

HOST_LIBRARY = BUILD / "host" / "liboptplug.so.1"
PLUGINS = ROOT / ".build" / "release"


def environment(threads: int) -> dict[str, str]:
    """What a process needs to find the package in this repository and the library and plugins that were built."""
    return os.environ | {
        "OMP_NUM_THREADS": str(threads),
        "PYTHONPATH": f"{BENCHMARKS}:{ROOT / 'python'}",
        "OPTPLUG_LIBRARY": str(HOST_LIBRARY),
        "OPTPLUG_PATH": str(PLUGINS),
        "OPTPLUG_PROBE": str(PLUGINS / "optplug-probe"),
        "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}",
    }


class PythonCrew(Crew):
    def start(self, family: str) -> Worker:
        if family != "ours":
            return super().start(family)
        if not HOST_LIBRARY.exists():
            raise FileNotFoundError(f"{HOST_LIBRARY.relative_to(ROOT)} is not built")
        command = [sys.executable, "-P", "-m", "python.serve", "--threads", str(self.threads)]
        return Worker(command, environment(self.threads), BUILD / "logs" / f"optplug.torch-{self.threads}.log")
