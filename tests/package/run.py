#!/usr/bin/python3
"""Runs the tests of this folder, or those that -k names: ./dev package test -k purge."""

import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import machine  # noqa: E402

if __name__ == "__main__":
    machine.keep_machines_near_the_cache()
    arguments = ["discover", "-s", str(HERE), "-p", "*_test.py", "-v", *sys.argv[1:]]
    unittest.main(module=None, argv=["./dev package test", *arguments])
