"""Sorts the operations of a step into kinds: what a step is bound by."""

from collections.abc import Iterable

from train.results import Part

# A kind with the endings of the names that belong to it; the first that fits counts.
ENDINGS = {
    "data": ("data preparation", "images load"),
    "optimizer": ("optimizer step",),
    "conv forward": (" convolution",),
    "conv input gradient": (" convolution input gradient",),
    "conv weight gradient": (" convolution parameter gradients", " depthwise parameter gradients"),
    "dense": (" inner product", " inner product input gradient", " inner product parameter gradients"),
    "norm": (" normalization", " normalization again", " normalization gradients", "running statistics"),
    "pool": tuple(f" {what}{end}" for what in ("max-pool", "average-pool", "average") for end in ("", " gradient")),
    "reorder": (" reorder",),
}
REST = "elementwise"
KINDS = [*ENDINGS, REST]


def kind(name: str) -> str:
    """Of the operation of that name."""
    return next((kind for kind, endings in ENDINGS.items() if f" {name}".endswith(endings)), REST)


def by_kind(parts: Iterable[Part]) -> dict[str, float]:
    """Seconds of each kind."""
    found = dict.fromkeys(KINDS, 0.0)
    for part in parts:
        found[kind(part.name)] += part.seconds
    return found
