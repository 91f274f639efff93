"""Booted machines: Debian 12 with systemd as its first process, in a container, for tests of what is installed.

    base        the Debian tree that all of them start from, made once and kept below build/
    container   a copy of it that boots, with a private network and without the right to set the clock
    deb         small packages made on the spot, and ours under another version

They need root, systemd-nspawn and debootstrap.
"""

from .base import base_system
from .container import Container, Output
from .deb import build_deb, fields_of, with_version

__all__ = ["Container", "Output", "base_system", "build_deb", "fields_of", "with_version"]
