"""What `convtrain --tensorboard` writes, read by TensorBoard's own reader, across an interruption and a resume."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from test_convtrain import program

accumulators = pytest.importorskip(
    "tensorboard.backend.event_processing.event_accumulator", reason="tensorboard is not installed"
)
pytestmark = pytest.mark.skipif(program() is None, reason="convtrain is not built")


def convtrain(folder: Path, *arguments: str) -> None:
    """Runs it in `folder`."""
    command = [program() or "", *arguments, "--quiet"]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr


def test_scalars_and_settings_across_a_resume(tmp_path: Path) -> None:
    """Each step once and with the log's values, although the second process makes the second epoch again."""
    convtrain(
        tmp_path, "lenet", "--epochs", "2", "--limit-batches", "4", "--batch-size", "8", "--run-dir", "run",
        "--tensorboard", "--schedule", "constant",
    )
    first = sorted((tmp_path / "run" / "checkpoints").glob("step-*4.safetensors"))[0]
    convtrain(tmp_path, "--resume", str(first), "--epochs", "3")
    files = list((tmp_path / "run" / "tensorboard").iterdir())
    assert len(files) == 2

    reader = accumulators.EventAccumulator(str(tmp_path / "run" / "tensorboard"), size_guidance={"scalars": 0})
    reader.Reload()
    tags = reader.Tags()
    assert {"loss/train", "accuracy/validation", "lr", "images_per_second", "loss/test"} <= set(tags["scalars"])
    losses = reader.Scalars("loss/train")
    assert [event.step for event in losses] == list(range(1, 13))
    log = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    expected = [event["loss"] for event in log if event["event"] == "step"]
    assert [event.value for event in losses] == pytest.approx(expected, rel=1e-6)
    assert [event.step for event in reader.Scalars("accuracy/validation")] == [4, 8, 12]
    assert all(event.wall_time > 1.7e9 for event in losses)
    text = reader.Tensors("settings/text_summary" if "settings/text_summary" in tags["tensors"] else "settings")
    assert b"| optimizer | adam(" in text[0].tensor_proto.string_val[0]
