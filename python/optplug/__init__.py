"""Optimizers as binary plugins, for PyTorch and JAX.

>>> from optplug.torch import Optimizer
>>> optimizer = Optimizer(model.parameters(), "lookahead(k=5, adam(lr=1e-3))")

An optimizer is a shared object behind a C interface. This package carries the host library, the plugins that ship
with OptPlug and the header for writing more; ``python -m optplug list`` shows what is found.
"""

from optplug._host import describe, list_plugins
from optplug._library import OptPlugError, include_directory, search_path
from optplug._version import __version__

__all__ = ["OptPlugError", "__version__", "describe", "include_directory", "list_plugins", "search_path"]
