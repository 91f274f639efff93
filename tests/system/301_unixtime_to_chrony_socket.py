"""unixtime-to-chrony-socket: the datagram to the byte, lines sent as they come, and a chronyd that believes them."""

import subprocess
import sys
import time
import unittest
from decimal import Decimal
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from lab import (
    SAMPLE_LAYOUT, SAMPLE_MAGIC, Chronyd, LabTest, SampleRecorder, executable, in_namespaces, run, wait_until,
)  # fmt: skip

TOOL = "unixtime-to-chrony-socket"

NO_TIMES = (
    "", "now", "12:00", "1e9", "0x10", "1654420510,5", "1654420510.", ".5", " 1", "1 ", "1_000", "nan", "inf", "+1",
    "--1", "1654420510.8648045061", "9" * 400,
)  # fmt: skip


class UnixtimeToChronySocket(LabTest):
    def setUp(self) -> None:
        self.recorder = self.world.run(SampleRecorder(self.world.folder("recorder") / "web.sock"))

    def feed(self, *arguments: str, **options: str):
        return run(TOOL, "--socket", self.recorder.path, *arguments, **options)

    def check_sample(self, value: str) -> None:
        """Feed `value`; what arrives must say that this is the time now."""
        before = time.time()
        self.assert_exit(self.feed(value), 0)
        (datagram,) = self.recorder.datagrams()
        self.assertEqual(len(datagram), SAMPLE_LAYOUT.size)  # 40 bytes on 64-bit Linux
        (sample,) = self.recorder.samples()
        self.assertEqual((sample.pulse, sample.leap, sample.magic), (0, 0, SAMPLE_MAGIC))
        self.assertTrue(0 <= sample.microseconds < 1_000_000, sample)
        self.assertTrue(before - 0.001 <= sample.taken <= time.time(), sample)
        reference = Decimal(sample.seconds) + Decimal(sample.microseconds) / 10**6 + Decimal(sample.offset)
        # A double has 52 bits: for offsets of years that leaves some hundred nanoseconds.
        self.assertLess(abs(reference - Decimal(value)), Decimal("1e-6"), sample)

    def test_whole_seconds(self) -> None:
        self.check_sample("1654420510")

    def test_nine_decimals(self) -> None:
        self.check_sample("1654420510.864804506")

    def test_one_decimal(self) -> None:
        self.check_sample("1654420510.5")

    def test_nanoseconds_survive_when_the_offset_is_small(self) -> None:
        """Two times a microsecond apart, near now: their offsets must differ by what the clock moved and that."""
        second = int(time.time())
        for nanoseconds in (1, 1001):
            self.assert_exit(self.feed(f"{second}.{nanoseconds:09}"), 0)
        first, last = self.recorder.samples()
        moved = (last.seconds - first.seconds) + (last.microseconds - first.microseconds) / 1e6
        # `taken` has microseconds only; what it lacks is in the offset.
        self.assertAlmostEqual(last.offset - first.offset + moved, 1e-6, delta=2e-9)

    def test_each_line_is_sent_at_once(self) -> None:
        command = [executable(TOOL), "--socket", str(self.recorder.path), "-"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            for count, value in enumerate(("1700000000", "1700000001.25", "1700000002"), start=1):
                process.stdin.write(f"{value}\n")
                process.stdin.flush()
                sample = self.recorder.wait_for(count)[-1]
                self.assertAlmostEqual(sample.reference, float(value), places=3)
            process.stdin.close()
            self.assertEqual(process.wait(5), 0)

    def test_bad_lines_are_named_and_passed_over(self) -> None:
        lines = "1700000000\nnonsense\n1700000001.1234567890\n1700000002\n"
        result = self.feed("-", stdin=lines)
        self.assert_exit(result, 2)
        self.assertEqual([round(sample.reference) for sample in self.recorder.samples()], [1700000000, 1700000002])
        self.assert_message(result, "line 2", "nonsense", "line 3", "9")

    def test_last_line_needs_no_end(self) -> None:
        self.assert_exit(self.feed("-", stdin="1700000000\n1700000001"), 0)
        self.assertEqual(len(self.recorder.datagrams()), 2)

    def test_not_a_time(self) -> None:
        for value in NO_TIMES:
            with self.subTest(value):
                result = self.feed(value)
                self.assertIn(result.exit_code, (2, 4) if len(value) > 100 else (2,), f"\n{result}")
                self.assert_message(result)
        self.assertEqual(self.recorder.datagrams(), [])

    def test_too_many_decimals_says_so(self) -> None:
        self.assert_message(self.feed("1654420510.8648045061"), "9 decimals")

    def test_times_that_chrony_would_refuse(self) -> None:
        """chrony silently drops what NTP's era around it cannot express; we say it."""
        for value in ("0", "32503680000", "253402300800", "9223372036854775807"):
            with self.subTest(value):
                result = self.feed(value)
                self.assert_exit(result, 4)
                self.assert_message(result, value, "refuse")
        self.assertEqual(self.recorder.datagrams(), [])

    def test_usage(self) -> None:
        for arguments in ((), ("1", "2"), ("--no-such-option", "1"), ("1654420510", "--socket")):
            with self.subTest(arguments):
                result = run(TOOL, *arguments)
                self.assert_exit(result, 2)
                self.assert_message(result)

    def test_help_and_version(self) -> None:
        for option in ("--help", "--version"):
            result = run(TOOL, option)
            self.assert_exit(result, 0)
            self.assertTrue(result.stdout.strip())

    def test_default_sockets(self) -> None:
        """The first that exists of the two; if none does, the message names the first."""
        for names, fed in ((["chrony.ttyS0.sock"], 0), (["chrony.sdwdate.sock", "chrony.ttyS0.sock"], 0), ([], 3)):
            with self.subTest(names):
                self.check_default(names, fed)

    def check_default(self, names: list[str], expected: int) -> None:
        """Run it with a /run of its own in which there are these sockets."""
        run_folder = self.world.folder("run")
        recorders = [self.world.run(SampleRecorder(run_folder / name)) for name in names]
        script = 'mount --bind "$0" /run && exec "$@"'
        prefix = [*in_namespaces("mount"), "sh", "-c", script, str(run_folder)]
        result = run(TOOL, "1700000000", prefix=prefix)
        self.assert_exit(result, expected)
        self.assertEqual([len(recorder.datagrams()) for recorder in recorders], [1, 0][: len(names)])
        if expected:
            self.assert_message(result, "/run/chrony.sdwdate.sock", "refclock SOCK")

    def test_a_real_chronyd_selects_what_it_is_told(self) -> None:
        """One value a second, five milliseconds ahead of this clock, until chronyd has made up its mind."""
        chronyd = self.world.run(Chronyd(self.world.folder("chrony")))

        def tell_and_ask() -> bool:
            result = run(TOOL, "--socket", chronyd.socket, f"{Decimal(time.time_ns() + 5_000_000) / 10**9:.9f}")
            self.assert_exit(result, 0)
            return chronyd.is_selected()

        wait_until(tell_and_ask, 15, f"chronyd to select\n{chronyd.log_tail()}")
        for offset in chronyd.raw_offsets():
            self.assertAlmostEqual(offset, 0.005, delta=0.1)


if __name__ == "__main__":
    unittest.main()
