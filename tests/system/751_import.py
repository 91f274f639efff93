"""`sdwdate import`: what people have in /etc/sdwdate.d becomes a configuration that loads and asks the same sources."""

import sys
import tomllib
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from lab import HONEST, HostileServer, LabTest, Result, in_namespaces, run

DEFAULT = """## Copyright
## "http://commented.onion # x"
#PROXY_IP=127.0.0.1
#PROXY_PORT=9050
MAX_FAILURE_RATIO=0.34
#RANDOMIZE_TIME=true

SDWDATE_POOL_ZERO=(
    "http://zero-a.onion # https://web.archive.org/web/2022/https://a.example/tor"
    [
        "http://zero-b.onion # https://web.archive.org/web/2021/https://b.example/"
        "https://zero-c.onion:8443/path # https://web.archive.org/web/2021/https://b.example/ https://c.example"
    ]
)

SDWDATE_POOL_ONE=(
    "http://one-a.onion # https://web.archive.org/web/2020/https://d.example https://d.example The D Project"
    ## broken at the moment
    #"http://one-b.onion # https://web.archive.org/web/2020/https://e.example"
)

SDWDATE_POOL_TWO=(
    "http://two-a.onion # https://web.archive.org/web/2021/https://f.example/"
)
"""

WHONIX = """set -e
mount -t tmpfs none /usr/share
mkdir /usr/share/whonix
mount -t tmpfs none /usr/libexec
mkdir /usr/libexec/helper-scripts
printf '%s' "$1" > /usr/libexec/helper-scripts/settings_echo
[ -z "$1" ] || chmod +x /usr/libexec/helper-scripts/settings_echo
shift
exec "$@"
"""


def on_whonix(settings: str) -> list[str]:
    """A prefix that runs a command where Whonix seems to be, with this program telling its settings."""
    return [*in_namespaces("mount"), "sh", "-c", WHONIX, "sh", settings]


class Import(LabTest):
    def folder(self, **files: str) -> Path:
        """An old configuration; `conf_30` becomes 30.conf."""
        folder = self.world.folder("sdwdate.d")
        for name, text in files.items():
            (folder / f"{name.removeprefix('conf_')}.conf").write_text(text)
        return folder

    def imported(self, folder: Path, prefix: list[str] | None = None) -> tuple[dict, Result]:
        result = run("sdwdate", "import", folder, prefix=prefix or [])
        self.assert_exit(result, 0)
        file = self.world.folder("imported") / "sdwdate.toml"
        file.write_text(result.stdout)
        return tomllib.loads(result.stdout), result

    def assert_refused(self, path: Path, *parts: str) -> None:
        result = run("sdwdate", "import", path)
        self.assert_exit(result, 2)
        self.assertEqual(result.stdout, "", f"\n{result}")
        self.assert_message(result, *parts)

    def test_all_keys(self) -> None:
        user = 'PROXY_IP=10.0.0.7\nPROXY_PORT=9108\nRANDOMIZE_TIME=true\n'
        user += 'SDWDATE_POOL_TWO=(\n"http://mine.onion # x"\n)\n'
        folder = self.folder(conf_30_default=DEFAULT, conf_50_user=user)
        toml, result = self.imported(folder)
        self.assertEqual(result.stderr, "")
        self.assertEqual(toml["transport"], "tor")
        self.assertEqual(toml["tor"], {"socks": "10.0.0.7:9108"})
        self.assertEqual(toml["selection"], {"failure_budget": 0})  # 5 members * 0.34 / 3
        self.assertEqual(toml["privacy"], {"random_offset": "1s"})
        urls = {pool["name"]: [source["url"] for source in pool["source"]] for pool in toml["pool"]}
        self.assertEqual(
            urls,
            {
                "zero": ["http://zero-a.onion", "http://zero-b.onion"],
                "one": ["http://one-a.onion"],
                "two": ["http://two-a.onion", "http://mine.onion"],
            },
        )
        zero_b = toml["pool"][0]["source"][1]
        self.assertEqual(zero_b["mirrors"], ["https://zero-c.onion:8443/path"])
        self.assertEqual(zero_b["evidence"], "https://web.archive.org/web/2021/https://b.example/")
        self.assertEqual(toml["pool"][1]["source"][0]["operator"], "The D Project")
        for name in ("30_default.conf", "50_user.conf"):
            self.assertIn(str(folder / name), result.stdout)

    def test_the_result_is_used(self) -> None:
        """A round with it asks these onions, over that proxy: which is not there."""
        folder = self.folder(conf_30=DEFAULT, conf_50="PROXY_PORT=1\n")
        _, result = self.imported(folder)
        file = self.world.folder("used") / "sdwdate.toml"
        file.write_text(f'{result.stdout}\n[state]\ndirectory = "{self.world.directory}"\n'
                        .replace("[selection]", '[chrony]\nsocket = "/nonexistent"\n[selection]'))  # fmt: skip
        synced = run("sdwdate", "sync", "--json", "--config", file)
        self.assert_exit(synced, 1)
        self.assertEqual({source["pool"] for source in synced.sources}, {"zero", "one", "two"})
        for source in synced.sources:
            self.assertTrue(source["url"].split("/")[2].split(":")[0].endswith(".onion"))
            self.assertEqual(source["error"]["code"], "proxy")

    def test_a_source_of_it_is_measured(self) -> None:
        """From the old file to an answer of a real server."""
        server = self.world.run(HostileServer(HONEST, self.world.certificate))
        folder = self.folder(conf_30=f'SDWDATE_POOL_ONE=(\n"{server.url} # mine"\n)\n')
        toml, _ = self.imported(folder)
        (url,) = [source["url"] for pool in toml["pool"] for source in pool["source"]]
        self.assert_measured(run("sdwdate", "query", "--json", "--direct", "--ca-file", self.ca_file,
                                 "--requests", "2", url))  # fmt: skip

    def test_files_are_taken_in_the_order_of_their_names(self) -> None:
        folder = self.folder(conf_9="PROXY_IP=10.0.0.9\n", conf_10="PROXY_IP=10.0.0.10\n", conf_a="PROXY_PORT=1\n")
        (folder / ".hidden.conf").write_text("PROXY_PORT=2\n")
        (folder / "b.conf.dpkg-old").write_text("PROXY_PORT=3\n")
        toml, _ = self.imported(folder)
        self.assertEqual(toml["tor"]["socks"], "10.0.0.9:1")  # "10" < "9" < "a"

    def test_whatever_is_doubtful_is_noted(self) -> None:
        odd = '"http://silent.onion"\n"http://clear.example # x"'
        text = DEFAULT.replace("SDWDATE_POOL_ONE=(", f"SDWDATE_POOL_ONE=(\n{odd}")
        folder = self.folder(conf_30=text + "SOMETHING=else\n")
        _, result = self.imported(folder)
        lines = text.splitlines()
        notes = result.stderr.splitlines()
        for number, words in (
            (lines.index('"http://silent.onion"') + 1, "without a '#'"),
            (lines.index('"http://clear.example # x"') + 1, "plain http"),
            (len(lines) + 1, "SOMETHING"),
        ):
            with self.subTest(words):
                (note,) = [note for note in notes if note.startswith(f"{folder}/30.conf:{number}: ")]
                self.assertIn(words, note)
        self.assertEqual(len(notes), 3, f"\n{result}")

    def test_the_default_proxy_is_whonix_gateway_there(self) -> None:
        folder = self.folder(conf_30=DEFAULT)
        for settings, expected in (
            ('#!/bin/sh\necho \'GATEWAY_IP="10.152.152.10"\'\necho \'GATEWAY_IP6="::1"\'\n', "10.152.152.10:9108"),
            ("", "127.0.0.1:9108"),
        ):
            with self.subTest(expected):
                toml, _ = self.imported(folder, prefix=on_whonix(settings))
                self.assertEqual(toml["tor"]["socks"], expected)
        (folder / "50.conf").write_text("PROXY_IP=10.0.0.7\n")
        toml, _ = self.imported(folder, prefix=on_whonix(""))
        self.assertEqual(toml["tor"]["socks"], "10.0.0.7:9108")

    def test_without_whonix_the_usual_proxy_needs_no_words(self) -> None:
        toml, _ = self.imported(self.folder(conf_30=DEFAULT))
        self.assertNotIn("tor", toml)

    def test_what_cannot_be_imported(self) -> None:
        missing = self.world.directory / "missing"
        self.assert_refused(missing, str(missing), "No such file")
        file = self.folder(conf_30=DEFAULT) / "30.conf"
        self.assert_refused(file, str(file), "Not a directory")
        empty = self.world.folder("empty")
        self.assert_refused(empty, str(empty), "nothing to import")
        (empty / "folder.conf").mkdir()
        self.assert_refused(empty, str(empty / "folder.conf"), "directory")
        dangling = self.world.folder("dangling")
        (dangling / "gone.conf").symlink_to("/nonexistent")
        self.assert_refused(dangling, str(dangling / "gone.conf"), "No such file")

    def test_values_with_which_nothing_worked(self) -> None:
        for line in ("PROXY_IP=10.0.0.1 # x", "PROXY_PORT=many", "MAX_FAILURE_RATIO=a third"):
            with self.subTest(line):
                folder = self.folder(conf_30=f"{DEFAULT}{line}\n")
                self.assert_refused(folder, f"{folder}/30.conf:{len(DEFAULT.splitlines()) + 1}: ")

    def test_usage(self) -> None:
        for arguments in ((), ("a", "b"), ("--json", "a")):
            with self.subTest(arguments):
                self.assert_exit(run("sdwdate", "import", *arguments), 2)
        result = run("sdwdate", "import", "--help")
        self.assert_exit(result, 0)
        self.assertIn("/etc/sdwdate.d", result.stdout)


if __name__ == "__main__":
    unittest.main()
