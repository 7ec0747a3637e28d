"""The custom calls for XLA, with what XLA itself rarely hands over: buffers apart, out of line, too small."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from ctypes import CFUNCTYPE, POINTER, Structure, c_char_p, c_int32, c_int64, c_size_t, c_void_p
from pathlib import Path

import numpy as np
import pytest

jax = pytest.importorskip("jax")

from optplug import search_path  # noqa: E402
from optplug.jax import _native  # noqa: E402

_DTYPES = {"float32": 11, "int32": 4, "float64": 12, "bfloat16": 16}
_EXECUTE = 3


class _Buffer(Structure):
    _fields_ = [
        ("struct_size", c_size_t), ("extensions", c_void_p), ("dtype", c_int32), ("data", c_void_p),
        ("rank", c_int64), ("dims", POINTER(c_int64)),
    ]  # fmt: skip


class _Values(Structure):
    _fields_ = [
        ("struct_size", c_size_t), ("extensions", c_void_p), ("count", c_int64), ("kinds", POINTER(c_int32)),
        ("items", POINTER(c_void_p)),
    ]  # fmt: skip


class _Text(Structure):
    _fields_ = [("text", c_char_p), ("length", c_size_t)]


class _Scalar(Structure):
    _fields_ = [("dtype", c_int32), ("value", c_void_p)]


class _Attributes(Structure):
    _fields_ = [
        ("struct_size", c_size_t), ("extensions", c_void_p), ("count", c_int64), ("kinds", POINTER(c_int32)),
        ("names", POINTER(POINTER(_Text))), ("items", POINTER(c_void_p)),
    ]  # fmt: skip


class _ErrorArguments(Structure):
    _fields_ = [("struct_size", c_size_t), ("extensions", c_void_p), ("message", c_char_p), ("code", c_int32)]


_CreateError = CFUNCTYPE(c_void_p, POINTER(_ErrorArguments))


class _Version(Structure):
    _fields_ = [("struct_size", c_size_t), ("extensions", c_void_p), ("major", c_int32), ("minor", c_int32)]


class _API(Structure):
    _fields_ = [
        ("struct_size", c_size_t), ("extensions", c_void_p), ("version", _Version), ("internals", c_void_p),
        ("create_error", _CreateError),
    ]  # fmt: skip


class _Frame(Structure):
    _fields_ = [
        ("struct_size", c_size_t), ("extensions", c_void_p), ("api", POINTER(_API)), ("context", c_void_p),
        ("stage", c_int32), ("operands", _Values), ("results", _Values), ("attributes", _Attributes),
    ]  # fmt: skip


def _values(arrays: list[np.ndarray]) -> tuple[_Values, list]:
    buffers = []
    for array in arrays:
        dims = (c_int64 * array.ndim)(*array.shape)
        dtype = _DTYPES[array.dtype.name]
        buffers.append(_Buffer(ctypes.sizeof(_Buffer), None, dtype, array.ctypes.data, array.ndim, dims))
    items = (c_void_p * len(buffers))(*(ctypes.addressof(buffer) for buffer in buffers))
    kinds = (c_int32 * len(buffers))(*[1] * len(buffers))
    return _Values(ctypes.sizeof(_Values), None, len(buffers), kinds, items), [buffers, items, kinds]


def call(
    name: str, number: int, operands: list[np.ndarray], results: list[np.ndarray]
) -> tuple[int, str] | None:
    """Calls as XLA does; code and message of its error, or None."""
    errors: list[tuple[int, str]] = []

    def create(arguments) -> int:
        errors.append((arguments[0].code, arguments[0].message.decode()))
        return 1

    version = _Version(ctypes.sizeof(_Version), None, 0, 3)
    api = _API(ctypes.sizeof(_API), None, version, None, _CreateError(create))
    text = _Text(b"optimizer", 9)
    value = c_int64(number)
    scalar = _Scalar(5, ctypes.addressof(value))
    attributes = _Attributes(
        ctypes.sizeof(_Attributes), None, 1, (c_int32 * 1)(3), (POINTER(_Text) * 1)(ctypes.pointer(text)),
        (c_void_p * 1)(ctypes.addressof(scalar)),
    )  # fmt: skip
    given, _kept = _values(operands)
    wanted, _kept_too = _values(results)
    frame = _Frame(
        ctypes.sizeof(_Frame), None, ctypes.pointer(api), None, _EXECUTE, given, wanted, attributes
    )
    function = _native._functions()[name]
    function.argtypes, function.restype = [c_void_p], c_void_p
    failed = function(ctypes.addressof(frame))
    assert bool(failed) == bool(errors)
    return errors[0] if errors else None


def description(dtype: str = "float32", scheduled: tuple[str, ...] = ()) -> _native.Description:
    """Lookahead over Adam for two tensors."""
    parameters = (_native.Parameter("w", (5, 3), dtype), _native.Parameter("b", (3,), dtype))
    return _native.Description("lookahead(k=2, adam)", (), scheduled, 1, 0, tuple(search_path()), parameters)


def apart(array: np.ndarray, shift: int) -> np.ndarray:
    """A copy that begins so many bytes after a multiple of 64."""
    memory = np.zeros(array.nbytes + 192, np.uint8)
    start = -memory.ctypes.data % 64 + shift
    copy = memory[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


class Course:
    """Steps with memory where the test wants it."""

    def __init__(self, dtype: str = "float32", shift: int = 0, in_place: bool = True):
        self._shift, self._in_place = shift, in_place
        self.native = _native.native(description(dtype))
        self.number = self.native._number
        random = np.random.default_rng(5)
        dtype = np.dtype(dtype)
        self.parameters = [
            self.place(random.standard_normal(shape).astype(dtype)) for shape in ((5, 3), (3,))
        ]
        self.grads = [self.place(random.standard_normal(shape).astype(dtype)) for shape in ((5, 3), (3,))]
        structs = self.native.layout.structs()
        self.state = [self.place(np.full(struct.shape, 7, struct.dtype)) for struct in structs]
        assert call("optplug_host_xla_init", self.number, self.parameters, self.state) is None

    def place(self, array: np.ndarray) -> np.ndarray:
        """A copy where this course has its arrays."""
        return apart(array, self._shift)

    def step(self) -> None:
        """Takes one."""
        carried = [*self.parameters, *self.state]
        results = carried if self._in_place else [self.place(np.zeros_like(array)) for array in carried]
        before = [array.copy() for array in carried]
        operands = [*self.parameters, *self.grads, *self.state]
        assert call("optplug_host_xla_step", self.number, operands, results) is None
        if not self._in_place:
            assert all(np.array_equal(a, b) for a, b in zip(before, carried, strict=True))
        self.parameters, self.state = results[:2], results[2:]

    def bits(self) -> list[bytes]:
        """All that there is now."""
        return [array.tobytes() for array in [*self.parameters, *self.state]]


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_memory_apart_and_out_of_line(dtype):
    courses = [
        Course(dtype, shift=shift, in_place=in_place) for shift in (0, 4) for in_place in (True, False)
    ]
    for _ in range(6):
        # Each takes its turn on the same optimizer, which has to move every time.
        for course in courses:
            course.step()
    for course in courses[1:]:
        assert course.bits() == courses[0].bits()


def test_operands_and_results_are_checked():
    course = Course()
    operands = [*course.parameters, *course.grads, *course.state]
    results = [*course.parameters, *course.state]

    def refuses(place: int, array: np.ndarray, message: str, among: str = "operands") -> None:
        given, wanted = list(operands), list(results)
        (given if among == "operands" else wanted)[place] = array
        code, text = call("optplug_host_xla_step", course.number, given, wanted)
        assert code == 3
        assert message in text

    before = course.bits()
    refuses(0, np.zeros((5, 4), np.float32), "parameter 0")
    refuses(0, np.zeros((5, 3), np.float64), "parameter 0")
    refuses(3, np.zeros(4, np.float32), "parameter 1")
    refuses(4, np.zeros(4, np.float32), "array 0 of the state")
    refuses(len(operands) - 1, np.zeros(2, np.int32), "counters")
    refuses(len(operands) - 1, np.array(-1, np.int32), "the state's step is -1")
    refuses(1, np.zeros(4, np.float32), "parameter 1", "results")
    code, text = call("optplug_host_xla_step", course.number, operands[:-1], results)
    assert (code, "operands" in text) == (3, True)
    code, text = call("optplug_host_xla_step", course.number, operands, results[:-1])
    assert (code, "results" in text) == (3, True)
    assert course.bits() == before


def test_numbers_that_are_not_open():
    course = Course()
    operands = [*course.parameters, *course.grads, *course.state]
    code, text = call(
        "optplug_host_xla_step", course.number ^ 1, operands, [*course.parameters, *course.state]
    )
    assert (code, "closed" in text) == (9, True)


def test_layout_is_that_of_jaxlib(tmp_path):
    root = Path(__file__).resolve().parents[2]
    frames = root / "Sources" / "CHostXLA" / "frames.h"
    compiler = shutil.which("cc")
    if not frames.exists() or compiler is None:
        pytest.skip("needs OptPlug's sources and a C compiler")
    members = {
        "xla_extension XLA_FFI_Extension_Base": "kind=type next",
        "xla_version XLA_FFI_Api_Version": "major_version minor_version",
        "xla_metadata XLA_FFI_Metadata": "version=api_version traits",
        "xla_metadata_extension XLA_FFI_Metadata_Extension": "metadata",
        "xla_error_arguments XLA_FFI_Error_Create_Args": "message code=errc",
        "xla_api XLA_FFI_Api": "version=api_version create_error=XLA_FFI_Error_Create",
        "xla_buffer XLA_FFI_Buffer": "dtype data rank dims",
        "xla_values XLA_FFI_Args": "count=size kinds=types items=args",
        "xla_values XLA_FFI_Rets": "count=size kinds=types items=rets",
        "xla_text XLA_FFI_ByteSpan": "text=ptr length=len",
        "xla_scalar XLA_FFI_Scalar": "dtype value",
        "xla_attributes XLA_FFI_Attrs": "count=size kinds=types names items=attrs",
        "xla_frame XLA_FFI_CallFrame": "api context=ctx stage operands=args results=rets attributes=attrs",
    }
    lines = [f'#include "{frames}"', "#include <xla/ffi/api/c_api.h>"]
    for pair, fields in members.items():
        mine, theirs = pair.split()
        for field in fields.split():
            own, _, other = field.partition("=")
            lines.append(
                f"_Static_assert(offsetof({mine}, {own}) == offsetof({theirs}, {other or own}) && "
                f"sizeof((({mine} *)0)->{own}) == sizeof((({theirs} *)0)->{other or own}), "
                f'"{mine}.{own}");'
            )
    types = ["S8", "S16", "S32", "S64", "U8", "U16", "U32", "U64", "F16", "F32", "F64", "BF16"]
    for mine, theirs in {
        **{f"XLA_{name}": f"DataType_{name}" for name in types},
        "XLA_EXTENSION_METADATA": "Extension_Metadata",
        "XLA_MAJOR": "API_MAJOR",
        "XLA_VALUE_BUFFER": "ArgType_BUFFER",
        "XLA_ATTRIBUTE_SCALAR": "AttrType_SCALAR",
        "XLA_STAGE_EXECUTE": "ExecutionStage_EXECUTE",
    }.items():
        lines.append(f'_Static_assert((int){mine} == (int)XLA_FFI_{theirs}, "{mine}");')
    source = tmp_path / "layout.c"
    source.write_text("\n".join(lines) + "\n")
    done = subprocess.run(
        [compiler, "-std=gnu11", "-fsyntax-only", "-I", jax.ffi.include_dir(), str(source)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
