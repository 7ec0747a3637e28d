"""The CUDA source of formulas, compiled by NVRTC for real devices; no device and no CUDA installation is needed."""

import ctypes
import json
import re
import subprocess
import sys
from functools import cache

import pytest
from helpers import nvrtc_library

TREES = [
    "sgd",
    "sgd(momentum=0.9, nesterov=true)",
    "adam(amsgrad=true)",
    "lion",
    "rmsprop(momentum=0.9, centered=true)",
    "adagrad",
    "nadam",
    "radam",
    "lookahead(k=5, adamw)",
    "ema(adam)",
    "schedulefree(adamw(beta1=0))",
]


@cache
def nvrtc():
    return ctypes.CDLL(str(nvrtc_library()))


pytestmark = pytest.mark.skipif(nvrtc_library() is None, reason="needs the package nvidia-cuda-nvrtc")


def ptx(source: str, architecture: str) -> str:
    """Compiles without any option that touches arithmetic."""
    library = nvrtc()
    program = ctypes.c_void_p()
    assert library.nvrtcCreateProgram(ctypes.byref(program), source.encode(), b"formula.cu", 0, None, None) == 0
    options = [f"--gpu-architecture={architecture}".encode(), b"--std=c++17"]
    status = library.nvrtcCompileProgram(program, len(options), (ctypes.c_char_p * len(options))(*options))
    size = ctypes.c_size_t()
    library.nvrtcGetProgramLogSize(program, ctypes.byref(size))
    log = ctypes.create_string_buffer(size.value)
    library.nvrtcGetProgramLog(program, log)
    assert status == 0, f"{log.value.decode()}\n{source}"
    assert "warning" not in log.value.decode(), log.value.decode()
    library.nvrtcGetPTXSize(program, ctypes.byref(size))
    text = ctypes.create_string_buffer(size.value)
    library.nvrtcGetPTX(program, text)
    library.nvrtcDestroyProgram(ctypes.byref(program))
    return text.value.decode()


def programs(expression: str, dtype: str) -> list[dict]:
    command = [sys.executable, "-m", "optplug", "inspect", expression, "--formula"]
    command += ["--language", "cuda", "--dtype", dtype, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)["programs"]


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16", "float16"])
@pytest.mark.parametrize("expression", TREES)
def test_compiles_and_rounds_as_written(expression, dtype):
    for program in programs(expression, dtype):
        for architecture in ("compute_80", "compute_90"):
            text = ptx(program["source"], architecture)
            assert ".visible .entry optplug_program(" in text
            # Every operation names its rounding, so that the assembler may not contract two to one; nothing is
            # approximate or flushed.
            arithmetic = re.findall(r"^\s*((?:add|sub|mul|div|fma|sqrt)\.[a-z0-9.]*f(?:32|64))", text, re.MULTILINE)
            assert all(".rn." in operation for operation in arithmetic), set(arithmetic)
            assert not re.search(r"\.(approx|ftz|full)\b", text)
            # As many fused ones as are written, in each copy of the loop's body.
            written = len(re.findall(r"__fmaf?_rn\(", program["source"]))
            fused = sum(operation.startswith("fma") for operation in arithmetic)
            assert fused % written == 0 and fused >= written if written else fused == 0, (fused, written)
            # 16 bytes at a time.
            wide = "v2" if dtype == "float64" else "v4"
            assert re.search(rf"ld\.global\.{wide}\.", text) and re.search(rf"st\.global\.{wide}\.", text)


def test_an_intrinsic_that_does_not_exist_is_refused():
    """The control: the compiler looks at what it is given."""
    with pytest.raises(AssertionError):
        ptx(programs("sgd", "float32")[0]["source"].replace("__fmaf_rn", "__fmaf_sideways"), "compute_80")
