"""What all optimizers of this package have in common: a step through the host library."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import torch
from torch.optim import Optimizer as TorchOptimizer

from optplug import _library as c
from optplug.torch._compiler import not_compiled
from optplug.torch._engine import Engine
from optplug.torch._gpu import GPUEngine, leave_gpu, make_engine
from optplug.torch._tensors import local, placed


class PluginOptimizer(TorchOptimizer):
    """A torch optimizer whose step runs in a plugin. Subclasses say which, and how its hyperparameters are named."""

    #: Keys of state that the plugin has but torch's optimizer has not.
    _hidden_state: frozenset[str] = frozenset()
    _engine: Engine | None = None
    #: Why parameters on a GPU are trained on the CPU; None where they are not, or it was not tried.
    _stays_off_gpu: str | None = None
    _seed: int = 0
    _thread_count: int | None = None
    _jit: bool = False
    _search_path: Sequence[str] | None = None

    #: The optimizer that has taken this one as its base.
    _wrapper: PluginOptimizer | None = None

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """The parameter groups; those of the wrapper, where there is one."""
        return self.__dict__["param_groups"] if self._wrapper is None else self._wrapper.param_groups

    @param_groups.setter
    def param_groups(self, groups: list[dict[str, Any]]) -> None:
        (self if self._wrapper is None else self._wrapper).__dict__["param_groups"] = groups

    @property
    def state(self) -> dict[Any, Any]:
        """The state by parameter; that of the wrapper, where there is one."""
        return self.__dict__["state"] if self._wrapper is None else self._wrapper.state

    @state.setter
    def state(self, state: dict[Any, Any]) -> None:
        (self if self._wrapper is None else self._wrapper).__dict__["state"] = state

    def _expression(self) -> str:
        """The optimizer and its bases, without settings."""
        raise NotImplementedError

    def _group_settings(self, group: dict[str, Any]) -> dict[str, Any]:
        """The hyperparameters of a group by the library's paths."""
        raise NotImplementedError

    def _threads(self) -> int:
        return self._thread_count or torch.get_num_threads()

    def _dense_gradient(self, gradient: torch.Tensor, parameter: torch.Tensor) -> torch.Tensor:
        """An unusual gradient as a dense one of real numbers and of the parameter's type."""
        if gradient.is_sparse:
            gradient = gradient.to_dense()
        return local(placed(gradient, parameter)).to(local(parameter).dtype)

    @property
    def reevaluates(self) -> bool:
        """Whether a step evaluates the loss several times, so that it needs a closure."""
        return bool(self._made().host.flags & c.REEVALUATES)

    def _made(self) -> Engine:
        """The engine for the parameters as they are, made where there is none."""
        engine = self._engine
        if isinstance(engine, GPUEngine):
            engine.catch_up()
        if engine is None or not engine.fits(self) or engine.set_hyperparameters(self):
            if engine is not None and engine.recorded:
                warnings.warn(
                    "the parameters or the form of the state have changed since a step was captured in a CUDA graph: "
                    "its replays take no steps of this optimizer any more; capture it anew",
                    stacklevel=2,
                )
            engine = self._engine = make_engine(self)
        return engine

    def apply_settings(self) -> None:
        """Hands what has changed in `param_groups` to the library, for replays of a CUDA graph that holds a step.

        A step that is not replayed does so by itself.
        """
        if self._wrapper is not None:
            return self._wrapper.apply_settings()
        self._made()

    def _torch_step(self) -> Callable[..., Any] | None:
        """Torch's own step, where ours cannot stand in for it."""
        return None

    def step(self, closure: Callable[[], float] | None = None) -> Any:
        """Takes one step, in place.

        `closure` evaluates the loss again and returns it; optimizers as SAM call it several times.
        """
        if self._wrapper is not None:
            raise RuntimeError(f"this optimizer is the base of a {type(self._wrapper).__name__}; call that one's step")
        torch_step = self._torch_step()
        return self._step(closure) if torch_step is None else torch_step(self, closure)

    @not_compiled
    @torch.no_grad()
    def _step(self, closure: Callable[[], float] | None) -> Any:
        if self._showing_evaluation_weights:
            raise RuntimeError("no step may be taken inside evaluation_weights()")

        def evaluate() -> Any:
            with torch.enable_grad():
                return closure()  # type: ignore[misc]

        loss = evaluate() if closure is not None else None
        engine = self._made()
        # GradScaler hands these over when the optimizer scales by itself.
        found_inf, grad_scale = getattr(self, "found_inf", None), getattr(self, "grad_scale", None)
        if isinstance(engine, GPUEngine) and (found_inf is not None or grad_scale is not None):
            engine.refuse_capture("scaler.step(optimizer)")
        if found_inf is not None and float(found_inf) != 0:
            return loss
        scale = 1.0 if grad_scale is None else 1.0 / float(grad_scale)
        again = None
        if engine.host.flags & c.REEVALUATES:
            if closure is None:
                raise RuntimeError(
                    f"{self._expression()} evaluates the loss several times in a step: call step(closure) with a "
                    "function that clears the gradients, computes the loss, calls backward and returns the loss"
                )

            def again() -> float:
                value = evaluate()
                return float(value.detach() if isinstance(value, torch.Tensor) else value)

        try:
            engine.step(self, scale, _value(loss), again)
        except c.OptPlugError as error:
            # A step without a formula; nothing has happened.
            if error.status != c.UNIMPLEMENTED or not isinstance(engine, GPUEngine):
                raise
            leave_gpu(self, str(error))
            self._engine = make_engine(self)
            self._engine.step(self, scale, _value(loss), again)
        return loss

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """As torch's; to the wrapper, where there is one."""
        if self._wrapper is not None:
            return self._wrapper.add_param_group(param_group)
        if isinstance(param_group, dict):
            self._settle_group(param_group)
        super().add_param_group(param_group)

    def _settle_group(self, group: dict[str, Any]) -> None:
        """Puts a group's settings under the keys that this optimizer reads."""

    # ---- Evaluation weights ------------------------------------------------------------------------------

    _showing_evaluation_weights = False

    @contextmanager
    def evaluation_weights(self) -> Iterator[None]:
        """Inside, the parameters hold the weights to evaluate with, as Lookahead's slow weights or EMA's mean.

        Afterwards the training weights are back, bit for bit. Without such weights, or before the first step, nothing
        changes.
        """
        if self._wrapper is not None:
            with self._wrapper.evaluation_weights():
                yield
            return
        if self._showing_evaluation_weights or not self.state:
            yield
            return
        engine = resident = self._made()
        if isinstance(resident, GPUEngine) and resident.host.flags & c.HAS_EVALUATION_WEIGHTS:
            # Only steps are programs; the views of wrappers are the CPU's.
            engine = self._engine = Engine(self)
        engine.enter_evaluation(self)
        self._showing_evaluation_weights = True
        try:
            yield
        finally:
            self._showing_evaluation_weights = False
            engine.leave_evaluation()
            if resident is not engine:
                self._engine = resident
                self._return_state()

    def _return_state(self) -> None:
        """Makes `state` show the engine's memory again at once, as replays of graphs need it."""
        with torch.no_grad():
            engine = self._made()
            engine.adopt_state(self, [i for i, p in enumerate(engine.parameters) if p in self.state])

    # ---- Saving and copying ------------------------------------------------------------------------------

    def _check_training_weights(self) -> None:
        if self._showing_evaluation_weights:
            raise RuntimeError(
                "the state is that of the evaluation weights now, and nothing to go on from; save or copy the optimizer "
                "after evaluation_weights()"
            )

    @not_compiled
    def state_dict(self) -> dict[str, Any]:
        """As torch's. Raises: RuntimeError inside evaluation_weights()."""
        self._check_training_weights()
        if isinstance(self._engine, GPUEngine):
            self._engine.catch_up()
        return super().state_dict()

    def __getstate__(self) -> dict[str, Any]:
        self._check_training_weights()
        if isinstance(self._engine, GPUEngine):
            self._engine.catch_up()
        return {**super().__getstate__(), "_seed": self._seed, "_thread_count": self._thread_count,
                "_jit": self._jit, "_search_path": self._search_path}  # fmt: skip

    @not_compiled
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """As torch's, but state is copied into host memory and keeps its own type.

        Torch shares it, or brings it to the parameter's device and turns it into the parameter's type.
        """
        if self._wrapper is not None:
            return self._wrapper.load_state_dict(state_dict)
        final: list[dict[str, Any]] = []

        def without_tensors(_: Any, loaded: dict[str, Any]) -> dict[str, Any]:
            final.append(loaded)
            # What torch would bring to the device may be too much for it.
            owned = {i for group in loaded["param_groups"] for i in group["params"]}
            state = {i: _emptied(entry) if i in owned else entry for i, entry in loaded["state"].items()}
            return {**loaded, "state": state}

        before = self.register_load_state_dict_pre_hook(without_tensors)
        after = self.register_load_state_dict_post_hook(lambda _: self._take_copies(final[-1]), prepend=True)
        try:
            super().load_state_dict(state_dict)
        finally:
            before.remove()
            after.remove()
        if self._engine is not None and self._engine.recorded:
            self._return_state()

    def _take_copies(self, loaded: dict[str, Any]) -> None:
        saved = [i for group in loaded["param_groups"] for i in group["params"]]
        parameters = [p for group in self.param_groups for p in group["params"]]
        ours = self._torch_step() is None  # otherwise torch's step wants it where torch has put the empty tensors
        for identity, parameter in zip(saved, parameters):
            for key, value in loaded["state"].get(identity, {}).items():
                if isinstance(value, torch.Tensor):
                    device = torch.device("cpu") if ours else self.state[parameter][key].device
                    self.state[parameter][key] = _copied(value.detach(), device)
        for key, value in self.state.items():
            if not isinstance(key, torch.Tensor):  # the model's
                self.state[key] = deepcopy(value)


def _copied(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    return tensor.clone() if tensor.device == device else tensor.to(device)


def _emptied(entry: dict[str, Any]) -> dict[str, Any]:
    """The state of a parameter with empty tensors in place of its tensors."""
    return {key: torch.empty(0) if isinstance(value, torch.Tensor) else value for key, value in entry.items()}


def _value(loss: Any) -> float | None:
    """What a closure returned, where it is a number; torch's optimizers take anything."""
    try:
        return float(loss.detach() if isinstance(loss, torch.Tensor) else loss)
    except (TypeError, ValueError, RuntimeError):
        return None
