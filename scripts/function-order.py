#!/usr/bin/env python3
"""Builds dist/qatech-run-Linux-X64 with the functions first that a short run calls, and lists them in scripts/function-order.txt.

    scripts/function-order.py

The linker puts them first (scripts/build-dist.sh), so that a run loads the pages of these functions only. Run this script after
each change of compiled code: the names contain hashes and numbers that the compiler gives, and each function whose name has
changed goes back among the others, where it costs the 64 kB that are loaded around it.

Needs what scripts/build-dist.sh needs, and valgrind.
"""

import bisect
import re
import subprocess
import tempfile
from pathlib import Path

import bench

SCRIPTS = bench.ROOT / "scripts"
BINARY = bench.ROOT / "dist/qatech-run-Linux-X64"
MAP = bench.ROOT / "target/dist/functions.map"
PLAN = "pln_3x200"
HEADER = "# Written by scripts/function-order.py.\n"


def main():
    build()
    names = called_functions(MAP.read_text(), called_addresses())
    (SCRIPTS / "function-order.txt").write_text(HEADER + "".join(f"{name}\n" for name in names))
    print(f"{len(names)} functions")
    # The order does not change the names.
    build()


def build():
    subprocess.run([SCRIPTS / "build-dist.sh", BINARY.name.removeprefix("qatech-run-")], check=True)


def called_addresses():
    """The addresses of the instructions that a run of three test cases executes, in order."""
    tools = bench.build("x86_64-unknown-linux-musl", "qatech-bench")
    with tempfile.TemporaryDirectory() as name, bench.Server(tools / "bench-server") as url:
        folder = Path(name)
        trace = folder / "trace"
        runs = bench.Bench(folder, url, BINARY, tools / "smallest-client", None)
        command, environment = runs.run_ours(PLAN)
        valgrind = ["valgrind", "--tool=callgrind", "--dump-instr=yes", "--compress-pos=no", f"--callgrind-out-file={trace}"]
        subprocess.run(valgrind + command, env=environment, capture_output=True, check=True)
        # Lines of costs begin with the instruction's address.
        addresses = re.findall(r"^(0x[0-9a-f]+) ", trace.read_text(), re.MULTILINE)
        return sorted({int(address, 16) for address in addresses})


def called_functions(link_map, addresses):
    """The names of the functions that have one of these addresses."""
    # Each function has a section of its own, with its address, another one, and its size.
    functions = re.findall(r"^ *([0-9a-f]+) +[0-9a-f]+ +([0-9a-f]+) .*:\(\.text\.(?:unlikely\.)?(\S+)\)$", link_map, re.MULTILINE)

    def is_called(start, size):
        at = bisect.bisect_left(addresses, start)
        return at < len(addresses) and addresses[at] < start + size

    return [name for start, size, name in functions if is_called(int(start, 16), int(size, 16))]


if __name__ == "__main__":
    main()
