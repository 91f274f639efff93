"""sdwdate's configuration files, written from data."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

Value = str | int | Sequence[str]


@dataclass(frozen=True)
class Source:
    url: str
    operator: str = ""
    mirrors: Sequence[str] = ()
    self_signed: bool = False


@dataclass(frozen=True)
class Pool:
    name: str
    sources: Sequence[Source]


@dataclass
class Settings:
    """A configuration that asks loopback servers directly, quickly and with our authority.

    `more` adds keys or overrides them: {"selection": {"maximum_width": "1s"}}.
    """

    pools: Sequence[Pool]
    chrony_socket: Path
    ca_file: Path
    state_directory: Path
    transport: str = "direct"
    more: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)

    def tables(self) -> dict[str, dict[str, Value]]:
        tables: dict[str, dict[str, Value]] = {
            "chrony": {"socket": str(self.chrony_socket)},
            "schedule": {"minimum": "1s", "maximum": "2s"},
            "request": {"per_source": 5, "timeout": "10s", "ca_file": str(self.ca_file)},
            "state": {"directory": str(self.state_directory)},
        }
        for name, keys in self.more.items():
            tables.setdefault(name, {}).update(keys)
        return tables

    def text(self) -> str:
        """The whole file."""
        lines = [_assignment("transport", self.transport)]
        for name, keys in self.tables().items():
            lines += ["", f"[{name}]", *_assignments(keys)]
        for pool in self.pools:
            lines += ["", "[[pool]]", _assignment("name", pool.name)]
            for source in pool.sources:
                lines += ["  [[pool.source]]", *(f"  {line}" for line in _assignments(_keys_of(source)))]
        return "\n".join([*lines, ""])

    def write(self, path: Path) -> Path:
        path.write_text(self.text())
        return path


def _keys_of(source: Source) -> dict[str, Value]:
    keys: dict[str, Value] = {"url": source.url}
    if source.operator:
        keys["operator"] = source.operator
    if source.mirrors:
        keys["mirrors"] = list(source.mirrors)
    if source.self_signed:
        keys["self_signed"] = True
    return keys


def _assignments(keys: Mapping[str, Value]) -> list[str]:
    return [_assignment(key, value) for key, value in keys.items()]


def _assignment(key: str, value: Value) -> str:
    return f"{key} = {json.dumps(value)}"  # JSON's strings, numbers and lists are TOML's too
