"""Gradients as the host library takes them."""

from __future__ import annotations

from array import array
from operator import attrgetter
from typing import TYPE_CHECKING

import torch

from optplug.torch._tensors import Form, Strides

if TYPE_CHECKING:
    from optplug.torch._base import PluginOptimizer

_dtype, _address = attrgetter("dtype"), torch.Tensor.data_ptr
_is_contiguous, _is_neg = torch.Tensor.is_contiguous, torch.Tensor.is_neg


class Gradients:
    """Knows what gradients of these parameters look like."""

    def __init__(self, parameters: list[torch.Tensor], forms: list[Form], packs: bool):
        """`packs`: the library takes gradients of the parameters' own layout only."""
        self._parameters, self._forms, self._packs = parameters, forms, packs
        self._dtypes = [form.local.dtype for form in forms]
        self._row_major = all(form.axes is None for form in forms)
        #: Only a gradient of one element can be a negated view and yet contiguous.
        self._single = [i for i, form in enumerate(forms) if form.local.numel() == 1]

    def laid_out(
        self, optimizer: PluginOptimizer, gradients: list, kinds: set[type], present: list[int]
    ) -> tuple[list, array, Strides | None]:
        """The gradients as the library takes them; what it shall see of each must live until the step is over."""
        if kinds == {torch.Tensor} and self._row_major and (found := self._plain_addresses(gradients)) is not None:
            return gradients, found, None
        kept = [
            None if gradient is None else self.plain(optimizer, gradient, i)
            for i, gradient in enumerate(gradients)
        ]
        if self._packs:
            kept = [None if gradient is None else self._packed(gradient, i) for i, gradient in enumerate(kept)]
        addresses = array("Q", [0 if gradient is None else gradient.data_ptr() for gradient in kept])
        odd = {
            i: tuple(self._forms[i].arranged(kept[i]).stride())
            for i in present
            if kept[i].stride() != self._forms[i].gradient_strides
        }
        return kept, addresses, Strides(odd, len(kept)) if odd else None

    def _packed(self, gradient: torch.Tensor, i: int) -> torch.Tensor:
        like = self._forms[i].local
        if gradient.stride() == self._forms[i].gradient_strides:
            return gradient
        return torch.empty_strided(like.shape, like.stride(), dtype=like.dtype, device=like.device).copy_(gradient)

    def _plain_addresses(self, gradients: list[torch.Tensor]) -> array | None:
        """Where the gradients lie, if the library can take all of them so."""
        try:
            if (
                list(map(_dtype, gradients)) == self._dtypes
                and all(map(_is_contiguous, gradients))
                and not any(map(_is_neg, map(gradients.__getitem__, self._single)))
            ):
                return array("Q", list(map(_address, gradients)))
        except RuntimeError:  # what some versions of torch answer for sparse tensors
            pass
        return None

    def plain(self, optimizer: PluginOptimizer, gradient: torch.Tensor, i: int) -> torch.Tensor:
        """A gradient as it is, or where it is unusual a dense one of the parameter's type."""
        if (
            gradient.dtype is self._dtypes[i]
            and gradient.layout is torch.strided
            and type(gradient) is torch.Tensor
            and not gradient.is_neg()
        ):
            return gradient
        return optimizer._dense_gradient(gradient, self._parameters[i])
