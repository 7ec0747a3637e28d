"""The machine and the state it was in: whoever reads numbers needs these beside them."""

import datetime
import os
import platform
from pathlib import Path
from typing import Any

CPU = Path("/sys/devices/system/cpu/cpu0/cache")
HUGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage/enabled")
UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def cores() -> int:
    return len(os.sched_getaffinity(0))


def proc_field(path: str, name: str) -> str:
    """The first "name : value" of a file in /proc."""
    for line in read(Path(path)).splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return "unknown"


def caches() -> dict[str, int]:
    """Bytes of each cache that holds data, as the first core sees them."""
    found = {}
    for index in sorted(CPU.glob("index*")):
        if (size := read(index / "size")) and read(index / "type") != "Instruction":
            found[f"L{read(index / 'level')}"] = int(size.rstrip("KMG")) * UNITS.get(size[-1], 1)
    return found


def chosen(setting: str) -> str:
    """The word in brackets of a kernel setting."""
    return setting.partition("[")[2].partition("]")[0] or setting or "unknown"


def describe() -> dict[str, Any]:
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "cpu": proc_field("/proc/cpuinfo", "model name"),
        "cores": cores(),
        "caches": caches(),
        "memory": proc_field("/proc/meminfo", "MemTotal"),
        "transparent_huge_pages": chosen(read(HUGE_PAGES)),
        "kernel": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load_average_before": list(os.getloadavg()),
    }
