"""Fake devices for the tests of this folder."""

from __future__ import annotations

import pytest
from fake_device import FakeDevice, FakeDevices
from optplug.torch import _device, _mirror


@pytest.fixture
def devices(monkeypatch) -> FakeDevices:
    fakes = FakeDevices()
    monkeypatch.setattr(_device, "device_of", fakes)
    monkeypatch.setattr(_mirror, "SMALL", 32)  # biases are small, weights are not
    return fakes


@pytest.fixture
def device() -> FakeDevice:
    return FakeDevice()


@pytest.fixture(params=[False, True], ids=["late", "early"])
def each_device(request) -> FakeDevice:
    """A device that reads as late as it may, and one that reads at once."""
    return FakeDevice(reads_early=request.param)
