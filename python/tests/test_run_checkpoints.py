"""Checkpoints of convtrain's runs: Python reads them, checks them, and writes them back so that a run goes on."""

from __future__ import annotations

import json
import struct
import subprocess
import zlib
from pathlib import Path

import numpy
import pytest
from test_convtrain import program

safetensors = pytest.importorskip("safetensors", reason="safetensors is not installed")
save_file = pytest.importorskip("safetensors.numpy").save_file

pytestmark = pytest.mark.skipif(program() is None, reason="convtrain is not built")


def run(folder: Path, *arguments: str) -> str:
    """What convtrain says on stderr."""
    result = subprocess.run(
        [program() or "", *arguments], cwd=folder, capture_output=True, text=True, timeout=120
    )
    assert result.returncode == 0, result.stderr
    return result.stderr


def content(path: Path) -> tuple[dict[str, str], dict[str, numpy.ndarray]]:
    """Metadata and tensors of a file."""
    with safetensors.safe_open(path, "numpy") as file:
        return file.metadata(), {name: file.get_tensor(name) for name in file.keys()}


def run_state(metadata: dict[str, str]) -> dict[str, object]:
    """Where the run is, without the time that it took."""
    state = json.loads(metadata["convtrain.run_state"])
    del state["secondsSpent"]
    return state


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the run `whole`, of eight steps with a checkpoint after each."""
    path = tmp_path_factory.mktemp("runs")
    generator = numpy.random.default_rng(0)
    (path / "data").mkdir()
    for part, count in (("train", 64), ("t10k", 16)):
        labels = (numpy.arange(count) % 10).astype(numpy.uint8)
        pixels = generator.integers(0, 256, (count, 28, 28)).astype(numpy.uint8)
        header = struct.pack(">4I", 2051, count, 28, 28)
        (path / "data" / f"{part}-images-idx3-ubyte").write_bytes(header + pixels.tobytes())
        header = struct.pack(">2I", 2049, count)
        (path / "data" / f"{part}-labels-idx1-ubyte").write_bytes(header + labels.tobytes())
    arguments = ["mlp", "--hidden-sizes", "4", "--data", "data", "--val-split", "0", "--batch-size", "16"]
    arguments += ["--epochs", "2", "--threads", "1", "--lookahead", "--checkpoint-every", "1", "--keep", "8"]
    run(path, *arguments, "--run-dir", "whole")
    return path


def test_python_reads_and_checks_it(folder: Path) -> None:
    """Names, shapes and counters are there, and the checksums are zlib's."""
    metadata, tensors = content(folder / "whole/checkpoints/step-00000008.safetensors")
    assert tensors["fc1.weight"].shape == (4, 784) and tensors["fc1.weight"].dtype == numpy.float32
    for slot in ("slow", "base.exp_avg", "base.exp_avg_sq"):
        assert tensors[f"fc1.weight/{slot}"].shape == (4, 784)
    assert tensors["optimizer/step"] == 8
    checksums = [format(zlib.crc32(tensors[name].tobytes()), "08x") for name in sorted(tensors)]
    assert checksums == metadata["crc32"].split(" ")
    state = run_state(metadata)
    assert state["position"] == {"epoch": 2, "step": 8, "stepInEpoch": 0}


def test_a_file_that_python_wrote_back_goes_on(folder: Path) -> None:
    """Python orders tensors and metadata in its own way; the run that goes on has the same end, bit for bit."""
    subprocess.run(["cp", "-r", "whole", "again"], cwd=folder, check=True)
    checkpoints = folder / "again/checkpoints"
    for step in (6, 7, 8):
        (checkpoints / f"step-0000000{step}.safetensors").unlink()
    path = checkpoints / "step-00000005.safetensors"
    metadata, tensors = content(path)
    before = path.read_bytes()
    save_file(tensors, path, metadata=metadata)
    assert path.read_bytes() != before
    assert "step-00000005" in run(folder, "--resume", "again")
    metadata, tensors = content(checkpoints / "step-00000008.safetensors")
    expected, whole = content(folder / "whole/checkpoints/step-00000008.safetensors")
    assert tensors.keys() == whole.keys()
    assert all(tensors[name].tobytes() == whole[name].tobytes() for name in whole)
    assert metadata["crc32"] == expected["crc32"] and run_state(metadata) == run_state(expected)


def test_what_python_changed_is_refused(folder: Path) -> None:
    """The tensor whose values are not those of its checksum is named, and the checkpoint before it taken."""
    subprocess.run(["cp", "-r", "whole", "changed"], cwd=folder, check=True)
    path = folder / "changed/checkpoints/step-00000008.safetensors"
    metadata, tensors = content(path)
    tensors["fc1.weight/slow"][0, 0] += 1
    save_file(tensors, path, metadata=metadata)
    said = run(folder, "--resume", "changed")
    assert "fc1.weight/slow is damaged" in said and "resumed from changed/checkpoints/step-00000007" in said
