"""The tests of something: most pass, one fails now and then (the first time), one is broken."""

import os
import unittest
from pathlib import Path


class Prices(unittest.TestCase):
    def test_sum(self):
        self.assertEqual(sum([1, 2, 3]), 6)

    def test_rounding(self):
        self.assertEqual(round(2.675, 2), 2.68)  # Broken: that is 2.67 in binary.

    def test_empty(self):
        self.assertEqual(sum([]), 0)


class Orders(unittest.TestCase):
    def test_sorted(self):
        self.assertEqual(sorted([3, 1, 2]), [1, 2, 3])

    def test_warm_cache(self):
        cache = Path(os.environ["OARLOCK_SCRATCH"]) / "cache"
        was_warm = cache.exists()
        cache.touch()
        self.assertTrue(was_warm)  # Fails on a machine that nobody used before.

    def test_unique(self):
        self.assertEqual(len({1, 1, 2}), 2)
