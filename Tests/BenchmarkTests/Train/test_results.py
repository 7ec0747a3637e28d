"""Medians, ratios, verdicts and the comparison of losses, on numbers that can be checked by hand."""

import unittest

import made
from made import result, row, with_losses
from step.results import Spread
from train.cases import CHANNELS_LAST, CONTIGUOUS, OURS
from train.results import Part, Verdict, verdicts


class Times(unittest.TestCase):
    def test_median_and_quartiles(self):
        self.assertEqual(Spread.of([5, 1, 3, 2, 4]), Spread(3, 2, 4))
        self.assertEqual(Spread.of([1, 2]), Spread(1.5, 1.25, 1.75))
        self.assertEqual(Spread.of([7]), Spread(7, 7, 7))
        self.assertIsNone(Spread.of([]))

    def test_speed_is_images_a_second(self):
        found = result(row(OURS, 0.5, 0.25, 1), batch=32)
        self.assertEqual(found.speed(found.ours), Spread(64, 48, 96))
        self.assertIsNone(found.speed(row(OURS)))

    def test_ratios_are_taken_within_a_round(self):
        """A machine that is slow for one round slows both: the ratio of the medians would say 0.5 here."""
        ours, torch = row(OURS, 1, 10, 100), row(CONTIGUOUS, 2, 20, 1)
        torch.seconds[2] = 200
        found = result(ours, torch)
        self.assertEqual(found.advantage(torch), Spread(2, 2, 2))
        ours.seconds = {0: 1.0, 1: 4.0, 2: 2.0}
        torch.seconds = {0: 4.0, 1: 1.0, 2: 2.0}
        # The medians are equal, and so is the middle ratio; the quartiles are those of 4, 1/4 and 1.
        self.assertEqual(found.advantage(torch), Spread(1, 0.625, 2.5))

    def test_rounds_that_only_one_has_do_not_count(self):
        ours, torch = row(OURS, 1, 1, 1), row(CONTIGUOUS)
        torch.seconds = {2: 3.0, 3: 50.0}
        self.assertEqual(result(ours, torch).advantage(torch), Spread(3, 3, 3))
        torch.seconds = {7: 1.0}
        self.assertIsNone(result(ours, torch).advantage(torch))

    def test_best_torch_has_the_smaller_median(self):
        slow, fast = row(CONTIGUOUS, 1, 9, 9), row(CHANNELS_LAST, 5, 5, 20)
        self.assertIs(result(row(OURS, 1), slow, fast).best_torch, fast)
        self.assertIs(result(row(OURS, 1), slow, row(CHANNELS_LAST)).best_torch, slow)
        self.assertIs(result(row(OURS, 1), slow).best_torch, slow)
        self.assertIsNone(result(row(OURS, 1), row(CONTIGUOUS), row(CHANNELS_LAST)).best_torch)

    def test_memory_is_compared_with_the_faster_torch(self):
        rows = row(OURS, 1, peak_bytes=60), row(CONTIGUOUS, 3, peak_bytes=50), row(CHANNELS_LAST, 2, peak_bytes=120)
        found = result(*rows)
        self.assertEqual(found.memory_ratio, 0.5)
        rows[2].peak_bytes = 0
        self.assertIsNone(found.memory_ratio)
        rows[2].peak_bytes, rows[0].peak_bytes = 120, 0
        self.assertIsNone(found.memory_ratio)
        self.assertIsNone(result(rows[0]).memory_ratio)

    def test_share_of_the_peak_is_taken_within_a_round(self):
        found = result(row(OURS, 2, 4, 8))
        self.assertIsNone(found.share_of_peak(found.ours))
        self.assertIsNone(found.peak)
        found.matrix_product = {0: 800.0}
        self.assertIsNone(found.share_of_peak(found.ours))
        found.parts = [Part("a", 1, 600), Part("b", 1, 200), Part("c", 1, 0)]
        found.matrix_product = {0: 800.0, 1: 200.0, 5: 1.0}
        self.assertEqual(found.products, 800)
        self.assertEqual(found.share_of_peak(found.ours), Spread(0.75, 0.625, 0.875))
        self.assertEqual(found.peak.median, 200)


class Losses(unittest.TestCase):
    def test_the_first_loss_differs_by_rounding_alone(self):
        self.assertEqual(with_losses([2.0001], [2.0]).loss_difference, "")
        found = with_losses([2.001], [2.0]).loss_difference
        self.assertEqual(found, "loss of step 1 is 2.001 and 2 in torch, contiguous")
        # However far torch's layouts are apart.
        self.assertIn("step 1", with_losses([2.001], [2.0], [2.1]).loss_difference)

    def test_later_losses_may_differ_by_a_hundredth(self):
        self.assertEqual(with_losses([2, 2.019], [2, 2.0]).loss_difference, "")
        self.assertEqual(
            with_losses([2, 2.021], [2, 2.0]).loss_difference,
            "loss of step 2 is 2.021 and 2 in torch, contiguous",
        )
        self.assertIn("step 2", with_losses([2, 1.979], [2, 2.0]).loss_difference)

    def test_later_losses_may_differ_by_three_times_what_the_layouts_do(self):
        self.assertEqual(with_losses([2, 2.29], [2, 2.0], [2, 2.1]).loss_difference, "")
        self.assertIn("contiguous", with_losses([2, 2.31], [2, 2.0], [2, 2.1]).loss_difference)
        self.assertIn("channels_last", with_losses([2, 1.78], [2, 2.0], [2, 2.1]).loss_difference)

    def test_each_layout_counts(self):
        self.assertIn("channels_last", with_losses([2.0], [2.0], [3.0]).loss_difference)

    def test_what_is_no_number_differs(self):
        self.assertIn("nan", with_losses([float("nan")], [2.0]).loss_difference)
        self.assertIn("step 2", with_losses([2, 2], [2, float("nan")]).loss_difference)

    def test_without_losses_there_is_no_difference(self):
        self.assertEqual(with_losses([], [2.0]).loss_difference, "")
        self.assertEqual(with_losses([2.0], []).loss_difference, "")
        self.assertEqual(result(row(OURS, losses=[1.0])).loss_difference, "")


class Promises(unittest.TestCase):
    def test_bounds_are_included(self):
        for at_least, value, met in [
            (True, 1.9, True), (True, 1.8, False), (False, 0.6, True), (False, 0.7, False), (True, None, None),
        ]:  # fmt: skip
            self.assertIs(Verdict("", 1.9 if at_least else 0.6, at_least, value).met, met)

    def test_verdicts_of_a_case(self):
        ours = row(OURS, 1, 1, peak_bytes=90)
        rows = ours, row(CONTIGUOUS, 9, 9, peak_bytes=900), row(CHANNELS_LAST, 1.25, 1.25, peak_bytes=100)
        speed, memory = verdicts(result(*rows))
        self.assertEqual((speed.bound, speed.at_least, speed.value, speed.met), (1.9, True, 1.25, False))
        self.assertEqual((memory.bound, memory.at_least, memory.value, memory.met), (0.6, False, 0.9, False))
        self.assertTrue(verdicts(result(*rows, network="baseline"))[0].met)

    def test_without_torch_nothing_is_judged(self):
        self.assertEqual([each.met for each in verdicts(result(row(OURS, 1)))], [None, None])
        rows = row(OURS, failure="died"), row(CONTIGUOUS, 1, peak_bytes=1)
        self.assertEqual([each.met for each in verdicts(result(*rows))], [None, None])

    def test_what_makes_a_run_fail(self):
        good = result(row(OURS, 1), row(CONTIGUOUS, 1))
        self.assertEqual(made.run(good).failed, [])
        self.assertEqual(made.run(result(row(OURS, 1), row(CONTIGUOUS, failure="no torch"))).failed, [])
        both = with_losses([1.0], [2.0])
        both.ours.failure = "died at step"
        self.assertEqual(
            made.run(good, both).failed,
            [
                "lenet/28x28x1: died at step",
                "lenet/28x28x1: loss of step 1 is 1 and 2 in torch, contiguous",
            ],
        )


if __name__ == "__main__":
    unittest.main()
