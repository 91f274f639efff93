#!/usr/bin/env python3
"""What the kernel's time stamps would add to ours: by `kernel_timestamps`, to a real nginx, idle and busy."""

import argparse
import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))

from lab import PlainNginx, World

PROGRAM = Path(__file__).resolve().parents[1] / "build" / "release" / "bin" / "kernel_timestamps"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=1000, metavar="N", help="requests in each state (1000)")
    options = parser.parse_args()
    with World() as world:
        server = world.run(PlainNginx(world.folder("nginx")))
        for name, load in (("idle", 0), ("two busy programs per core", 2 * (os.cpu_count() or 1))):
            print(f"{name}:", flush=True)
            busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(load)]
            try:
                subprocess.run([PROGRAM, str(server.port), str(options.times)], check=True)
            finally:
                for program in busy:
                    program.kill()
                    program.wait()


if __name__ == "__main__":
    main()
