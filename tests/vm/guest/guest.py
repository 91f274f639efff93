"""A running guest: Debian 12 with our package, whose clock is really set."""

import base64
import json
import re
import shlex
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab import LabError, wait_until

from .image import Image, overlay
from .ports import ClockEcho, Output, Port, Reading, Shell
from .qemu import Boot, Qemu

# Debian is up after half a minute, if the machine has nothing else to do.
_BOOT_SECONDS = 240.0
# Units whose words tell a scenario's story.
_TELLING = ("sdwdated", "chrony", "sdwdate-chrony-*", "systemd-networkd", "systemd-suspend", "lab-clock")
#: What the daemon says of itself.
REPORT = "/run/sdwdate/report.json"


@dataclass(frozen=True)
class Event:
    """One line of the daemon's in the journal."""

    #: Its field SDWDATE_EVENT.
    name: str
    message: str
    #: The guest's CLOCK_MONOTONIC.
    monotonic: float


class Guest:
    """A service that a `World` can run."""

    def __init__(self, directory: Path, image: Image, files: Mapping[str, str], boot: Boot) -> None:
        self._qemu = Qemu(directory, image, overlay(files, directory / "overlay.tar"), boot)
        self.boot_seconds = 0.0

    # --- life ---

    def start(self) -> None:
        self._started = time.monotonic()
        self._qemu.start()

    def wait_ready(self) -> None:
        """Return when it has booted and takes commands, whatever its network does."""
        self._qemu.wait_ready()
        self._shell = Shell(Port(self._qemu.directory / "shell"))
        self._echo = ClockEcho(Port(self._qemu.directory / "echo"))
        self._wait_booted()

    def _wait_booted(self) -> None:
        try:
            self._shell.wait_ready(_BOOT_SECONDS)
        except LabError as error:
            raise LabError(f"the guest does not boot: {error}\n{self._qemu.log_tail()}") from None
        self.boot_seconds = time.monotonic() - self._started
        wait_until(self._echoes, 20, "the guest's clock")

    def _echoes(self) -> bool:
        """Questions from before the echo listened are lost."""
        try:
            self._echo.read(tries=1, timeout=1)
        except LabError:
            return False
        return True

    def ask_to_stop(self) -> None:
        self._qemu.ask_to_stop()

    def stop(self) -> int | None:
        """Pull the plug."""
        return self._qemu.stop()

    # --- commands ---

    def run(self, command: str, *, timeout: float = 60.0, check: bool = True) -> str:
        """What a command, run by the guest's root, says."""
        output = self.try_run(command, timeout=timeout)
        if check and output.exit_code != 0:
            raise LabError(str(output))
        return output.text

    def try_run(self, command: str, *, timeout: float = 60.0) -> Output:
        return self._shell.run(command, timeout)

    def write(self, path: str, text: str) -> None:
        encoded = base64.b64encode(text.encode()).decode()
        self.run(f"echo {encoded} | base64 -d >{shlex.quote(path)}")

    def property(self, unit: str, name: str) -> str:
        """What systemd knows of a unit; points in time as @ and seconds since 1970."""
        return self.run(f"systemctl show --timestamp=unix --property={name} --value {shlex.quote(unit)}")

    # --- clocks ---

    def clock(self, tries: int = 4) -> Reading:
        return self._echo.read(tries, timeout=20)

    def at(self, monotonic: float) -> float:
        """When the guest's CLOCK_MONOTONIC showed this, by ours; if the guest has not stood still since."""
        now = self.clock()
        return now.at - (now.monotonic - monotonic)

    def network_up(self) -> float | None:
        """When the network became usable, by our CLOCK_MONOTONIC."""
        microseconds = int(self.property("network-online.target", "ActiveEnterTimestampMonotonic"))
        return self.at(microseconds / 1e6) if microseconds else None

    def error_at_start_of(self, unit: str) -> float:
        """By how much the clock was off when this unit was started."""
        real = int(self.property(unit, "InactiveExitTimestamp").removeprefix("@"))
        monotonic = int(self.property(unit, "InactiveExitTimestampMonotonic")) / 1e6
        truth = time.time() - (time.monotonic() - self.at(monotonic))
        return real - truth

    # --- what happens to machines ---

    def pause(self, seconds: float) -> float:
        """Stop the whole machine for a while, all of its clocks but the RTC. When it went on, by our clock."""
        self._qemu.monitor.execute("stop")
        time.sleep(seconds)
        self._qemu.monitor.execute("cont")
        return time.monotonic()

    def suspend(self, seconds: int) -> float:
        """Suspend to memory, with an alarm of the RTC that ends it. When it woke up, by our clock."""
        alarm = "/sys/class/rtc/rtc0/wakealarm"
        self.run(f"echo 0 >{alarm}; echo +{seconds} >{alarm}; systemctl --no-block start suspend.target")
        self._qemu.monitor.wait_event("SUSPEND", 30)
        return self._qemu.monitor.wait_event("WAKEUP", seconds + 30)

    def set_link(self, up: bool) -> float:
        """Plug the network cable in, or pull it. When, by our clock."""
        self._qemu.monitor.execute("set_link", name="nic", up=up)
        return time.monotonic()

    def reboot(self) -> None:
        """As an administrator does. The disk keeps what it has."""
        self._qemu.monitor.execute("set-action", reboot="reset")
        self._started = time.monotonic()
        self.run("systemctl --no-block reboot")
        self._wait_booted()
        self._qemu.monitor.execute("set-action", reboot="shutdown")

    # --- the daemon ---

    def report(self) -> dict[str, Any]:
        """What sdwdated says of itself; empty before its first word."""
        text = self.run(f"cat {REPORT}", check=False)
        try:
            return json.loads(text)
        except json.JSONDecodeError:
            return {}

    def is_selected(self) -> bool:
        """Has chronyd selected our source?"""
        return any(line.startswith("#,*,") for line in self.run("chronyc -n -c sources", check=False).splitlines())

    # The journal's own cursors hold wall-clock times: in a boot that began years off, what came later is not found
    # after them. Its monotonic times are true.

    def events(self, since: float = 0.0) -> list[Event]:
        """What the daemon has decided since then, by the guest's CLOCK_MONOTONIC."""
        told = self.run("journalctl --quiet --no-pager --output=json --boot --unit=sdwdated")
        entries = [json.loads(line) for line in told.splitlines()]
        return [
            Event(entry["SDWDATE_EVENT"], entry["MESSAGE"], int(entry["__MONOTONIC_TIMESTAMP"]) / 1e6)
            for entry in entries
            if "SDWDATE_EVENT" in entry and int(entry["__MONOTONIC_TIMESTAMP"]) / 1e6 >= since
        ]

    def journal(self, since: float = 0.0) -> str:
        """What the units concerned have said since then."""
        units = " ".join(f"--unit={shlex.quote(unit)}" for unit in _TELLING)
        lines = self.run(f"journalctl --quiet --no-pager --output=short-monotonic --boot {units}").splitlines()
        stamps = (re.match(r"\[ *([0-9.]+)\]", line) for line in lines)
        return "\n".join(line for line, stamp in zip(lines, stamps) if stamp and float(stamp[1]) >= since)
