#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What results of benchmarks belong to, as a line of JSON:  tests/bench/machine.py"""
import json
import os
import pathlib
import platform
import subprocess


def output(*command):
    """First line of what a command prints, or an empty string."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.partition("\n")[0]
    except OSError:
        return ""


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


print(json.dumps({"processor": processor(), "processors": os.cpu_count(), "kernel": platform.release(),
                  "compiler": output("cc", "--version"),
                  "commit": output("git", "describe", "--always", "--dirty"),
                  "load": os.getloadavg()[0]}))
