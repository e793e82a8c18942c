#!/usr/bin/env python3
"""Writes scripts/function-order.txt: the functions that a short run calls, in the order of the binary.

    scripts/function-order.py

The linker puts them first (scripts/build-dist.sh), so that a run loads the pages of these functions only. Run this script
before a release, and after a change of the compiler, of dependencies or of the version: the names contain hashes, and a
function whose name has changed goes back to the others.

Needs what scripts/build-dist.sh needs, and valgrind.
"""

import bisect
import pathlib
import re
import subprocess
import tempfile

import bench

ORDER = bench.ROOT / "scripts/function-order.txt"
PLAN = "pln_3x200"
HEADER = "# Written by scripts/function-order.py.\n"


def main():
    script = bench.ROOT / "scripts/build-dist.sh"
    built = subprocess.run([script, "--symbols"], stdout=subprocess.PIPE, text=True, check=True)
    binary = pathlib.Path(built.stdout.strip())
    names = called_functions(binary, called_addresses(binary))
    ORDER.write_text(HEADER + "".join(f"{name}\n" for name in names))
    print(f"{len(names)} functions")


def called_addresses(binary):
    """The addresses of the instructions that a run of three test cases executes."""
    tools = bench.build("x86_64-unknown-linux-musl", "qatech-bench")
    with tempfile.TemporaryDirectory() as name, bench.Server(tools / "bench-server") as url:
        folder = pathlib.Path(name)
        trace = folder / "trace"
        runs = bench.Bench(folder, url, binary, tools / "smallest-client", None)
        command, environment = runs.run_ours(PLAN)
        # Addresses are written in full, as the first number of a line.
        valgrind = ["valgrind", "--tool=callgrind", "--dump-instr=yes", "--compress-pos=no", f"--callgrind-out-file={trace}"]
        subprocess.run(valgrind + command, env=environment, capture_output=True, check=True)
        return sorted({int(address, 16) for address in re.findall(r"^(0x[0-9a-f]+) ", trace.read_text(), re.MULTILINE)})


def called_functions(binary, addresses):
    """The names of the functions that have one of these addresses. Equal functions share theirs."""
    symbols = subprocess.run(["nm", "-S", "--defined-only", binary], stdout=subprocess.PIPE, text=True, check=True)
    functions = re.findall(r"^([0-9a-f]+) ([0-9a-f]+) [tTwW] (\S+)$", symbols.stdout, re.MULTILINE)
    functions = sorted((int(start, 16), int(size, 16), name) for start, size, name in functions)

    def is_called(start, size):
        at = bisect.bisect_left(addresses, start)
        return at < len(addresses) and addresses[at] < start + size

    return [name for start, size, name in functions if is_called(start, size)]


if __name__ == "__main__":
    main()
