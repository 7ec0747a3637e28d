"""Plugins as torch optimizers."""

from optplug.torch.classes import SGD, Adam, AdamW
from optplug.torch.lookahead import Lookahead
from optplug.torch.optimizer import Optimizer

__all__ = ["SGD", "Adam", "AdamW", "Lookahead", "Optimizer"]
