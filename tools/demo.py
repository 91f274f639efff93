#!/usr/bin/python3
"""`./dev demo`: five real web servers, one of them wrong, a real chronyd, and sdwdated between them.

Everything runs on this machine's loopback, in a temporary folder, and is gone afterwards. Nothing sets the clock.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))

from lab import (
    BIN, Apache, Caddy, Chronyd, Interrupted, LabError, Lighttpd, Nginx, Pool, Sdwdated, Settings, Source, WebServer,
    World, executable,
)  # fmt: skip

TEN_MINUTES = 600.0
QUESTIONS = 7
# How long chronyd may take to select; it needs three samples, and a round takes some five seconds.
PATIENCE = 40.0

Round = Mapping[str, Any]


# --- words -------------------------------------------------------------------------------------------------------


def human(seconds: float) -> str:
    """A length of time as people say it: "0.4 ms", "5.1 ms", "10.0 minutes"."""
    size = abs(seconds)
    for limit, unit, name in ((1.0, 1e-3, "ms"), (120.0, 1.0, "s"), (7200.0, 60.0, "minutes")):
        if size < limit:
            return f"{size / unit:.1f} {name}"
    return f"{size / 3600:.1f} hours"


def clock_is(offset: float) -> str:
    return f"{human(offset)} {'slow' if offset >= 0 else 'fast'}"


def give_or_take(measured: Mapping[str, float]) -> str:
    """How far the truth may be from the offset, at most."""
    return human(max(measured["upper"] - measured["offset"], measured["offset"] - measured["lower"]))


class Narrator:
    """Speaks to whoever watches; in colour only on a terminal that wants it."""

    _COLOURS = {"bold": "1", "green": "32", "yellow": "33", "red": "31", "dim": "2"}

    def __init__(self) -> None:
        self._terminal = sys.stdout.isatty()
        self._colour = self._terminal and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"

    def paint(self, colour: str, text: str) -> str:
        return f"\x1b[{self._COLOURS[colour]}m{text}\x1b[0m" if self._colour else text

    def say(self, text: str = "") -> None:
        print(text, flush=True)

    def heading(self, text: str) -> None:
        self.say()
        self.say(self.paint("bold", text))

    def wait(self, condition: Callable[[], bool], deadline: float, what: str) -> bool:
        """Wait and show it: on a terminal in one line that goes away, elsewhere with a line every three seconds."""
        started = shown = time.monotonic()
        while not (done := condition()) and time.monotonic() < deadline:
            now = time.monotonic()
            if self._terminal:
                print(f"\r  {what} ... {now - started:.0f} s", end="", flush=True)
            elif now - shown >= 3:
                self.say(f"  {what} ... {now - started:.0f} s")
                shown = now
            time.sleep(0.1)
        if self._terminal:
            print("\r\x1b[K", end="", flush=True)
        return done


# --- the scene ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Actor:
    """One server, and who is said to run it."""

    label: str
    pool: str
    server: WebServer


def cast(world: World) -> list[Actor]:
    """Four servers whose clock is this machine's, and one whose clock is ten minutes behind."""
    honest = [
        Actor(kind.implementation, pool, kind(world.folder(kind.implementation), world.certificate))
        for kind, pool in ((Nginx, "privacy"), (Lighttpd, "privacy"), (Apache, "press"), (Caddy, "software"))
    ]
    slow = Nginx(world.folder("slow"), world.certificate, clock_offset=-TEN_MINUTES)
    return [*honest, Actor("nginx with a wrong clock", "press", slow)]


def configure(world: World, actors: list[Actor], chronyd: Chronyd) -> Path:
    pools = dict.fromkeys(actor.pool for actor in actors)
    settings = Settings(
        pools=[
            Pool(name, [Source(actor.server.url, actor.label) for actor in actors if actor.pool == name])
            for name in pools
        ],
        chrony_socket=chronyd.socket,
        ca_file=world.ca.file,
        state_directory=world.folder("state"),
        more={"request": {"per_source": QUESTIONS}},
    )
    return settings.write(world.directory / "sdwdate.toml")


class Demo:
    """The play: set up, rounds until chronyd has selected the source, what chronyd says in the end."""

    def __init__(self, world: World, folder: Path, narrator: Narrator) -> None:
        self.world = world
        self.folder = folder
        self.tell = narrator
        self.narrated = 0

    def set_up(self) -> None:
        """Start everything, and say what and why."""
        tell = self.tell
        tell.say(tell.paint("bold", "Web time, agreed on by several servers and handed to a real chronyd."))
        tell.say("Everything happens on this machine's loopback. Its clock is not touched.")

        tell.heading("1. Five HTTPS servers, with certificates of an authority made just now")
        self.actors = cast(self.world)
        self.world.start(*(actor.server for actor in self.actors))
        for actor in self.actors:
            tell.say(f"  {actor.label:25} {actor.server.url:26} operator pool '{actor.pool}'")
        tell.say("  The last one runs ten minutes behind, as if its administrator had set the clock wrong.")

        tell.heading("2. A real chronyd, with nothing but our socket to learn the time from")
        self.chronyd = self.world.run(Chronyd(self.world.folder("chrony")))
        tell.say("  It may not set the clock (-x) and has no network: an empty network namespace sees to that.")

        tell.heading("3. sdwdated: asks, weighs the answers, and hands chronyd what a majority agrees on")
        self.configuration = configure(self.world, self.actors, self.chronyd)
        self.daemon = self.world.run(Sdwdated(self.world.folder("sdwdated"), self.configuration, folder=self.folder))
        tell.say(f"  In each round it asks all five up to {QUESTIONS} times: HEAD / over one TLS connection. A Date")
        tell.say("  header shows whole seconds only; by choosing when to ask, it finds where between two it is.")

    def play(self, deadline: float) -> bool:
        """Narrate rounds until chronyd has selected the source. False if it has not in time."""
        while time.monotonic() < deadline and not (self.narrated and self.chronyd.is_selected()):
            self.next_round(deadline)
        return self.chronyd.is_selected()

    def next_round(self, deadline: float) -> None:
        """Wait for a round to end, and tell what it came to: the first in full, others in a line."""
        if not self.tell.wait(self.round_ended, deadline, f"round {self.narrated + 1}"):
            return
        self.narrated += 1
        result = self.daemon.rounds()[self.narrated - 1]
        if self.narrated == 1:
            self.tell_votes(result)
        self.tell_verdict(result)

    def round_ended(self) -> bool:
        if not self.daemon.running:
            raise LabError(f"sdwdated ended with status {self.daemon.exit_code}\n{self.daemon.log_tail()}")
        return len(self.daemon.rounds()) > self.narrated

    def tell_votes(self, result: Round) -> None:
        """Who agreed, who lied and by how much."""
        self.tell.say(f"  The first round took {result['duration']:.1f} s. They said:")
        by_url = {source["url"]: source for source in result["sources"]}
        for actor in self.actors:
            self.tell.say(f"    {self.vote(actor, by_url.get(actor.server.url), result['selection'])}")
        self.tell.say("  Who stands alone is not believed, however sure: it counts where a majority's bounds overlap.")
        self.tell.say("  (lighttpd is honest, but renews its Date up to a second late, by as much until it boots.)")

    def vote(self, actor: Actor, source: Mapping[str, Any] | None, selection: Mapping[str, Any]) -> str:
        paint, label = self.tell.paint, f"{actor.label:25}"
        if source is None:
            return f"{paint('dim', 'idle     ')} {label} was not asked"
        if source["outcome"] == "failed":
            return f"{paint('yellow', 'failed   ')} {label} {source['error']['message']}"
        says = f"says our clock is {clock_is(source['offset'])}, give or take {give_or_take(source)}"
        if not selection["agreed"]:
            return f"{paint('dim', 'alone    ')} {label} {says}"
        if source["outcome"] == "truechimer":
            return f"{paint('green', 'agrees   ')} {label} {says}"
        return self.judge(actor, source["offset"] - selection["offset"])

    def judge(self, actor: Actor, ahead: float) -> str:
        """A falseticker: a liar, unless it is known to tick late."""
        late = -1 < ahead < 0 and actor.server.implementation == "lighttpd"
        verdict = self.tell.paint("yellow", "late     ") if late else self.tell.paint("red", "lied     ")
        direction = "ahead of" if ahead > 0 else "behind"
        return f"{verdict} {actor.label:25} its clock is {human(ahead)} {direction} what the majority says"

    def tell_verdict(self, result: Round) -> None:
        selection = result["selection"]
        if not selection["agreed"]:
            self.tell.say(f"  Round {self.narrated}: no agreement, so chronyd is told nothing.")
            return
        fed = "handed to chronyd" if result["fed"] else "but chronyd could not be told"
        mark = "selected" if self.chronyd.is_selected() else "not selected yet"
        self.tell.say(
            f"  Round {self.narrated}: {selection['truechimers']} of {len(result['sources'])} agree that our clock is "
            f"{clock_is(selection['offset'])}, give or take {give_or_take(selection)}; {fed} ({mark})"
        )

    def tell_failure(self) -> None:
        self.tell.heading(f"chronyd has not selected the source within {PATIENCE:.0f} s. What they said:")
        self.tell.say(self.chronyd.chronyc("sources"))
        self.tell.say(self.chronyd.log_tail())
        self.tell.say(self.daemon.log_tail())

    def tell_chronyd(self) -> None:
        """chronyd's own words, and ours last."""
        self.tell.heading("4. chronyd believes it")
        self.tell.say("$ chronyc tracking")
        self.tell.say(self.chronyd.chronyc("tracking"))
        self.tell.say("$ chronyc sources      (the * marks the source that chronyd has selected)")
        self.tell.say(self.chronyd.chronyc("sources"))
        agreed = [result["selection"] for result in self.daemon.rounds() if result["selection"]["agreed"]][-1]
        sentence = f"Agreed: this machine's clock is {clock_is(agreed['offset'])}, give or take {give_or_take(agreed)}."
        self.tell.say(self.tell.paint("bold", sentence))

    def tell_how_to_play(self) -> None:
        sdwdate = executable("sdwdate", self.folder)
        servers = "\n".join(f"    kill {actor.server.pid:<9} # {actor.label}" for actor in self.actors)
        self.tell.heading("All of it goes on running. In another terminal, try:")
        self.tell.say(f"    watch -n 1 chronyc -h {self.chronyd.command_socket} sources")
        self.tell.say(f"    {sdwdate} query --ca-file {self.world.ca.file} {self.actors[0].server.url}")
        self.tell.say(f"    {sdwdate} sync --config {self.configuration}")
        self.tell.say(f"or end servers, and see how many may be missing:\n{servers}")
        self.tell.say("Ctrl-C here ends everything.")

    def keep(self) -> None:
        """Narrate on until someone interrupts."""
        while True:
            self.next_round(deadline=float("inf"))


# --- the command -------------------------------------------------------------------------------------------------


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev demo", description=(__doc__ or "").split("\n\n")[-1])
    parser.add_argument("--keep", action="store_true", help="leave everything running until Ctrl-C, for play")
    parser.add_argument("--bin", type=Path, default=BIN, metavar="DIR", help="where the executables are")
    return parser.parse_args()


def perform(demo: Demo, keep: bool) -> int:
    """The exit status: 0 when chronyd has selected the source."""
    demo.set_up()
    if not demo.play(time.monotonic() + PATIENCE):
        demo.tell_failure()
        return 1
    demo.tell_chronyd()
    if keep:
        demo.tell_how_to_play()
        demo.keep()
    return 0


def main() -> int:
    options = arguments()
    narrator = Narrator()
    try:
        executable("sdwdated", options.bin)  # better missed now than after the servers have been shown
        with World() as world:
            return perform(Demo(world, options.bin.resolve(), narrator), options.keep)
    except LabError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except Interrupted as interrupt:
        narrator.say("\nStopped. Everything that was started has ended, and its folder is gone.")
        return 0 if options.keep else 128 + interrupt.signal_number


if __name__ == "__main__":
    sys.exit(main())
