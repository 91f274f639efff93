"""Assertions that system tests share."""

import unittest
from pathlib import Path
from typing import Any

from .commands import Result, executable
from .world import World


def most_memory() -> int:
    """What a command and its probes may take, each. AddressSanitizer's bookkeeping takes more than they do."""
    sanitized = b"__asan_init" in Path(executable("sdwdate-probe")).read_bytes()
    return (512 if sanitized else 64) << 20


class LabTest(unittest.TestCase):
    """A test case with a world that all its tests share."""

    world: World
    most_memory: int

    @classmethod
    def setUpClass(cls) -> None:
        cls.world = cls.enterClassContext(World())
        cls.most_memory = most_memory()
        cls.set_up_world()

    @classmethod
    def set_up_world(cls) -> None:
        """Start what all tests of the class use."""

    @property
    def ca_file(self) -> Path:
        return self.world.ca.file

    def assert_exit(self, result: Result, expected: int) -> None:
        self.assertEqual(result.exit_code, expected, f"\n{result}")

    def assert_within(self, source: dict[str, Any], truth: float) -> None:
        """The product's promise: the bounds contain the truth."""
        self.assertLess(source["lower"], truth, source)
        self.assertGreater(source["upper"], truth, source)
        self.assertLessEqual(source["lower"], source["offset"], source)
        self.assertGreaterEqual(source["upper"], source["offset"], source)

    def assert_measured(self, result: Result, truth: float = 0.0) -> None:
        """One URL was asked, and measured right."""
        self.assert_exit(result, 0)
        (source,) = result.sources
        self.assertEqual(source["outcome"], "truechimer", f"\n{result}")
        self.assertIsNone(source["error"], f"\n{result}")
        self.assert_within(source, truth)

    def assert_source_failed(self, source: dict[str, Any], code: str, report: object) -> None:
        """This source failed for this reason, and says so in a sentence."""
        self.assertEqual(source["outcome"], "failed", f"\n{report}")
        self.assertEqual(source["error"]["code"], code, f"\n{report}")
        self.assert_sentence(source["error"]["message"])

    def assert_failed(self, result: Result, code: str, url: str) -> None:
        """One URL was asked, and failed for this reason, within bounded memory."""
        self.assert_exit(result, 1)
        (source,) = result.sources
        self.assertEqual(source["url"], url, f"\n{result}")
        self.assert_source_failed(source, code, result)
        self.assertFalse(result.selection["agreed"], f"\n{result}")
        self.assertLess(result.peak_memory, self.most_memory, f"\n{result}")

    def assert_sentence(self, text: str) -> None:
        """Words for people: several of them, on one line, in printable characters, not without end."""
        self.assertTrue(text.isprintable(), repr(text))
        self.assertGreaterEqual(len(text.split()), 3, repr(text))
        self.assertLess(len(text), 400, repr(text))

    def assert_message(self, result: Result, *parts: str) -> None:
        """What it says on standard error contains each of these."""
        self.assertTrue(result.stderr.strip(), f"no message on standard error\n{result}")
        for part in parts:
            self.assertIn(part, result.stderr, f"\n{result}")
