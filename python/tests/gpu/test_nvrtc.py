"""Kernels as the library compiles them: by the real NVRTC, for real GPUs, kept below the cache folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import nvrtc_library


@pytest.mark.skipif(nvrtc_library() is None, reason="needs the package nvidia-cuda-nvrtc")
@pytest.mark.parametrize(("number", "capability"), [(0, 80), (1, 89)])
def test_kernels_are_compiled_once(driver, tmp_path, number, capability):
    script = Path(__file__).with_name("real_compiler.py")
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path), "PYTHONWARNINGS": "error::UserWarning:optplug"}

    def launches() -> int:
        command = [sys.executable, script, driver._name, str(number)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0 and not done.stderr, done.stderr
        return int(done.stdout)

    # Three types: initial values, and two steps that differ; for two of the types masters.
    assert launches() == 3 * (1 + 2) + 2
    kernels = sorted((tmp_path / "optplug" / "programs").iterdir())
    assert kernels
    for kernel in kernels:
        code = kernel.read_bytes()
        assert kernel.suffix == ".cubin" and code[:4] == b"\x7fELF" and b"optplug_program" in code
        # A cubin's architecture is a byte of its ELF header's flags.
        assert capability in (code[48], code[49])
    times = [kernel.stat().st_mtime_ns for kernel in kernels]
    launches()
    assert sorted((tmp_path / "optplug" / "programs").iterdir()) == kernels
    assert [kernel.stat().st_mtime_ns for kernel in kernels] == times


def test_the_compiler_that_is_named_is_the_one(driver, tmp_path):
    """OPTPLUG_NVRTC, here a file that is none: the steps run on the CPU then, and say why."""
    script = Path(__file__).with_name("real_compiler.py")
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path), "OPTPLUG_NVRTC": "/nowhere/libnvrtc.so"}
    command = [sys.executable, script, driver._name, "0"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "0\n"
    assert "NVRTC is not found (/nowhere/libnvrtc.so)" in done.stderr
