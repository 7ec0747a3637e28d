"""A GPU that is none: stand-ins for CUDA's driver and NVRTC, whose memory is the host's, so that torch's tensors fit."""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from optplug.torch import _gpu

SOURCES = Path(__file__).resolve().parents[3] / "Tests" / "FakeCUDA"


class FakeGPU:
    """The stand-in of the driver, which counts launches and captures graphs on the default stream."""

    def __init__(self, driver: ctypes.CDLL):
        self._driver = driver
        driver.fake_end_capture.restype = driver.fake_stream.restype = ctypes.c_void_p
        self.captures = False
        #: The current stream, as torch would have it; 0 is the default one.
        self.stream = 0

    @property
    def launches(self) -> int:
        return self._driver.fake_launches()

    def launches_on(self, stream: int) -> int:
        """How many kernels were enqueued on a stream."""
        return self._driver.fake_launches_on(ctypes.c_void_p(stream))

    def make_stream(self) -> int:
        return self._driver.fake_stream()

    def run_late(self, late: bool) -> None:
        """Whether what is enqueued waits until somebody waits for it."""
        self._driver.fake_run_late(int(late))

    def capture(self, body: Callable[[], object]) -> Callable[[], None]:
        """Captures what is enqueued meanwhile, on a stream of its own. Returns what replays it on the default one."""
        before, self.stream = self.stream, self.make_stream()
        place = ctypes.c_void_p(self.stream)
        self._driver.fake_begin_capture(place)
        self.captures = True
        try:
            body()
        finally:
            self.captures, self.stream = False, before
            graph = ctypes.c_void_p(self._driver.fake_end_capture(place))
        return lambda: self._driver.fake_replay(graph, None)


@pytest.fixture(scope="session")
def driver(tmp_path_factory) -> ctypes.CDLL:
    folder = tmp_path_factory.mktemp("cuda")
    libraries = {}
    for source, name in (("driver", "libcuda.so.1"), ("nvrtc", "libnvrtc.so.13")):
        header = f'-DHEADER="{SOURCES / "cuda_on_cpu.hpp"}"'
        command = ["c++", "-std=c++17", "-O1", "-shared", "-fPIC", header, f"-Wl,-soname,{name}"]
        subprocess.run([*command, "-o", folder / name, SOURCES / f"{source}.cpp", "-ldl"], check=True)
        libraries[source] = ctypes.CDLL(str(folder / name))
    libraries["driver"].fake_share_memory()
    return libraries["driver"]


@pytest.fixture(scope="session")
def cache(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def gpu(driver, cache, monkeypatch) -> Iterator[FakeGPU]:
    """From here on new optimizers take torch's CPU for a GPU."""
    fake = FakeGPU(driver)
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    # Another test may have loaded the real one under the same name.
    monkeypatch.setenv("OPTPLUG_NVRTC", str(Path(driver._name).with_name("libnvrtc.so.13")))
    monkeypatch.setattr(_gpu, "device_of", lambda parameters: torch.device("cpu"))
    monkeypatch.setattr(_gpu, "number_of", lambda device: 0)
    monkeypatch.setattr(_gpu, "current_stream", lambda device: fake.stream)
    monkeypatch.setattr(_gpu, "is_capturing", lambda device: fake.captures)
    monkeypatch.setattr(_gpu, "load_compiler", lambda: None)
    yield fake
    fake.run_late(False)
