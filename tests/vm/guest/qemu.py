"""The virtual machine: one qemu process, which emulates the processor, and its monitor."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from lab import Daemon, LabError
from lab.daemons import find_program

from .image import Image
from .ports import GuestSilent, Port

MEMORY_MIB = 512


@dataclass(frozen=True)
class Boot:
    """What may differ from boot to boot."""

    #: How many seconds the RTC is ahead; it has whole seconds only.
    rtc_error: float = 0.0
    #: Is the system to take the RTC's time even if that is before systemd was built?
    trust_rtc: bool = False
    #: Is the network cable plugged in?
    linked: bool = True


class Qemu(Daemon):
    """A machine that boots `image`; what it writes to the disk is forgotten when qemu ends."""

    def __init__(self, directory: Path, image: Image, overlay: Path, boot: Boot) -> None:
        super().__init__("qemu", directory)
        self._image = image
        self._overlay = overlay
        self._boot = boot
        self.console = directory / "console.log"
        self._monitor: Monitor | None = None

    def command(self) -> Sequence[str]:
        words = ["console=ttyS0 quiet panic=-1 mitigations=off nokaslr audit=0"]
        if self._boot.trust_rtc:
            words.append("lab.clock=rtc")
        rtc = datetime.now(timezone.utc) + timedelta(seconds=self._boot.rtc_error)
        return [
            find_program("qemu-system-x86_64", "qemu-system-x86"),
            # Software emulation works everywhere. One processor: with more the guest's kernel gives up the TSC, and
            # its clock with it. The translation cache would take as much memory as the guest.
            "-accel", "tcg,thread=multi,tb-size=64", "-cpu", "max", "-smp", "1",
            "-machine", "q35", "-m", str(MEMORY_MIB), "-nodefaults", "-display", "none",
            "-kernel", str(self._image.kernel), "-initrd", str(self._image.initrd), "-append", " ".join(words),
            # A guest that restarts when it was not asked to has crashed.
            "-action", "reboot=shutdown,panic=shutdown",
            # The RTC goes on while the machine is paused, as one on a mainboard does.
            "-rtc", f"base={rtc:%Y-%m-%dT%H:%M:%S},clock=host",
            "-drive", f"file={self._image.disk},format=raw,if=virtio,snapshot=on,cache=unsafe",
            "-drive", f"file={self._overlay},format=raw,if=virtio,readonly=on",
            # The guest reaches 127.0.0.1 of this side as 10.0.2.2.
            "-netdev", "user,id=net,ipv6=off", "-device", "virtio-net-pci,netdev=net,id=nic,romfile=",
            "-device", "virtio-rng-pci",
            "-serial", f"file:{self.console}",
            "-device", "virtio-serial-pci",
            *self._port("shell"), *self._port("echo"),
            "-qmp", f"unix:{self.directory / 'monitor'},server=on,wait=off",
            *([] if self._boot.linked else ["-S"]),
        ]  # fmt: skip

    def _port(self, name: str) -> Sequence[str]:
        path = self.directory / name
        return [
            "-chardev", f"socket,id={name},path={path},server=on,wait=off",
            "-device", f"virtserialport,chardev={name},name=lab.{name}",
        ]  # fmt: skip

    def is_ready(self) -> bool:
        """qemu itself, that is; how far the guest is shows when it answers."""
        self._monitor = Monitor(Port(self.directory / "monitor"))
        if not self._boot.linked:
            self.monitor.execute("set_link", name="nic", up=False)
            self.monitor.execute("cont")
        return True

    @property
    def monitor(self) -> "Monitor":
        if self._monitor is None:
            raise LabError("qemu was not started")
        return self._monitor

    def log_tail(self, lines: int = 15) -> str:
        """The guest's console, too."""
        said = self.console.read_text(errors="replace").splitlines() if self.console.exists() else []
        shown = "\n".join(f"    {line}" for line in said[-lines:])
        return f"{super().log_tail(lines)}\nLast words on the guest's console:\n{shown}"


class Monitor:
    """qemu's own protocol, QMP: commands, their answers, and events in between."""

    def __init__(self, port: Port) -> None:
        self._port = port
        self._events: list[tuple[str, float]] = []
        self._port.line(10)  # a greeting
        self.execute("qmp_capabilities")

    def execute(self, command: str, **arguments: Any) -> Any:
        self._port.send(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
        while True:
            message = self._message(10)
            if "error" in message:
                raise LabError(f"qemu refuses {command}: {message['error']['desc']}")
            if "return" in message:
                return message["return"]

    def wait_event(self, name: str, timeout: float) -> float:
        """When this event came, by our CLOCK_MONOTONIC. Each event is returned once."""
        deadline = time.monotonic() + timeout
        while True:
            for event in self._events:
                if event[0] == name:
                    self._events.remove(event)
                    return event[1]
            try:
                self._message(max(deadline - time.monotonic(), 0.001))
            except GuestSilent:
                raise LabError(f"no event {name} for {timeout:g} s") from None

    def _message(self, timeout: float) -> dict[str, Any]:
        message = json.loads(self._port.line(timeout))
        if "event" in message:
            stamp = message["timestamp"]["seconds"] + message["timestamp"]["microseconds"] / 1e6
            self._events.append((message["event"], time.monotonic() - (time.time() - stamp)))
        return message
