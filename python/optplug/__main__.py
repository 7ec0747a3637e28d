"""``python -m optplug list|inspect|validate|…``: the tool for plugin authors that comes with this package."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from optplug import _library


def main() -> None:
    """Becomes the program `optplug`, which finds this package's plugins too."""
    program = os.environ.get("OPTPLUG_TOOL") or str(Path(__file__).resolve().parent / "bin" / "optplug")
    os.environ["OPTPLUG_PATH"] = ":".join(_library.search_path())
    if helper := _library.probe():
        os.environ["OPTPLUG_PROBE"] = helper
    sys.stdout.flush()
    try:
        os.execv(program, ["optplug", *sys.argv[1:]])
    except OSError as error:
        sys.exit(f"optplug: {program} cannot be run: {error.strerror}; install the package anew")


if __name__ == "__main__":
    main()
