"""Finds and loads liboptplug.so, and declares its functions as optplug_host.h does."""

from __future__ import annotations

import ctypes
import functools
import os
import threading
from ctypes import POINTER, c_char_p, c_double, c_int32, c_int64, c_uint8, c_uint16, c_uint32, c_uint64, c_void_p
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent

OK = 0
INVALID_ARGUMENT = 3
NOT_FOUND = 5
RESOURCE_EXHAUSTED = 8
FAILED_PRECONDITION = 9
NOT_FINITE = 11
UNIMPLEMENTED = 12
INTERNAL = 13

ALL_GROUPS = NO_PARAMETER = 0xFFFFFFFF
ALLOW_INSECURE, JIT, CUDA = 1, 2, 4
REEVALUATES, HAS_EVALUATION_WEIGHTS, REDUCES, USES_PROGRAMS = 1, 2, 4, 8
ARRAY_SLOT, ARRAY_COUNTER, ARRAY_MASTER = 0, 1, 2
CLIPS, KNOWS_LOSS, SCALES = 1, 2, 4
KIND_FLOAT, KIND_INTEGER, KIND_BOOLEAN, KIND_CHOICE = 0, 1, 2, 3
GRANULARITY_ELEMENT, GRANULARITY_BLOCK = 0, 1
EXTENT_AS_PARAMETER = 0


class OptPlugError(RuntimeError):
    """What the host library reports; `status` is its code (see optplug_host.h)."""

    def __init__(self, status: int, message: str):
        super().__init__(message)
        self.status = status


class Span(ctypes.Structure):
    _fields_ = [("data", c_void_p), ("count", c_uint32), ("stride", c_uint32)]


class DType(ctypes.Structure):
    _fields_ = [("code", c_uint8), ("bits", c_uint8), ("lanes", c_uint16)]


class Error(ctypes.Structure):
    _fields_ = [("struct_size", c_uint32), ("message_capacity", c_uint32), ("message", c_char_p)]


class Sized(ctypes.Structure):
    """A struct that begins with its size."""

    def __init__(self, **fields):
        super().__init__(struct_size=ctypes.sizeof(self), **fields)


class Parameter(Sized):
    _fields_ = [
        ("struct_size", c_uint32), ("group", c_uint32), ("name", c_char_p), ("data", c_void_p),
        ("shape", POINTER(c_int64)), ("strides", POINTER(c_int64)), ("ndim", c_uint32), ("dtype", DType),
    ]  # fmt: skip


class Setting(Sized):
    _fields_ = [("struct_size", c_uint32), ("group", c_uint32), ("name", c_char_p), ("value", c_char_p)]


class Options(Sized):
    _fields_ = [
        ("struct_size", c_uint32), ("group_count", c_uint32), ("expression", c_char_p), ("search_path", c_char_p),
        ("probe", c_char_p), ("parameters", Span), ("settings", Span), ("seed", c_uint64), ("threads", c_uint32),
        ("flags", c_uint32),
    ]  # fmt: skip


class Node(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_uint32), ("parent", c_uint32), ("name", c_char_p), ("path", c_char_p),
        ("file", c_char_p), ("granularity", c_uint32), ("granularity_block", c_uint32), ("capabilities", c_uint64),
    ]  # fmt: skip


class HyperparameterDescription(ctypes.Structure):
    """optplug_hyperparameter of optplug.h."""

    _fields_ = [
        ("name", c_char_p), ("doc", c_char_p), ("choices", POINTER(c_char_p)), ("default_value", c_double),
        ("min_value", c_double), ("max_value", c_double), ("kind", c_uint32), ("flags", c_uint32),
    ]  # fmt: skip


class Hyperparameter(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_uint32), ("node", c_uint32), ("path", c_char_p), ("key", c_char_p),
        ("description", POINTER(HyperparameterDescription)),
    ]  # fmt: skip


class Array(ctypes.Structure):
    _fields_ = [
        ("struct_size", c_uint32), ("kind", c_uint32), ("node", c_uint32), ("parameter", c_uint32),
        ("name", c_char_p), ("data", c_void_p), ("shape", POINTER(c_int64)), ("ndim", c_uint32),
        ("role", c_uint32), ("dtype", DType), ("extent", c_uint32),
    ]  # fmt: skip


class View(Sized):
    _fields_ = [
        ("struct_size", c_uint32), ("flags", c_uint32), ("nodes", Span), ("hyperparameters", Span),
        ("arrays", Span), ("step", c_uint64), ("granularity", c_uint32), ("granularity_block", c_uint32),
    ]  # fmt: skip


Reevaluate = ctypes.CFUNCTYPE(c_int32, c_void_p, POINTER(c_double))


class StepArguments(Sized):
    _fields_ = [
        ("struct_size", c_uint32), ("flags", c_uint32), ("gradients", c_void_p), ("gradient_strides", c_void_p),
        ("clipping_norm", c_double), ("gradient_scale", c_double), ("loss", c_double),
        ("reevaluate", Reevaluate), ("context", c_void_p), ("norm", c_double),
    ]  # fmt: skip


class _Message(threading.local):
    """Where the library writes why a call failed: one for each thread, since making one takes as long as a call."""

    def __init__(self) -> None:
        self._text = ctypes.create_string_buffer(4096)
        self._struct = Error(ctypes.sizeof(Error), len(self._text), ctypes.cast(self._text, c_char_p))
        self.error = ctypes.byref(self._struct)

    def taken(self) -> str:
        """The message of the call that failed last; it is gone afterwards."""
        text = self._text.value.decode(errors="replace")
        self._text.value = b""
        return text


_message = _Message()
_ERROR = POINTER(Error)
_FUNCTIONS = {
    "open": [POINTER(Options), POINTER(c_void_p), _ERROR],
    "describe": [c_char_p, c_char_p, c_char_p, c_void_p, c_uint64, POINTER(c_uint64), _ERROR],
    "look": [c_void_p, POINTER(View), _ERROR],
    "program_problem": [c_void_p, POINTER(c_char_p), _ERROR],
    "get": [c_void_p, c_uint32, c_uint32, POINTER(c_double), _ERROR],
    "set": [c_void_p, c_uint32, c_uint32, c_double, _ERROR],
    "find": [c_void_p, c_char_p, POINTER(c_uint32), _ERROR],
    "step": [c_void_p, POINTER(StepArguments), _ERROR],
    "enter_evaluation": [c_void_p, _ERROR],
    "leave_evaluation": [c_void_p, _ERROR],
    "move": [c_void_p, c_uint32, c_void_p, _ERROR],
    "move_state": [c_void_p, c_uint32, c_void_p, _ERROR],
    "save": [c_void_p, c_void_p, c_uint64, POINTER(c_uint64), _ERROR],
    "restore": [c_void_p, c_char_p, c_uint64, _ERROR],
    "reset_several": [c_void_p, c_void_p, c_uint32, _ERROR],
    "state_changed": [c_void_p, c_uint64, _ERROR],
    "use_cuda": [c_void_p, c_int32, c_void_p, _ERROR],
    "settle": [c_void_p, _ERROR],
}


class Library:
    """The loaded host library: each function of optplug_host.h under its name without the prefix."""

    def __init__(self, path: str):
        self.path = path
        try:
            self._library = ctypes.CDLL(path)
        except OSError as error:
            raise OptPlugError(
                FAILED_PRECONDITION,
                f"the host library cannot be loaded: {error}; install the package anew, or say in OPTPLUG_LIBRARY "
                "where liboptplug.so is",
            ) from None
        for name, arguments in _FUNCTIONS.items():
            function = getattr(self._library, f"optplug_host_{name}")
            function.argtypes, function.restype = arguments, c_int32
            setattr(self, name, function)
        self.close = self._library.optplug_host_close
        self.close.argtypes, self.close.restype = [c_void_p], None
        self.minor = self._library.optplug_host_minor
        self.minor.argtypes, self.minor.restype = [], c_uint32

    def call(self, name: str, *arguments) -> None:
        """Calls a function that can fail.

        Raises: OptPlugError with the library's message.
        """
        status = getattr(self, name)(*arguments, _message.error)
        if status != OK:
            raise OptPlugError(status, _message.taken())


@functools.cache
def library() -> Library:
    """The host library: that of OPTPLUG_LIBRARY, else the one in this package."""
    return Library(os.environ.get("OPTPLUG_LIBRARY") or str(_PACKAGE / "lib" / "liboptplug.so.1"))


def include_directory() -> str:
    """The folder of optplug.h and optplug_host.h, for ``cc -I``."""
    return str(_PACKAGE / "include")


def search_path() -> list[str]:
    """Folders in which optimizers are looked up by name, in this order.

    Those of OPTPLUG_PATH, this package's own, then where OptPlug is installed for the user and the machine.
    """
    own = [folder for folder in os.environ.get("OPTPLUG_PATH", "").split(":") if folder]
    home = [os.path.expanduser("~/.local/lib/optplug")] if os.environ.get("HOME") else []
    return [*own, str(_PACKAGE / "lib" / "optplug"), *home, "/usr/local/lib/optplug"]


def probe() -> str | None:
    """The helper that tries unknown files in a process of its own."""
    own = _PACKAGE / "bin" / "optplug-probe"
    return os.environ.get("OPTPLUG_PROBE") or (str(own) if own.exists() else None)
