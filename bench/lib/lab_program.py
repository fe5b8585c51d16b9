"""Runs bench/cow_lab/main.cc, and reads the lines that it prints."""

import json
import os
import subprocess
from pathlib import Path

from lib.cgroup import memory_group
from lib.servers import ROOT

PROGRAM = ROOT / "build/release/bin/cow_lab"


def measure(experiment, grouped=False, **options):
    """Returns what it printed, a dictionary per line. `grouped` puts it into a memory control group, where possible."""
    command = [PROGRAM, experiment]
    for name, value in options.items():
        command += [f"--{name.replace('_', '-')}", value]
    if not grouped:
        return run(command)
    with memory_group("cowslip-lab") as group:
        if group:
            usage, statistics, anonymous = group.files()
            command += ["--group-usage", usage, "--group-stat", statistics, "--group-field", anonymous]
        return run(command, group)


def run(command, group=None):
    enter = (lambda: group.add(os.getpid())) if group else None
    done = subprocess.run([*map(str, command)], stdout=subprocess.PIPE, text=True, check=True, preexec_fn=enter)
    return [json.loads(line) for line in done.stdout.splitlines()]


def available_bytes():
    """What the lab may take: free memory and cache of the machine, or what its control group still allows."""
    available = 1 << 62
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            available = int(line.split()[1]) * 1024
    for limit, usage in [
        ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
        ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ]:
        try:
            available = min(available, int(Path(limit).read_text()) - int(Path(usage).read_text()))
        except (OSError, ValueError):
            continue  # no such group, or "max"
    return available
