"""What is measured: lists of tensors, optimizers with their hyperparameters, and who takes part in which case."""

import math
from dataclasses import dataclass, field
from functools import cached_property

Shape = list[int]


@dataclass(frozen=True)
class Tensors:
    """A model, as far as an optimizer can see it."""

    name: str
    title: str
    shapes: list[Shape] = field(repr=False, compare=False)

    @cached_property
    def elements(self) -> int:
        return sum(math.prod(shape) for shape in self.shapes)


def resnet18_shapes() -> list[Shape]:
    """The 62 parameters of ResNet-18 for 32 x 32 images in 10 classes, in torchvision's order."""
    width = 64
    shapes: list[Shape] = [[width, 3, 3, 3], [width], [width]]
    for outputs in (64, 128, 256, 512):
        for block in range(2):
            inputs = width if block == 0 else outputs
            shapes += [[outputs, inputs, 3, 3], [outputs], [outputs], [outputs, outputs, 3, 3], [outputs], [outputs]]
            if inputs != outputs:
                shapes += [[outputs, inputs, 1, 1], [outputs], [outputs]]
        width = outputs
    return shapes + [[10, width], [10]]


def flat(name: str, elements: int) -> Tensors:
    return Tensors(f"flat-{name}", f"one tensor of {elements:,} parameters", [[elements]])


RESNET18 = Tensors("resnet18", "ResNet-18 (62 tensors, 11.2 M parameters)", resnet18_shapes())
SMALL = Tensors("small", "10,000 tensors of 64 parameters", [[64]] * 10_000)
FLAT_64M = flat("64M", 64 << 20)
FLAT_256M = flat("256M", 256 << 20)
SWEEP = (flat("10k", 10_000), flat("100k", 100_000), flat("1M", 1 << 20), flat("4M", 4 << 20), flat("16M", 16 << 20))


@dataclass(frozen=True)
class Task:
    """An optimizer with its hyperparameters, and the memory that its step cannot avoid to move."""

    name: str
    title: str
    optimizer: str
    hyperparameters: dict[str, float] = field(compare=False)
    bytes_per_parameter: float
    state_arrays: int
    clip: float | None = None

    @property
    def period(self) -> int:
        """Steps after which the same work comes again."""
        return int(self.hyperparameters.get("k", 1))


BETAS = {"lr": 1e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8}


def lookahead(k: int) -> Task:
    """A sync reads and writes the slow weights; the parameters that it changes are in the cache already."""
    hyperparameters = BETAS | {"k": k, "alpha": 0.5}
    return Task(f"lookahead-k{k}", f"Lookahead(Adam), k={k}", "lookahead-adam", hyperparameters, 28 + 8 / k, 3)


SGD = Task("sgd", "SGD, Nesterov momentum", "sgd", {"lr": 1e-3, "momentum": 0.9, "nesterov": 1}, 20, 1)
ADAM = Task("adam", "Adam", "adam", BETAS, 28, 2)
ADAMW = Task("adamw", "AdamW", "adamw", BETAS | {"weight_decay": 1e-2}, 28, 2)
# Clipping at 0.01 acts in every case: the gradients have a norm of 3.6 and more.
ADAM_CLIP = Task("adam-clip", "global norm clipped, Adam", "adam", BETAS, 32, 2, clip=0.01)
LOOKAHEAD_1 = lookahead(1)
LOOKAHEAD_5 = lookahead(5)


@dataclass(frozen=True)
class Who:
    """An implementation: which worker has it, what it is called there, and where tensors lie in memory."""

    name: str
    family: str
    implementation: str | None
    layout: str = "arena"
    temporaries: int = 0
    all_threads_only: bool = False
    by_design: str = ""


OURS = Who("ours", "ours", "optplug")
OURS_FOREIGN = Who("ours, foreign memory", "ours", "optplug", layout="foreign")
# One compiled program for each step of the whole tree.
OURS_JIT = Who("ours, jit", "ours", "optplug-jit")
OURS_JIT_FOREIGN = Who("ours, jit, foreign memory", "ours", "optplug-jit", layout="foreign")
LIMIT = Who("limit", "limit", None)
TORCH_FUSED = Who("torch fused", "torch", "fused")
TORCH_FOREACH = Who("torch foreach", "torch", "foreach", temporaries=2)
TORCH_LOOP = Who("torch for-loop (default)", "torch", "for-loop", temporaries=2)
DEEPSPEED = Who("DeepSpeed CPUAdam", "deepspeed", "CPUAdam")
OPTAX = Who("Optax, jit", "optax", "jit", temporaries=2, all_threads_only=True)
NUMPY = Who("NumPy, textbook", "numpy", "textbook", temporaries=3, all_threads_only=True)
PYTORCH_OPTIMIZER = Who("pytorch-optimizer over fused", "pytorch-optimizer", "Lookahead")
TIMM = Who("timm over fused", "timm", "Lookahead", temporaries=1, by_design="differs by design: first sync is a no-op")

# What a missing worker needs.
FAMILIES = {
    "ours": "swift build -c release --product stepbench",
    "limit": "swift build -c release --product stepbench",
    "torch": "pip install torch==2.13.0+cpu numpy",
    "optax": "pip install 'jax[cpu]' optax",
    "pytorch-optimizer": "pip install pytorch-optimizer",
    "timm": "pip install --no-deps timm",
    "deepspeed": "pip install deepspeed, with g++ and ninja on the path",
    "numpy": "pip install numpy",
}
PEERS = [family for family in FAMILIES if family not in ("ours", "limit")]


@dataclass(frozen=True)
class Entry:
    """One implementation of one task."""

    who: Who
    task: Task


@dataclass(frozen=True)
class Case:
    """Entries that are measured in the same rounds, so that ratios between any two of them are paired."""

    name: str
    tensors: Tensors
    entries: tuple[Entry, ...]
    quick: bool = False
    all_threads_only: bool = False


def entries(task: Task, *peers: Who) -> tuple[Entry, ...]:
    return tuple(Entry(who, task) for who in (OURS, OURS_JIT, LIMIT, *peers))


TORCH = (TORCH_FUSED, TORCH_FOREACH, TORCH_LOOP)
LOOKAHEADS = (PYTORCH_OPTIMIZER, TIMM)

CASES = (
    Case("resnet18/sgd", RESNET18, entries(SGD, *TORCH, OPTAX, NUMPY), quick=True),
    Case("resnet18/adam", RESNET18, entries(ADAM, *TORCH, DEEPSPEED, OPTAX, NUMPY), quick=True),
    Case("resnet18/adamw", RESNET18, entries(ADAMW, *TORCH, DEEPSPEED, OPTAX, NUMPY), quick=True),
    Case("resnet18/adam-clip", RESNET18, entries(ADAM_CLIP, *TORCH, OPTAX, NUMPY), quick=True),
    Case(
        "resnet18/lookahead",
        RESNET18,
        entries(ADAM, TORCH_FUSED) + entries(LOOKAHEAD_1, *LOOKAHEADS) + entries(LOOKAHEAD_5, *LOOKAHEADS),
        quick=True,
    ),
    Case("small/sgd", SMALL, entries(SGD, OURS_FOREIGN, OURS_JIT_FOREIGN, *TORCH, OPTAX, NUMPY), quick=True),
    # Without Optax: XLA does not compile Adam over 10,000 arrays within five minutes and 10 GB.
    Case("small/adam", SMALL, entries(ADAM, OURS_FOREIGN, OURS_JIT_FOREIGN, *TORCH, DEEPSPEED, NUMPY), quick=True),
    Case(
        "small/lookahead",
        SMALL,
        entries(ADAM, TORCH_FUSED) + entries(LOOKAHEAD_5, OURS_FOREIGN, OURS_JIT_FOREIGN, *LOOKAHEADS),
        quick=True,
    ),
    *(Case(f"{tensors.name}/adam", tensors, entries(ADAM), all_threads_only=True) for tensors in SWEEP),
    Case("flat-64M/adam", FLAT_64M, entries(ADAM, *TORCH, DEEPSPEED)),
    Case("flat-64M/lookahead", FLAT_64M, entries(ADAM, TORCH_FUSED) + entries(LOOKAHEAD_1, *LOOKAHEADS)),
    Case("flat-256M/adam", FLAT_256M, entries(ADAM, TORCH_FUSED)),
)
