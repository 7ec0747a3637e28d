"""convtrain and a PyTorch loop with the same weights, images, order and plugin: the same losses and weights."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Any

import numpy
import optplug.torch as optplug
import pytest
import torch
from torch import nn

safetensors = pytest.importorskip("safetensors.torch", reason="safetensors is not installed")

COUNT, BATCH, SEED = 88, 16, 42  # the last batch of an epoch is smaller
MASK = (1 << 64) - 1


def program() -> str | None:
    """OPTPLUG_CONVTRAIN, what lies beside the host library, or what `swift build` made."""
    root = Path(__file__).resolve().parents[2] / ".build"
    library = os.environ.get("OPTPLUG_LIBRARY")
    beside = Path(library).with_name("convtrain") if library else None
    found = [os.environ.get("OPTPLUG_CONVTRAIN"), beside, root / "release" / "convtrain", root / "debug" / "convtrain"]
    return next((str(path) for path in found if path and Path(path).exists()), shutil.which("convtrain"))


pytestmark = pytest.mark.skipif(program() is None, reason="convtrain is not built")


class SplitMix64:
    """The generator of Steele et al. 2014 (https://doi.org/10.1145/2660193.2660195), with convtrain's named streams."""

    STEP = 0x9E3779B97F4A7C15

    def __init__(self, seed: int, *path: int):
        self.state = seed
        for part in path:
            self.state = self.mixed(self.state + self.STEP) ^ self.mixed(part + 3 * self.STEP)

    @staticmethod
    def mixed(z: int) -> int:
        """The output function."""
        z &= MASK
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & MASK
        z = (z ^ z >> 27) * 0x94D049BB133111EB & MASK
        return z ^ z >> 31

    def below(self, bound: int) -> int:
        """Lemire's unbiased integers (https://arxiv.org/abs/1805.10941)."""
        while True:
            self.state = self.state + self.STEP & MASK
            product = self.mixed(self.state) * bound
            if product & MASK >= (1 << 64) % bound:
                return product >> 64

    def permutation(self, count: int) -> list[int]:
        """Fisher and Yates's shuffle, from the end."""
        order = list(range(count))
        for last in range(count - 1, 0, -1):
            other = self.below(last + 1)
            order[last], order[other] = order[other], order[last]
        return order


def epoch_order(epoch: int) -> list[int]:
    """The order of the images in an epoch: a function of seed and epoch alone."""
    return SplitMix64(SEED, 2, epoch).permutation(COUNT)


class LeNet(nn.Module):
    """convtrain's `lenet` for 28 x 28 images; its tensors have the same names."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 48, 5, padding=2), nn.Conv2d(48, 96, 5)
        self.fc1, self.fc2 = nn.Linear(2400, 512), nn.Linear(512, 10)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        for convolution in (self.conv1, self.conv2):
            images = nn.functional.max_pool2d(convolution(images).relu(), 2)
        return self.fc2(self.fc1(images.flatten(1)).relu())


def clip_gradients(model: nn.Module, limit: float) -> None:
    """As `clip_grad_norm_`, with the norm in float64: torch's in float32 is off by 1e-6 for so many elements."""
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    norm = sum(float(gradient.double().square().sum()) for gradient in gradients) ** 0.5
    for gradient in gradients:
        gradient.mul_(min(1.0, limit / norm))


class Setup:
    """A folder with images and convtrain's initial weights, and both ways to train from there."""

    def __init__(self, folder: Path):
        self.folder = folder
        generator = numpy.random.default_rng(0)
        patterns = generator.integers(0, 160, (10, 28, 28))
        for part, count in (("train", COUNT), ("t10k", 16)):
            labels = numpy.arange(count) % 10
            pixels = (patterns[labels] + generator.integers(0, 96, (count, 28, 28))).astype(numpy.uint8)
            header = struct.pack(">4I", 2051, count, 28, 28)
            (folder / f"{part}-images-idx3-ubyte").write_bytes(header + pixels.tobytes())
            header = struct.pack(">2I", 2049, count)
            (folder / f"{part}-labels-idx1-ubyte").write_bytes(header + labels.astype(numpy.uint8).tobytes())
            if part == "train":
                values = torch.from_numpy(pixels).double() / 255
                self.images = ((values - values.mean()) / values.std(correction=0)).float()[:, None]
                self.labels = torch.from_numpy(labels).long()
        self.initial = folder / "initial.safetensors"
        self.run("--skip-train", "--save", str(self.initial))

    def run(self, *arguments: str) -> dict[str, Any]:
        """convtrain's result."""
        command = [program() or "", "lenet", "--data", str(self.folder), "--val-split", "0", "--seed", str(SEED)]
        command += ["--batch-size", str(BATCH), "--threads", "1", "--json", "--quiet", "--no-run-dir"]
        command += arguments
        # Without AVX2 every convolution is computed by its definition, as PyTorch's are. Winograd's rounding, a few
        # times as coarse, would turn a max-pool's choice here and there, and the weights would part by 1e-3.
        environment = {**os.environ, "DNNL_MAX_CPU_ISA": "SSE41"}
        result = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)

    def convtrain(self, expression: str, *arguments: str) -> tuple[float, dict[str, torch.Tensor]]:
        """The mean loss of the last epoch, and the weights."""
        saved = self.folder / "final.safetensors"
        result = self.run(
            "--load", str(self.initial), "--optimizer-plugin", expression, "--save", str(saved), *arguments
        )
        return result["train_loss"], safetensors.load_file(saved)

    def torch(
        self, expression: str, epochs: int, clip: float | None = None
    ) -> tuple[list[list[float]], dict[str, torch.Tensor]]:
        """The loss summed over each batch, by epoch, and the weights."""
        model = LeNet()
        model.load_state_dict(safetensors.load_file(self.initial))
        optimizer = optplug.Optimizer(model.parameters(), expression)
        losses: list[list[float]] = []
        for epoch in range(epochs):
            losses.append([])
            for chosen in torch.tensor(epoch_order(epoch)).split(BATCH):

                def closure(chosen: torch.Tensor = chosen) -> torch.Tensor:
                    optimizer.zero_grad()
                    loss = nn.functional.cross_entropy(model(self.images[chosen]), self.labels[chosen])
                    loss.backward()
                    if clip is not None:
                        clip_gradients(model, clip)
                    return loss

                losses[-1].append(optimizer.step(closure).item() * len(chosen))
        with optimizer.evaluation_weights():
            return losses, {name: value.clone() for name, value in model.state_dict().items()}


@pytest.fixture(scope="module")
def setup(tmp_path_factory: pytest.TempPathFactory) -> Setup:
    return Setup(tmp_path_factory.mktemp("convtrain"))


def close(ours: float, theirs: float, tolerance: float = 1e-5) -> bool:
    """Within rounding, which grows from step to step: convolutions add up in other orders here and there."""
    return abs(ours / theirs - 1) < tolerance


def assert_weights_close(ours: dict[str, torch.Tensor], theirs: dict[str, torch.Tensor]) -> None:
    """Each tensor within 1e-4 of its norm."""
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        difference = float((value - theirs[name]).norm() / value.norm())
        assert difference < 1e-4, f"{name} differs by {difference:.1e} of its norm"


def test_images_and_weights_are_the_same(setup: Setup) -> None:
    """What both begin with: standardised images, and weights that PyTorch's names take."""
    model = LeNet()
    model.load_state_dict(safetensors.load_file(setup.initial))
    with torch.no_grad():
        loss = nn.functional.cross_entropy(model(setup.images), setup.labels).item()
    losses, _ = setup.torch("sgd(lr=0, weight_decay=0)", epochs=1)
    assert close(sum(losses[0]) / COUNT, loss, 1e-6)
    assert close(setup.convtrain("sgd(lr=0, weight_decay=0)", "--epochs", "1")[0], loss, 1e-6)


def test_each_step(setup: Setup) -> None:
    """The curve of the first epoch: mean losses over its first one, two, ... steps."""
    expression = "adam(lr=0.0005, weight_decay=0.0001)"
    losses, _ = setup.torch(expression, epochs=1)
    for steps in range(1, len(losses[0]) + 1):
        theirs, _ = setup.convtrain(expression, "--epochs", "1", "--limit-batches", str(steps))
        assert close(sum(losses[0][:steps]) / min(steps * BATCH, COUNT), theirs), f"step {steps}"


# Adam's usual eps of 1e-8 makes steps of full size from gradients that are nothing but rounding.
@pytest.mark.parametrize(
    ("expression", "clip"),
    [
        ("sgd(lr=0.01, momentum=0.9, weight_decay=0.0005)", 5.0),
        ("lookahead(k=4, adamw(lr=0.0005, eps=0.001, weight_decay=0.1))", None),
        ("lamb(lr=0.002, weight_decay=0.01)", None),
        ("sam(sgd(lr=0.01, momentum=0.9, weight_decay=0))", None),
    ],
)
def test_each_epoch_and_the_weights(setup: Setup, expression: str, clip: float | None) -> None:
    """Two epochs in two orders; the weights are those to evaluate with, under Lookahead the slow ones."""
    losses, weights = setup.torch(expression, epochs=2, clip=clip)
    for epochs in (1, 2):
        arguments = ["--epochs", str(epochs)] + ([] if clip is None else ["--grad-clip", str(clip)])
        theirs, their_weights = setup.convtrain(expression, *arguments)
        assert close(sum(losses[epochs - 1]) / COUNT, theirs), f"epoch {epochs}"
    assert_weights_close(weights, their_weights)
