"""Servers whose clock advances in ticks, as that of a kernel with 100 or 250 of them a second."""

import os
from collections.abc import Mapping
from pathlib import Path

from .certificates import Certificate
from .commands import BIN, executable
from .webservers import Nginx


class CoarseNginx(Nginx):
    """nginx that sees the time of day as of the last of `ticks` a second, each second's first one `late` seconds late.

    Where the ticks lie within the second is chance on a real machine: whatever its kernel began with, moved by all that
    has disciplined its clock since.
    """

    def __init__(
        self, directory: Path, certificate: Certificate, *, ticks: int, late: float, clock_offset: float = 0.0
    ) -> None:
        super().__init__(directory, certificate, clock_offset=clock_offset)
        self.ticks = ticks
        self.late = late

    def environment(self) -> Mapping[str, str]:
        nanoseconds = (round(value * 1e9) for value in (1 / self.ticks, self.late, self.clock_offset))
        return {
            "LD_PRELOAD": executable("coarse_clock.so", BIN.parent / "tests"),
            "COARSE_CLOCK": " ".join(map(str, nanoseconds)),
            # A sanitized build wants its own library first; with this one in front, all it uses still works.
            "ASAN_OPTIONS": ":".join(filter(None, [os.environ.get("ASAN_OPTIONS"), "verify_asan_link_order=0"])),
        }
