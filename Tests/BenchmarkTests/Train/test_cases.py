"""What contenders are asked to do, and that both sides of a rule say the same."""

import re
import unittest

import made
from train.cases import BATCH, CONTENDERS, MEMORY_BOUND, NETWORKS, OPTIMIZERS, OURS, SHAPES


class Cases(unittest.TestCase):
    def test_request(self):
        request = made.case("vgg16", "32x32x3").request(threads=3)
        self.assertEqual(
            request,
            {
                "network": "vgg16", "channels": 3, "size": 32, "batch": BATCH, "images": 16 * BATCH,
                "optimizer": OPTIMIZERS["adam"].expression, "torch_optimizer": OPTIMIZERS["adam"].torch,
                "threads": 3,
            },
        )  # fmt: skip

    def test_smaller_batches_keep_their_number(self):
        request = made.case().request(threads=1, batch=16)
        self.assertEqual((request["channels"], request["size"]), (1, 28))
        self.assertEqual((request["batch"], request["images"]), (16, 256))
        self.assertEqual(made.case(batch=32).request(1)["images"], 512)

    def test_names_tell_cases_apart(self):
        names = [made.case(network.name, shape).name for network in NETWORKS for shape in SHAPES]
        self.assertEqual(len(set(names)), 16)
        self.assertIn("resnet18/32x32x3", names)
        self.assertEqual(len({contender.name for contender in CONTENDERS}), 3)

    def test_rules_are_the_same_for_both(self):
        for name, rule in OPTIMIZERS.items():
            optimizer, values = re.fullmatch(r"(\w+)\((.*)\)", rule.expression).groups()
            ours = dict(pair.split("=") for pair in values.split(", "))
            theirs = {key: value for key, value in rule.torch.items() if key not in ("class", "fused")}
            self.assertEqual(optimizer, name)
            self.assertEqual(rule.torch["class"].lower(), name)
            self.assertEqual(ours, {key: str(value).lower() for key, value in theirs.items()})

    def test_promises(self):
        bounds = {network.name: network.bound for network in NETWORKS}
        self.assertEqual((bounds.pop("lenet"), bounds.pop("baseline")), (1.9, 1.2))
        self.assertEqual(set(bounds.values()), {1.0})
        self.assertEqual(MEMORY_BOUND, 0.6)
        self.assertIsNone(OURS.layout)


if __name__ == "__main__":
    unittest.main()
