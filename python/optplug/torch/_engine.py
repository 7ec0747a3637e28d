"""Keeps an optimizer of the host library in step with a torch optimizer.

The torch optimizer is what counts: its `param_groups` hold the hyperparameters and its `state` the state. The engine
is made from them and can be thrown away at any time; its memory shows in `state` as ordinary tensors. Before each step
it looks whether anything was replaced: parameters, gradients, state (by load_state_dict or by hand), hyperparameters.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from itertools import chain
from operator import attrgetter, is_
from typing import TYPE_CHECKING

import torch

from optplug import _library as c
from optplug._host import Host, StateArray, TensorPlace
from optplug.torch._gradients import Gradients
from optplug.torch._offload import Offload
from optplug.torch._settings import Settings
from optplug.torch._state import Counters, Found, check_shape, contents, counter, find
from optplug.torch._tensors import Form, check, dtype_name, local, names_of, refuse_shards, view

if TYPE_CHECKING:
    from optplug.torch._base import PluginOptimizer

_gradient = attrgetter("grad")
_address, _is_contiguous = torch.Tensor.data_ptr, torch.Tensor.is_contiguous
_count, _stride = torch.Tensor.numel, torch.Tensor.stride
_NONE = type(None)

#: The key of `state` under which that of the whole model is kept.
MODEL = "model"


class Engine:
    """A host optimizer over the parameters that a torch optimizer has at the moment."""

    #: Whether parameters, gradients and state are on a GPU, where the library takes the steps.
    _on_gpu = False
    #: Whether a step was captured in a graph, which may be replayed.
    recorded = False

    def __init__(self, optimizer: PluginOptimizer):
        self.parameters = [p for group in optimizer.param_groups for p in group["params"]]
        self._all = list(range(len(self.parameters)))
        groups = [i for i, group in enumerate(optimizer.param_groups) for _ in group["params"]]
        #: Per parameter, the device that holds it; None for the host.
        self._devices = [check(parameter, number) for number, parameter in enumerate(self.parameters)]
        if len(set(map(id, self.parameters))) < len(self.parameters):
            raise ValueError("a parameter is there twice; give each to the optimizer once")
        self.expression = expression = optimizer._expression()
        empty = Host(expression, search_path=optimizer._search_path)
        if empty.granularity > c.GRANULARITY_BLOCK or empty.flags & c.REDUCES:
            refuse_shards(self.parameters, expression)
        keeps_shape = empty.granularity >= 2  # whole tensors: their shape may matter
        self._offload: Offload | None = None
        self.forms = self._make_forms(keeps_shape)
        self._settings = Settings(empty.hyperparameters, optimizer)
        names = names_of(optimizer.param_groups)
        places = [
            TensorPlace(
                name, form.local.data_ptr(), form.shape, dtype_name(form.local.dtype) or "", group, form.strides
            )
            for name, form, group in zip(names, self.forms, groups)
        ]
        self.host = host = Host(
            expression, places, len(optimizer.param_groups), self._settings.texts, optimizer._threads(), optimizer._seed,
            optimizer._search_path, optimizer._jit and not self._on_gpu, self._on_gpu,
        )  # fmt: skip
        self._opened()
        #: Whether no parameter is complex or a DTensor.
        self._plain = all(type(p) in (torch.Tensor, torch.nn.Parameter) and not p.is_complex() for p in self.parameters)
        tensors = list(map(local, self.parameters))
        self._addresses = list(map(_address, tensors))
        self._counts_of_elements = [form.local.numel() for form in self.forms]
        self._gradients = Gradients(self.parameters, self.forms, packs=self._on_gpu)
        self._contiguous = all(map(_is_contiguous, tensors))
        self._strides = list(map(_stride, tensors))
        dtypes = [form.local.dtype for form in self.forms]
        #: Parameters that are rounded from masters, and the versions that torch counts of them.
        self._rounded = [i for i, dtype in enumerate(dtypes) if dtype in (torch.float16, torch.bfloat16)]
        self._versions = [self.parameters[i]._version for i in self._rounded]
        #: Those of them that others have written on a device, until they are here.
        self._written: set[int] = set()
        #: Parameters that the library writes, whose versions nothing else counts on.
        self._near = [p for i, p in enumerate(self.parameters) if not self._is_brought(i)]
        self._counters = Counters(host, len(self.parameters))
        self._views(host, optimizer)
        #: Per parameter, its dict in `state` once it holds this engine's tensors.
        self._adopted: list[dict | None] = [None] * len(self.parameters)
        #: Which parameters that was done for, and what `state` held then: its dicts, and all that is in them.
        self._present: list[int] = []
        self._entries: list[dict] = []
        self._state_seen: list = []
        self.steps_taken = 0

    def _make_forms(self, keeps_shape: bool) -> list[Form]:
        if any(self._devices):
            self._offload = Offload(self.parameters, self._devices)
        return [
            Form(parameter, keeps_shape, None if self._offload is None else self._offload.memory(i))
            for i, parameter in enumerate(self.parameters)
        ]

    def _opened(self) -> None:
        """Does what comes between opening the host optimizer and looking at its state."""

    def _is_brought(self, i: int) -> bool:
        """Whether the library updates a copy of a parameter in host memory."""
        return self._offload is not None and i in self._offload

    # ---- State -------------------------------------------------------------------------------------------

    def _views(self, host: Host, optimizer: PluginOptimizer) -> None:
        views: list[dict[str, torch.Tensor]] = [{} for _ in self.parameters]
        model: dict[str, torch.Tensor] = {}
        for place, a in enumerate(host.arrays):
            if a.parameter is None:
                model[a.key] = view(a.address, a.shape, a.dtype, host)
                continue
            if a.kind == c.ARRAY_COUNTER:
                if a.key in optimizer._hidden_state:
                    continue
                tensor = self._counters.steps[a.node][a.parameter]
            else:
                tensor = self._state_view(a, self._state_memory(a, place))
            views[a.parameter][a.key] = tensor
        self._state_views, self._model_views = views, model
        self._model_initial = {key: tensor.clone() for key, tensor in model.items()}

    def _state_memory(self, a: StateArray, place: int) -> torch.Tensor:
        """Where a piece of state lies that has a place among the host's arrays."""
        return view(a.address, a.shape, a.dtype, self.host)

    def _state_view(self, a: StateArray, tensor: torch.Tensor) -> torch.Tensor:
        form = self.forms[a.parameter or 0]
        return form.restored(tensor) if a.as_parameter else form.beside(tensor)

    def shows_state(self, optimizer: PluginOptimizer, present: list[int]) -> bool:
        """Whether `state` shows this engine's memory for these parameters."""
        return present == self._present and self._shows_this_engine(list(optimizer.state.values()))

    def adopt_state(self, optimizer: PluginOptimizer, present: list[int]) -> None:
        """Makes `state` show this engine's memory, with what it held before, for these parameters."""
        if self.shows_state(optimizer, present):
            return self._take_steps()
        state = optimizer.state
        wanted = set(present)
        due = []
        for i, parameter in enumerate(self.parameters):
            entry, views = state.get(parameter), self._state_views[i]
            if entry is None and i not in wanted:
                continue
            if (
                entry is not self._adopted[i]
                or (entry is None and views)
                or any(entry.get(key) is not tensor for key, tensor in views.items())
            ):
                due.append(i)
        # All values are looked at and copied first: one may be wrong, or lie in this engine's memory.
        found = [self._found(state.get(self.parameters[i]) or {}, i) for i in due]
        changed = self._adopt_model(state) or bool(due)
        if with_state := [i for i in due if self._state_views[i]]:
            self.host.reset(with_state)
        for i, values in zip(due, found):
            self._adopt(optimizer, i, values)
        self._present = present
        self._entries = list(state.values())
        self._state_seen = contents(self._entries)
        self._take_steps(always=changed)

    def _shows_this_engine(self, entries: list[dict]) -> bool:
        """Whether `state` is as it was left, which is so in almost every step: it must be found out fast."""
        if len(entries) != len(self._entries) or not all(map(is_, entries, self._entries)):
            return False
        now = contents(entries)
        return len(now) == len(self._state_seen) and all(map(is_, now, self._state_seen))

    def _found(self, entry: dict, i: int) -> Found:
        """What `state` holds for a parameter under this engine's keys."""
        views = self._state_views[i]
        held = {key: value for key in views if (value := find(entry, key)) is not None}
        for key, value in held.items():
            check_shape(value, views[key], f"the state '{key}' of parameter {i}")
        steps = {node: counter(entry, self.host.paths[node], held) for node in self._counters.steps} if views else {}
        aliases = [k for k in entry if k not in views and any(entry[k] is value for value in held.values())]
        return Found({key: value.detach().clone() for key, value in held.items()}, steps, aliases)

    def _adopt(self, optimizer: PluginOptimizer, i: int, found: Found) -> None:
        """Takes over what `state` held for a parameter; what it did not hold has its initial value."""
        views, entry = self._state_views[i], optimizer.state.get(self.parameters[i])
        if views:
            for node, count in found.steps.items():
                self._counters.steps[node][i] = count
            for key, value in found.values.items():
                views[key].copy_(value)
            if entry is None:
                entry = optimizer.state[self.parameters[i]]
            for key in found.aliases:
                del entry[key]  # it has another name now
            entry.update(views)
            self._follow_written(i)
        self._adopted[i] = entry

    def _adopt_model(self, state: dict) -> bool:
        if not self._model_views:
            return False
        entry = state.get(MODEL)
        if entry is not None and all(entry.get(key) is tensor for key, tensor in self._model_views.items()):
            return False
        values = {key: (entry or {}).get(key, initial) for key, initial in self._model_initial.items()}
        for key, value in values.items():
            check_shape(value, self._model_views[key], f"the model's state '{key}'")
        for key, value in values.items():
            self._model_views[key].copy_(value)
        state[MODEL] = {**(entry or {}), **self._model_views}
        return True

    def _take_steps(self, always: bool = False) -> None:
        """Takes counters that were written into `state` over into the library."""
        if always or self._counters.were_written():
            self._counters.write()
            self.steps_taken = self._counters.most if always else max(self._counters.most, self.steps_taken)
            self.host.state_changed(self.steps_taken)

    def set_hyperparameters(self, optimizer: PluginOptimizer) -> bool:
        """Hands over what has changed in the groups.

        Returns whether the engine has to be made anew, since what has changed decides which state exists.
        """
        return not self._settings.hand_over(optimizer, self.host)

    # ---- Steps -------------------------------------------------------------------------------------------

    def fits(self, optimizer: PluginOptimizer) -> bool:
        """Whether the torch optimizer still has these parameters, in these groups and of this form."""
        if self.host.process != os.getpid() or self.expression != optimizer._expression():
            return False
        lists = [group["params"] for group in optimizer.param_groups]
        if len(lists) != self._settings.group_count or sum(map(len, lists)) != len(self.parameters):
            return False
        return all(map(is_, chain.from_iterable(lists), self.parameters)) and self._follow_parameters()

    def step(
        self, optimizer: PluginOptimizer, scale: float = 1.0, loss: float | None = None,
        reevaluate: Callable[[], float] | None = None,
    ) -> None:  # fmt: skip
        """Takes one step with the gradients that the parameters have."""
        gradients, kinds, present = self._found_gradients()
        if not present:
            return
        gradients, touched = self._bring(optimizer, gradients, present)
        self.adopt_state(optimizer, present)
        kept, addresses, strides = self._gradients.laid_out(optimizer, gradients, kinds, present)
        table = None if strides is None else strides.address
        step = partial(self.host.step, addresses.buffer_info()[0], table, scale, loss)
        try:
            if reevaluate is None:
                step()
            else:
                self._step_reevaluating(step, lambda: self._evaluate_again(optimizer, reevaluate, kept, touched))
        finally:
            self._send(touched)
        torch.autograd.graph.increment_version(self._near)  # a graph that needs the old values must notice
        self._versions = [self.parameters[i]._version for i in self._rounded]
        self.steps_taken += 1
        self._counters.read()

    def _found_gradients(self) -> tuple[list, set[type], list[int]]:
        """The gradients, their types, and the parameters that have one."""
        gradients = list(map(_gradient, self.parameters))
        kinds = set(map(type, gradients))
        if _NONE not in kinds:
            return gradients, kinds, self._all
        return gradients, kinds, [i for i, gradient in enumerate(gradients) if gradient is not None]

    def _evaluate_again(
        self, optimizer: PluginOptimizer, reevaluate: Callable[[], float], kept: list, touched: list[int]
    ) -> float:  # fmt: skip
        """Evaluates the loss, and puts the new gradients where the library reads them."""
        self._send(touched)
        value = reevaluate()
        gradients, _ = self._bring(optimizer, list(map(_gradient, self.parameters)), touched)
        for i, gradient in enumerate(kept):
            if gradient is not None:
                fresh = gradients[i]
                if fresh is None:
                    raise RuntimeError("a parameter lost its gradient when the loss was evaluated again")
                fresh = self._gradients.plain(optimizer, fresh, i)
                if fresh.data_ptr() != gradient.data_ptr():
                    gradient.copy_(fresh)
        return value

    def _step_reevaluating(self, step: Callable[..., None], again: Callable[[], float]) -> None:
        """Takes a step that calls back; where that fails, parameters and counters are as before."""
        tensors = [form.local for form in self.forms]
        tensors += [self._state_views[i]["master"] for i in self._rounded]
        before = [tensor.clone() for tensor in tensors]
        try:
            step(again)
        except BaseException:
            for tensor, old in zip(tensors, before):
                tensor.copy_(old)
            self._counters.write()
            self.host.state_changed(self.steps_taken)
            raise

    def _follow_parameters(self) -> bool:
        """Finds out which parameters lie elsewhere, or were written, since the last step.

        Returns whether all have their type, shape and strides still.
        """
        tensors = self.parameters if self._plain else list(map(local, self.parameters))
        if list(map(_address, tensors)) != self._addresses:
            return self._move_parameters(tensors)
        if self._rounded:
            for i, version in zip(self._rounded, self._versions):
                if self.parameters[i]._version != version:
                    self._follow_or_note_written(i)
        if list(map(_count, tensors)) != self._counts_of_elements:
            return False
        if self._contiguous:
            return all(map(_is_contiguous, tensors))
        return list(map(_stride, tensors)) == self._strides

    def _move_parameters(self, tensors: list[torch.Tensor]) -> bool:
        for i, (form, tensor) in enumerate(zip(self.forms, tensors)):
            if (tensor.dtype, tensor.shape, tensor.stride()) != (form.local.dtype, form.local.shape, self._strides[i]):
                return False
            if check(self.parameters[i], i) is not self._devices[i]:
                return False
        for i, (form, tensor) in enumerate(zip(self.forms, tensors)):
            if tensor.data_ptr() != self._addresses[i]:
                if self._is_brought(i):
                    self._offload.moved(i, tensor.detach())
                else:
                    self.host.move(i, tensor.data_ptr())
                    form.local = tensor.detach()
                self._addresses[i] = tensor.data_ptr()
                self._follow_or_note_written(i)
        return True

    def _follow_or_note_written(self, i: int) -> None:
        if self._is_brought(i):
            self._written.add(i)
        else:
            self._follow_written(i)

    def _follow_written(self, i: int) -> None:
        """Where others have written into a parameter of 16 bits, its master follows."""
        master = self._state_views[i].get("master")
        if master is not None:
            parameter = self.forms[i].local if self._is_brought(i) else self.parameters[i].detach()
            written = parameter != master.to(parameter.dtype)
            master.copy_(torch.where(written, parameter.to(master.dtype), master))

    # ---- Parameters on devices ---------------------------------------------------------------------------

    def _bring(self, optimizer: PluginOptimizer, gradients: list, present: list[int]) -> tuple[list, list[int]]:
        """The gradients in host memory, and the parameters that a step may change, brought there too."""
        if self._offload is None:
            return gradients, present
        touched = present
        if len(self.host.names) > 1 and len(present) < len(self.parameters):
            # Wrappers change parameters without a gradient too, if they have had one.
            touched = [i for i, p in enumerate(self.parameters) if gradients[i] is not None or p in optimizer.state]
        gradients = self._offload.bring(gradients, touched, partial(self._gradients.plain, optimizer))
        for i in self._written.intersection(touched):
            self._follow_written(i)
        self._written.difference_update(touched)
        return gradients, touched

    def _send(self, numbers: list[int]) -> None:
        if self._offload is not None:
            self._offload.send(numbers)

    def enter_evaluation(self, optimizer: PluginOptimizer) -> None:
        """Puts the evaluation weights into the parameters."""
        present = [i for i, parameter in enumerate(self.parameters) if parameter in optimizer.state]
        if self._offload is not None:
            self._bring(optimizer, [None] * len(self.parameters), self._all)
        self.adopt_state(optimizer, present)
        self.host.enter_evaluation()
        self._send_all()

    def leave_evaluation(self) -> None:
        """Puts the training weights back."""
        if self._offload is not None:
            self._offload.settle()
        self.host.leave_evaluation()
        self._send_all()

    def _send_all(self) -> None:
        if self.host.flags & c.HAS_EVALUATION_WEIGHTS:
            self._send(self._all)
            self._versions = [self.parameters[i]._version for i in self._rounded]
