"""What torch.compile must not look into."""

try:
    from torch._compile import _disable_dynamo as not_compiled
except ImportError:  # a torch without a compiler

    def not_compiled(function):
        """The function as it is."""
        return function
