"""What people mistype: every mistake ends at once with status 2 and words that find the place and name the remedy."""

import re
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from lab import LabTest, Result, in_parallel, run

POOL = """
[[pool]]
name = "one"
  [[pool.source]]
  url = "https://127.0.0.1:9/"
"""

# What is written, and what the message must contain; the line is that of the first one with a "<-".
MISTAKES: dict[str, tuple[str, tuple[str, ...]]] = {
    "misspelt key": ("[request]\nper_sorce = 3 # <-", ("per_sorce", "per_source")),
    "misspelt table": ("[shedule] # <-\nminimum = '1s'", ("shedule", "schedule")),
    "misspelt key of a source": (f"{POOL}  operater = 'A' # <-", ("operater", "operator")),
    "key of another table": ("[chrony]\nminimum = '1s' # <-", ("minimum",)),
    "number for a text": ("transport = 3 # <-", ("transport",)),
    "unknown transport": ("transport = 'carrier pigeon' # <-", ("transport", "tor", "direct")),
    "text for a number": ("[request]\nper_source = 'eight' # <-", ("per_source",)),
    "number out of range": ("[request]\nper_source = 0 # <-", ("per_source",)),
    "number far out of range": ("[request]\nper_source = 1000000 # <-", ("per_source",)),
    "duration without unit": ("[schedule]\nminimum = '60' # <-", ("minimum", "10min")),
    "duration as a number": ("[schedule]\nminimum = 60 # <-", ("minimum",)),
    "negative duration": ("[schedule]\nminimum = '-1s' # <-", ("minimum",)),
    "longest below shortest": ("[schedule] # <-\nminimum = '2h'\nmaximum = '1h'", ("minimum", "maximum")),
    "proxy without a port": ("[tor]\nsocks = '127.0.0.1' # <-", ("socks", "127.0.0.1")),
    "no scheme": ("[[pool]]\nname = 'p'\n[[pool.source]]\nurl = 'example.org' # <-", ("example.org",)),
    "plain http": ("[[pool]]\nname = 'p'\n[[pool.source]]\nurl = 'http://example.org/' # <-", ("https",)),
    "another scheme": ("[[pool]]\nname = 'p'\n[[pool.source]]\nurl = 'ntp://example.org/' # <-", ("ntp", "https")),
    "password in a URL": ("[[pool]]\nname = 'p'\n[[pool.source]]\nurl = 'https://a:b@c.example/' # <-", ("password",)),
    "impossible port": ("[[pool]]\nname = 'p'\n[[pool.source]]\nurl = 'https://127.0.0.1:99999/' # <-", ("99999",)),
    "bad mirror": (f"{POOL}  mirrors = ['ftp://example.org/'] # <-", ("ftp",)),
    "source without url": ("[[pool]]\nname = 'p'\n[[pool.source]] # <-\noperator = 'A'", ("url",)),
    "pool without name": ("[[pool]] # <-\n[[pool.source]]\nurl = 'https://example.org/'", ("name",)),
    "pool without sources": ("[[pool]] # <-\nname = 'p'", ("pool.source",)),
    "two pools of one name": (POOL + POOL.replace("[[pool]]", "[[pool]] # <-"), ("one",)),
    "pool as a table": ("[pool] # <-\nname = 'p'", ("pool",)),
    "no TOML": ("transport = 'direct\n", ()),
    "no TOML at all": ("\x00\x01\x02", ()),
    "the same key twice": ("transport = 'tor'\ntransport = 'direct' # <-", ("transport",)),
}


class ConfigErrors(LabTest):
    def write(self, text: str) -> Path:
        path = self.world.folder("configuration") / "sdwdate.toml"
        path.write_text(text)
        return path

    def assert_usage_error(self, result: Result, *parts: str) -> None:
        self.assert_exit(result, 2)
        self.assert_message(result, *parts)
        self.assertEqual(result.stdout, "", f"nothing was measured\n{result}")
        self.assertLess(result.seconds, 2, f"\n{result}")

    def test_mistakes_in_the_file(self) -> None:
        files = {name: self.write(text) for name, (text, _) in MISTAKES.items()}
        results = in_parallel(lambda path: run("sdwdate", "sync", "--config", path), files.values())
        for (name, (text, parts)), path, result in zip(MISTAKES.items(), files.values(), results, strict=True):
            with self.subTest(name):
                self.assert_usage_error(result, str(path), *parts)
                self.check_line(text, result)

    def check_line(self, text: str, result: Result) -> None:
        """FILE:LINE: stands in the message, and it is the right line."""
        marked = [number for number, line in enumerate(text.splitlines(), start=1) if "<-" in line]
        told = re.search(r"sdwdate\.toml:(\d+)", result.stderr)
        self.assertIsNotNone(told, f"no line number\n{result}")
        if marked:
            self.assertEqual(int(told.group(1)), marked[0], f"\n{result}")

    def test_the_daemon_says_the_same(self) -> None:
        path = self.write("[request]\nper_sorce = 3\n" + POOL)
        self.assert_usage_error(run("sdwdated", "--config", path, "--once"), "per_sorce", "per_source", ":2")
        self.assert_usage_error(run("sdwdated", "--config", path), "per_sorce", "per_source", ":2")

    def test_no_such_file(self) -> None:
        path = self.world.directory / "missing.toml"
        self.assert_usage_error(run("sdwdate", "sync", "--config", path), str(path), "No such file")

    def test_folder_for_a_file(self) -> None:
        folder = self.world.folder("folder")
        self.assert_usage_error(run("sdwdate", "sync", "--config", folder), str(folder), "directory")

    def test_no_pools(self) -> None:
        path = self.write("transport = 'direct'\n")
        self.assert_usage_error(run("sdwdate", "sync", "--config", path), "pool")

    def test_usage(self) -> None:
        """Arguments nobody can mean."""
        mistakes: dict[tuple[str, ...], str] = {
            ("sdwdate",): "query",
            ("sdwdate", "qurey"): "qurey",
            ("sdwdate", "query"): "URL",
            ("sdwdate", "query", "--reqests", "3", "https://127.0.0.1/"): "--reqests",
            ("sdwdate", "query", "--requests", "0", "https://127.0.0.1/"): "--requests",
            ("sdwdate", "query", "--requests", "many", "https://127.0.0.1/"): "--requests",
            ("sdwdate", "query", "--timeout", "-1", "https://127.0.0.1/"): "--timeout",
            ("sdwdate", "query", "--proxy", "127.0.0.1:9050", "https://127.0.0.1/"): "socks5h://",
            ("sdwdate", "query", "--proxy", "http://127.0.0.1:3128", "https://127.0.0.1/"): "socks5h://",
            ("sdwdate", "query", "--proxy", "socks5://127.0.0.1:9050", "https://127.0.0.1/"): "socks5h://",
            ("sdwdate", "query", "--ca-file", "/nonexistent/ca.pem", "https://127.0.0.1/"): "/nonexistent/ca.pem",
            ("sdwdate", "query", "ntp://127.0.0.1/"): "ntp",
            ("sdwdate", "query", "http://example.org/"): "https",
            ("sdwdate", "sync", "--config"): "--config",
            ("sdwdate", "sync", "https://127.0.0.1/"): "https://127.0.0.1/",
            ("sdwdated", "--onec"): "--onec",
            ("sdwdated", "surplus"): "surplus",
        }
        results = in_parallel(lambda arguments: run(*arguments, timeout=5), mistakes)
        for (arguments, part), result in zip(mistakes.items(), results, strict=True):
            with self.subTest(" ".join(arguments)):
                self.assert_usage_error(result, part)

    def test_direct_and_proxy_exclude_each_other(self) -> None:
        both = ("--direct", "--proxy", "socks5h://127.0.0.1:9050")
        self.assert_usage_error(run("sdwdate", "query", *both, "https://127.0.0.1/"), "--direct", "--proxy")

    def test_help_and_version(self) -> None:
        for command in ("sdwdate --help", "sdwdate --version", "sdwdate query --help", "sdwdate sync --help",
                        "sdwdated --help", "sdwdated --version"):  # fmt: skip
            with self.subTest(command):
                result = run(*command.split())
                self.assert_exit(result, 0)
                self.assertTrue(result.stdout.strip(), f"\n{result}")


if __name__ == "__main__":
    unittest.main()
