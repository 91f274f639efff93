"""Runs a program whose monotonic clock begins each second a given time after the wall clock does.

    late_clock.py LATE_BY PROGRAM ARGUMENT...

Which of lighttpd's seconds are late, and by how much, is chance on each boot: its Date changes with the seconds of the
monotonic clock. In a time namespace of its own that clock is what we say. The wall clock there is the machine's.
"""

import ctypes
import signal
import subprocess
import sys
import time

CLONE_NEWTIME = 0x80


def enter_time_namespace(late_by: float) -> None:
    """From now on this process's children live there; it stays outside itself. Needs a user namespace, or root."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWTIME) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    ahead = (time.time_ns() - time.clock_gettime_ns(time.CLOCK_MONOTONIC) - round(late_by * 1e9)) % 1_000_000_000
    with open("/proc/self/timens_offsets", "w") as offsets:
        offsets.write(f"monotonic 0 {ahead}\n")


def main() -> int:
    enter_time_namespace(float(sys.argv[1]))
    program = subprocess.Popen(["setpriv", "--pdeathsig", "TERM", "--", *sys.argv[2:]])
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _frame: program.send_signal(received))
    return program.wait()


if __name__ == "__main__":
    sys.exit(main())
