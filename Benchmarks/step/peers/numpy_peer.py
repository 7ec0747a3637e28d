"""The textbook formulas in NumPy, tensor by tensor, with a temporary for every operation, as one writes them first."""

import math
from collections.abc import Iterable
from itertools import accumulate

import numpy as np

from step.peers.inputs import Floats, fill_gradients, fill_parameters
from step.peers.serve import Case

VERSION = np.__version__
IMPLEMENTATIONS = ("textbook",)


class Model:
    """Parameters, gradients and two state arrays for each tensor (SGD uses the first)."""

    def __init__(self, case: Case) -> None:
        self.given = case["hyperparameters"]
        self.clip = case["clip"]
        self.count = 0
        sizes = [math.prod(shape) for shape in case["tensors"]]
        self.starts = [end - size for size, end in zip(sizes, accumulate(sizes))]
        self.parameters: list[Floats] = [np.empty(size, np.float32) for size in sizes]
        self.gradients: list[Floats] = [np.empty(size, np.float32) for size in sizes]
        for parameter, start in zip(self.parameters, self.starts):
            fill_parameters(parameter, start)
        self.restore_gradients()
        self.first = [np.zeros(size, np.float32) for size in sizes]
        self.second = [np.zeros(size, np.float32) for size in sizes]
        self.update = {"sgd": self.sgd, "adam": self.adam, "adamw": self.adam}[case["optimizer"]]

    def step(self) -> None:
        self.count += 1
        if self.clip is not None:
            norm = math.sqrt(sum(float(np.dot(gradient, gradient)) for gradient in self.gradients))
            scale = min(self.clip / (norm + 1e-6), 1.0)
            for gradient in self.gradients:
                gradient *= scale
        for parameter, gradient, first, second in zip(self.parameters, self.gradients, self.first, self.second):
            self.update(parameter, gradient, first, second)

    def sgd(self, parameter: Floats, gradient: Floats, buffer: Floats, _: Floats) -> None:
        momentum = self.given["momentum"]
        buffer[:] = momentum * buffer + gradient
        direction = gradient + momentum * buffer if self.given["nesterov"] else buffer
        parameter -= self.given["lr"] * direction

    def adam(self, parameter: Floats, gradient: Floats, mean: Floats, square: Floats) -> None:
        rate, beta1, beta2 = self.given["lr"], self.given["beta1"], self.given["beta2"]
        mean[:] = beta1 * mean + (1 - beta1) * gradient
        square[:] = beta2 * square + (1 - beta2) * gradient * gradient
        corrected_mean = mean / (1 - beta1**self.count)
        corrected_square = square / (1 - beta2**self.count)
        if "weight_decay" in self.given:
            parameter -= rate * self.given["weight_decay"] * parameter
        parameter -= rate * corrected_mean / (np.sqrt(corrected_square) + self.given["eps"])

    def restore_gradients(self) -> None:
        for gradient, start in zip(self.gradients, self.starts):
            fill_gradients(gradient, start)

    def values(self) -> Iterable[Floats]:
        return self.parameters


def prepare(implementation: str, case: Case) -> Model:
    return Model(case)
