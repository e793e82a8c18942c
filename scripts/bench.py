#!/usr/bin/env python3
"""Measures the whole program over loopback, and prints tables of ratios as Markdown.

    scripts/bench.py [--binary FILE] [--vendor FOLDER] [--rounds N] [--core]

It is compared with the smallest client that makes the same two requests with the same TLS stack (benches/process,
built with the same profile for the same target). With `--vendor`, it is also compared with QA.tech's own action (a
checkout of QAdottech/run-action; needs `node`). The programs take turns, so that other load affects all of them.
`--core` adds linear fits of the results that `cargo bench --bench core` wrote to target/criterion.

Needs cargo, and GNU time for peak memory (that column is empty without it).
"""

import argparse
import itertools
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
TOKEN = "qatech-token-0123456789"
SIZES = [100, 1_000, 10_000, 20_000]
# Plans as benches/process/src/bin/bench-server.rs reads them: cases, characters of reasoning each, and what they are.
HOSTILE = {
    "10,000 cases with 2 kB of `` <b>&\\| `x` ``": "pln_10000x2000xmarkup",
    **{
        f"20 MiB of `{sign}`, {cases:,} {'case' if cases == 1 else 'cases'}": f"pln_{cases}x{20 * 2**20 // cases}x{name}"
        for cases in (4, 10_000)
        for name, sign in {"less": "<", "hash": "#", "bar": "\\|", "colon": ":", "at": "@"}.items()
    },
}
# 61 MiB of JSON.
LARGE_ANSWER = "pln_25500x2000"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", type=pathlib.Path, help="the program; built where not given")
    parser.add_argument("--vendor", type=pathlib.Path, help="a checkout of the vendor's action")
    parser.add_argument("--target", default="x86_64-unknown-linux-musl")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--core", action="store_true")
    args = parser.parse_args()

    built = build(args.target, "qatech-bench")
    ours = args.binary or build(args.target, "qatech-run") / "qatech-run"
    with tempfile.TemporaryDirectory() as folder, Server(built / "bench-server") as url:
        bench = Bench(pathlib.Path(folder), url, ours.resolve(), built / "smallest-client", args.vendor)
        small_run(bench, args.rounds)
        large_runs(bench, max(3, args.rounds // 8))
        hostile_texts(bench, max(3, args.rounds // 8))
        large_answer(bench)
    if args.core:
        core()
    print(f"\nThe program has {ours.stat().st_size:,} bytes.")


def build(target, package):
    command = ["cargo", "build", "--quiet", "--release", "--locked", "--target", target, "-p", package]
    variables = dict(os.environ)
    # ring's C needs no libc: the machine's compiler does where there is none for musl.
    variables.setdefault(f"CC_{target.replace('-', '_')}", "cc")
    subprocess.run(command, cwd=ROOT, env=variables, check=True)
    target_dir = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    return target_dir / target / "release"


class Server:
    """The fake QA.tech, which runs until the end of the block."""

    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        return self.process.stdout.readline().strip()

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()


class Bench:
    """The programs, with the command and the environment of each."""

    def __init__(self, folder, url, ours, smallest, vendor):
        self.folder, self.url, self.ours, self.smallest, self.vendor = folder, url, ours, smallest, vendor

    def environment(self, plan, **inputs):
        """The environment of a step without a GitHub token, so that only QA.tech is called."""
        variables = {
            "PATH": os.environ["PATH"],
            "GITHUB_ACTIONS": "true",
            "GITHUB_REPOSITORY": "acme/shop",
            "GITHUB_REF": "refs/heads/main",
            "GITHUB_SHA": "3f2a9c1d8e7b6a5f4c3d2e1f0a9b8c7d6e5f4a3b",
            "GITHUB_ACTOR": "mona",
            "GITHUB_EVENT_NAME": "push",
            "GITHUB_RUN_ID": "4711",
            "GITHUB_API_URL": self.url,
            "INPUT_API_TOKEN": TOKEN,
            "INPUT_TEST_PLAN_SHORT_ID": plan,
            "INPUT_BLOCKING": "true",
        }
        for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"):
            file = self.folder / name
            file.write_text("")
            variables[name] = str(file)
        variables.update({f"INPUT_{name.upper()}": str(value) for name, value in inputs.items()})
        return variables

    def run_ours(self, plan, **inputs):
        return [self.ours], self.environment(plan, api_url=f"{self.url}/v1", **inputs)

    def run_smallest(self, plan):
        return [self.smallest, f"{self.url}/v1", TOKEN, plan], {"PATH": os.environ["PATH"]}

    def run_vendor(self, plan):
        inputs = {"api_url": self.url, "project_id": "prj_1"}
        return ["node", self.vendor / "dist/index.js"], self.environment(plan, **inputs)

    def all_sinks(self, plan):
        names = {"junit": "xml", "ctrf": "json", "json": "json", "html": "html"}
        return self.run_ours(plan, **{f"{name}_path": self.folder / f"{name}.{end}" for name, end in names.items()})


def measure(command, environment, codes):
    """Runs a program once. Returns its wall time and CPU time, in seconds."""
    command = [str(part) for part in command]
    files = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_WRONLY, 0) for fd in (1, 2)]
    began = time.perf_counter()
    pid = os.posix_spawn(shutil.which(command[0]), command, environment, file_actions=files)
    _, status, usage = os.wait4(pid, 0)
    wall = time.perf_counter() - began
    code = os.waitstatus_to_exitcode(status)
    if code not in codes:
        sys.exit(f"{command[0]} ended with {code}, not with one of {codes}")
    return wall, usage.ru_utime + usage.ru_stime


def peak(command, environment):
    """Peak memory in MB. Started by a small process: a child inherits the peak of its parent when it is forked."""
    tool = shutil.which("time", path="/usr/bin:/bin")
    if tool is None:
        return None
    command = [tool, "-q", "-f", "%M", "-o", "/dev/fd/9", *map(str, command)]
    read, write = os.pipe()
    files = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_WRONLY, 0) for fd in (1, 2)]
    files.append((os.POSIX_SPAWN_DUP2, write, 9))
    pid = os.posix_spawn(tool, command, environment, file_actions=files)
    os.close(write)
    with os.fdopen(read) as pipe:
        told = pipe.read()
    os.waitpid(pid, 0)
    return int(told.split()[-1]) * 1024 / 1e6


def small_run(bench, rounds):
    plan = "pln_3x200"
    programs = {"qatech-run": bench.run_ours(plan), "smallest client": bench.run_smallest(plan)}
    if bench.vendor:
        programs["vendor's action"] = bench.run_vendor(plan)
    results = {name: [] for name in programs}
    peaks = {name: [] for name in programs}
    # In every order, since who comes after the vendor's action finds the processor's caches cold.
    orders = itertools.cycle(itertools.permutations(programs))
    for number in range(rounds + 2):
        for name in next(orders):
            command, environment = programs[name]
            result = measure(command, environment, [0])
            # The first two rounds warm the caches.
            if number >= 2:
                results[name].append(result)
    for _ in range(5):
        for name, program in programs.items():
            peaks[name].append(peak(*program))
    print(f"## A finished run of 3 cases, medians of {rounds} rounds\n")
    print("| program | wall | CPU | peak memory | wall, ours = 1 | memory, ours = 1 |\n|---|---|---|---|---|---|")
    base = None
    for name in programs:
        wall = statistics.median(wall for wall, _ in results[name])
        cpu = statistics.median(cpu for _, cpu in results[name])
        memory = None if None in peaks[name] else statistics.median(peaks[name])
        base = base or (wall, memory)
        ratio = f"{memory / base[1]:.2f}" if memory else ""
        shown = f"{memory:.1f} MB" if memory else ""
        print(f"| {name} | {wall * 1e3:.1f} ms | {cpu * 1e3:.1f} ms | {shown} | {wall / base[0]:.2f} | {ratio} |")
    print()


def large_runs(bench, rounds):
    print(f"## Runs of many cases with 2 kB of reasoning each, every sink on, medians of {rounds} rounds\n")
    print("CPU time is the whole program's, receiving included; the smallest client only receives.\n")
    print("| cases | CPU | CPU, smallest client | ratio | wall | peak memory |\n|---|---|---|---|---|---|")
    points = []
    for size in SIZES:
        ours, smallest = bench.all_sinks(f"pln_{size}x2000"), bench.run_smallest(f"pln_{size}x2000")
        wall, cpu, other = side_by_side(ours, smallest, rounds)
        memory = peak(*ours)
        points.append((size, cpu * 1e3))
        shown = f"{memory:.0f} MB" if memory else ""
        print(f"| {size:,} | {cpu * 1e3:.0f} ms | {other * 1e3:.0f} ms | {cpu / other:.1f} | {wall * 1e3:.0f} ms | {shown} |")
    print(f"\nLinear fit of CPU: {fit(points)}.")


def side_by_side(ours, smallest, rounds):
    """Medians of our wall and CPU time, and of the smallest client's CPU time, in seconds."""
    results, others = [], []
    for number in range(rounds + 1):
        ours_now, others_now = measure(*ours, [1]), measure(*smallest, [0])
        # In the first round the fake makes its answer.
        if number > 0:
            results.append(ours_now)
            others.append(others_now)
    walls, cpus = zip(*results)
    return statistics.median(walls), statistics.median(cpus), statistics.median(cpu for _, cpu in others)


def hostile_texts(bench, rounds):
    print(f"\n## Texts that have to be escaped, every sink on, medians of {rounds} rounds\n")
    print("| texts | CPU | CPU, smallest client | ratio | wall |\n|---|---|---|---|---|")
    for name, plan in HOSTILE.items():
        wall, cpu, other = side_by_side(bench.all_sinks(plan), bench.run_smallest(plan), rounds)
        print(f"| {name} | {cpu * 1e3:.0f} ms | {other * 1e3:.0f} ms | {cpu / other:.1f} | {wall * 1e3:.0f} ms |")


def large_answer(bench):
    ours = bench.all_sinks(LARGE_ANSWER)
    measure(*ours, [1])
    memory = [peak(*ours) for _ in range(3)]
    if None not in memory:
        print(f"\nPeak memory with an answer of 61 MiB, every sink on: {statistics.median(memory):.0f} MB.")


def fit(points):
    """A line through points of cases and milliseconds, by least squares of the relative error."""
    weights = [1 / y**2 for _, y in points]
    total = sum(weights)
    mean_x = sum(w * x for w, (x, _) in zip(weights, points)) / total
    mean_y = sum(w * y for w, (_, y) in zip(weights, points)) / total
    spread = sum(w * (x - mean_x) ** 2 for w, (x, _) in zip(weights, points))
    slope = sum(w * (x - mean_x) * (y - mean_y) for w, (x, y) in zip(weights, points)) / spread
    start = mean_y - slope * mean_x
    worst = max(abs(start + slope * x - y) / y for x, y in points)
    return f"{start:.2f} ms + {slope * 1e3:.2f} µs a case, off by at most {worst * 100:.0f} %"


def core():
    print("\n## The pure core, linear fits\n\n| step | 10,000 cases | fit |\n|---|---|---|")
    for group in ("reading", "rendering"):
        for step in sorted((ROOT / "target/criterion" / group).iterdir()):
            points = []
            for size in SIZES:
                file = step / str(size) / "new/estimates.json"
                if file.exists():
                    points.append((size, json.loads(file.read_text())["median"]["point_estimate"] / 1e6))
            if len(points) == len(SIZES):
                print(f"| {step.name} | {dict(points)[10_000]:.2f} ms | {fit(points)} |")


if __name__ == "__main__":
    main()
