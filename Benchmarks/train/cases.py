"""What is trained: networks, images and optimizers, and what the project promises of each."""

from dataclasses import dataclass, field
from typing import Any

CLASSES = 10
BATCH = 128
# Of the data set, 16 batches: an epoch ends now and then, as in a run.
IMAGES = 16 * BATCH
MEMORY_BOUND = 0.6


@dataclass(frozen=True)
class Network:
    name: str
    # Images a second over those of PyTorch in its better memory layout.
    bound: float = 1.0
    # Left out of --quick: a step takes seconds.
    slow: bool = False


NETWORKS = (
    Network("lenet", 1.9),
    Network("baseline", 1.2),
    Network("resnet18", 1.0, slow=True),
    Network("mlp"),
    Network("alexnet"),
    Network("vgg16", slow=True),
    Network("efficientnet-lite0"),
    Network("convnext-tiny", slow=True),
)
SHAPES = {"28x28x1": (1, 28), "32x32x3": (3, 32)}


@dataclass(frozen=True)
class Rule:
    """An optimizer as ours spells it and as torch.optim does."""

    name: str
    expression: str
    torch: dict[str, Any] = field(compare=False)


OPTIMIZERS = {
    "adam": Rule(
        "adam",
        "adam(lr=0.0005, weight_decay=0.0001)",
        {"class": "Adam", "lr": 0.0005, "weight_decay": 0.0001, "fused": True},
    ),
    "sgd": Rule(
        "sgd",
        "sgd(lr=0.01, momentum=0.9, nesterov=true, weight_decay=0.0001)",
        {
            "class": "SGD",
            "lr": 0.01,
            "momentum": 0.9,
            "nesterov": True,
            "weight_decay": 0.0001,
            "fused": True,
        },
    ),
}


@dataclass(frozen=True)
class Case:
    network: Network
    shape: str
    optimizer: Rule
    batch: int = BATCH

    @property
    def name(self) -> str:
        return f"{self.network.name}/{self.shape}"

    def request(self, threads: int, batch: int | None = None) -> dict[str, Any]:
        """The case as workers get it."""
        channels, size = SHAPES[self.shape]
        return {
            "network": self.network.name,
            "channels": channels,
            "size": size,
            "batch": batch or self.batch,
            "images": IMAGES // BATCH * (batch or self.batch),
            "optimizer": self.optimizer.expression,
            "torch_optimizer": self.optimizer.torch,
            "threads": threads,
        }


@dataclass(frozen=True)
class Contender:
    """One who trains: its name in tables, and torch's memory layout where it is torch."""

    name: str
    layout: str | None = None


OURS = Contender("convtrain")
CONTIGUOUS = Contender("torch, contiguous", "contiguous")
CHANNELS_LAST = Contender("torch, channels_last", "channels_last")
TORCHES = (CONTIGUOUS, CHANNELS_LAST)
CONTENDERS = (OURS, *TORCHES)
