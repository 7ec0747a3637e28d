"""PyTorch as a worker: trains the networks of the fixtures' script in one memory layout.

Usage: python -m train.torch_trainer channels_last --threads 2
"""

import argparse
import importlib.util
import os
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy
import torch
from step.crew import ROOT
from step.environment import proc_field
from step.peers.serve import Reply, serve
from torch.nn import functional

from train.cases import CLASSES

NETWORKS = ROOT / "scripts" / "fixtures" / "networks.py"
LAYOUTS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}
# Of a square matrix product, as large as it takes to reach the machine's peak.
MATRIX = 2048
MATRIX_SECONDS = 0.25


def load_networks() -> ModuleType:
    """The networks that the tests compare ours with, with the activations that a user would take."""
    specification = importlib.util.spec_from_file_location("networks", NETWORKS)
    assert specification and specification.loader
    found = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(found)

    # The file's own ones look at every value.
    def rectify(values: torch.Tensor, slope: float = 0.0) -> torch.Tensor:
        return functional.leaky_relu_(values, slope) if slope else torch.relu_(values)

    setattr(found, "rectify", rectify)
    return found


def noise(start: int, count: int) -> numpy.ndarray:
    """Bytes from the formula that ours has too."""
    index = numpy.arange(start, start + count, dtype=numpy.uint32)
    word = index * numpy.uint32(2654435761)
    return ((word ^ (word >> numpy.uint32(15))) * numpy.uint32(2246822519) >> numpy.uint32(24)).astype(
        numpy.uint8
    )


class Training:
    """A network, its optimizer and images, and the loop that a careful user would write."""

    def __init__(self, case: dict[str, Any], layout: str, dropout: bool) -> None:
        networks = load_networks()
        name = case["network"]
        if name not in networks.NETWORKS:
            raise ValueError(f"{NETWORKS.name} has no network {name}")
        channels, size, count = case["channels"], case["size"], case["images"]
        self.layout = LAYOUTS[layout]
        # Dropout and stochastic depth, which the file leaves out unless told.
        rates = networks.TRAINING_RATES.get(name, {}) if dropout else {}
        self.model = networks.NETWORKS[name](channels, size, **rates)
        self.model = self.model.to(memory_format=self.layout).train()
        given = dict(case["torch_optimizer"])
        self.optimizer = getattr(torch.optim, given.pop("class"))(self.model.parameters(), **given)
        pixels = noise(0, count * channels * size * size).reshape(count, channels, size, size)
        self.pixels = torch.from_numpy(pixels)
        self.labels = torch.from_numpy((noise(1_000_003, count) % CLASSES).astype(numpy.int64))
        self.batch = case["batch"]
        self.steps = 0

    def step(self, order: torch.Tensor) -> float:
        images = self.pixels[order].to(torch.float32, memory_format=self.layout)
        # Pixels become -1...1.
        images.mul_(2 / 255).sub_(1)
        self.optimizer.zero_grad(set_to_none=True)
        loss = functional.cross_entropy(self.model(images), self.labels[order])
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def losses(self, count: int) -> list[float]:
        """Of the first steps, over batches in the order of the images."""
        whole = len(self.labels) // self.batch
        return [
            self.step(torch.arange(self.batch) + number % whole * self.batch) for number in range(count)
        ]  # fmt: skip

    def train(self, count: int) -> float:
        """Seconds of so many steps over shuffled batches."""
        start = time.perf_counter()
        for _ in range(count):
            place = self.steps * self.batch % len(self.labels)
            if place == 0:
                self.order = torch.randperm(len(self.labels))
            self.step(self.order[place : place + self.batch])
            self.steps += 1
        return time.perf_counter() - start


def matrix_product() -> float:
    """Floating-point operations a second of a plain matrix product."""
    a, b = torch.randn(MATRIX, MATRIX), torch.randn(MATRIX, MATRIX)
    result = torch.mm(a, b)
    done, start = 0, time.perf_counter()
    while (seconds := time.perf_counter() - start) < MATRIX_SECONDS:
        torch.mm(a, b, out=result)
        done += 1
    return done * 2 * MATRIX**3 / seconds


class TorchServer:
    """Answers as trainbench does; also writes start values and times a matrix product."""

    def __init__(self, layout: str) -> None:
        self.layout = layout
        self.trainings: dict[int, Training] = {}
        self.latest = 0

    def answer(self, request: dict[str, Any]) -> Reply:
        match request["do"]:
            case "hello":
                return {"name": f"torch, {self.layout}", "version": torch.__version__}
            case "losses":
                return {"losses": self.losses(request["case"], Path(request["path"]), request["count"])}
            case "prepare":
                self.latest += 1
                self.trainings[self.latest] = Training(request["case"], self.layout, dropout=True)
                return {"id": self.latest}
            case "step":
                return {"seconds": self.trainings[request["id"]].train(request["count"])}
            case "memory":
                return {"bytes": int(proc_field("/proc/self/status", "VmHWM").split()[0]) << 10}
            case "matrix product":
                return {"per_second": matrix_product()}
            case "release":
                del self.trainings[request["id"]]
                return {}
            case unknown:
                raise ValueError(f"no such request: {unknown}")

    def losses(self, case: dict[str, Any], path: Path, count: int) -> list[float]:
        """Start values come from the file, or go to it where there is none yet."""
        torch.manual_seed(1)
        training = Training(case, self.layout, dropout=False)
        parameters = list(training.model.parameters())
        with torch.no_grad():
            if path.exists():
                values = torch.from_numpy(numpy.fromfile(path, "<f4"))
                for parameter, part in zip(parameters, values.split([each.numel() for each in parameters])):
                    parameter.copy_(part.view(parameter.shape))
            else:
                flat = [each.contiguous().view(-1) for each in parameters]
                torch.cat(flat).numpy().astype("<f4").tofile(path)
        return training.losses(count)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("layout", choices=LAYOUTS)
    parser.add_argument("--threads", type=int, required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    # What a library prints must not get between the answers, so its standard output is the log.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    serve(TorchServer(arguments.layout), sys.stdin, answers)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
