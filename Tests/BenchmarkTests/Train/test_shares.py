"""Which kind an operation of a step belongs to. The names are those that a profile has."""

import unittest

from train.results import Part
from train.shares import KINDS, by_kind, kind


class Kinds(unittest.TestCase):
    def test_names_of_a_profile(self):
        for name, expected in {
            "data preparation": "data",
            "images load": "data",
            "optimizer step": "optimizer",
            "conv1 convolution": "conv forward",
            "layer1.0.conv1 convolution input gradient": "conv input gradient",
            "conv1 convolution parameter gradients": "conv weight gradient",
            "fc1 inner product": "dense",
            "fc1 inner product input gradient": "dense",
            "fc1 inner product parameter gradients": "dense",
            "bn1 normalization": "norm",
            "bn1 normalization gradients": "norm",
            "bn1 running statistics": "norm",
            "running statistics": "norm",
            "pool1 max-pool": "pool",
            "pool1 max-pool gradient": "pool",
            "pool1 average-pool": "pool",
            "pool1 average-pool gradient": "pool",
            "avgpool average": "pool",
            "avgpool average gradient": "pool",
            "conv1 reorder": "reorder",
            "relu1 ReLU": "elementwise",
            "loss": "elementwise",
            "convolution": "conv forward",
            # Whole words only.
            "deconvolution": "elementwise",
            "conv1 convolution and more": "elementwise",
        }.items():
            self.assertEqual(kind(name), expected, name)

    def test_seconds_are_added_by_kind(self):
        parts = [Part("a convolution", 1, 9), Part("b convolution", 2, 9), Part("loss", 4, 0)]
        found = by_kind(parts)
        self.assertEqual(list(found), KINDS)
        self.assertEqual({key: value for key, value in found.items() if value}, {"conv forward": 3, "elementwise": 4})


if __name__ == "__main__":
    unittest.main()
