#!/usr/bin/env python3
"""Checks JUnit files with readers that are not ours: junitparser, and an XML schema.

usage: tests/junit/check.py [FILE.xml ...]      without files: tests/golden/*.xml

The schema is `junit-10.xsd` of Jenkins' xUnit plugin (MIT licence, in its head), as pytest 8.3.4 ships it: Jenkins' JUnit
plugin itself publishes none. It is used as it is.

Where junitparser or lxml is missing, they are installed from requirements.txt into target/junit-venv.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent

try:
    from junitparser import Error, Failure, Skipped
    from junitparser.xunit2 import JUnitXml
    from lxml import etree
except ImportError:
    venv = ROOT / "target" / "junit-venv"
    python = venv / ("Scripts" if os.name == "nt" else "bin") / "python"
    if Path(sys.prefix).resolve() == venv.resolve():
        raise
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(HERE / "requirements.txt")]
    subprocess.run([str(python), *install], check=True)
    sys.exit(subprocess.run([str(python), __file__, *sys.argv[1:]]).returncode)

def counts(path):
    """What junitparser sees: cases by outcome, without the entries that stand for whole runs."""
    seen = dict.fromkeys(["total", "failed", "errored", "skipped", "unfinished", "flaky", "passed"], 0)
    wholes = {"error": 0, "skipped": 0, "all": 0}
    xml = JUnitXml.fromfile(str(path))
    for suite in xml:
        for case in suite:
            results = case.result
            error = any(type(result) is Error for result in results)
            skipped = [result for result in results if type(result) is Skipped]
            if case.name == "QA.tech run":
                wholes["all"] += 1
                wholes["error"] += error
                wholes["skipped"] += bool(skipped)
                continue
            seen["total"] += 1
            if any(type(result) is Failure for result in results):
                seen["failed"] += 1
            elif error:
                seen["errored"] += 1
            elif skipped:
                seen["unfinished" if skipped[0].type == "UNFINISHED" else "skipped"] += 1
            elif case.flaky_failures() or case.flaky_errors():
                seen["flaky"] += 1
            else:
                seen["passed"] += 1
    # junitparser does not read `skipped` of the root, so the suites are summed.
    stated = (xml.tests, xml.failures, xml.errors, sum(suite.skipped for suite in xml))
    found = (
        seen["total"] + wholes["all"],
        seen["failed"],
        seen["errored"] + wholes["error"],
        seen["skipped"] + seen["unfinished"] + wholes["skipped"],
    )
    return seen, stated, found


def check(path, xsd):
    problems = []
    tree = etree.parse(str(path), etree.XMLParser(resolve_entities=False, no_network=True))
    if not xsd.validate(tree):
        problems += [f"line {error.line}: {error.message}" for error in xsd.error_log]
    untimed = tree.xpath("//testcase[not(number(@time) >= 0)]")
    if untimed:
        problems.append(f"{len(untimed)} test cases without a time")
    seen, stated, found = counts(path)
    if stated != found:
        problems.append(f"the attributes say {stated} (tests, failures, errors, skipped), the cases {found}")
    beside = path.with_suffix(".json")
    if beside.exists():
        runs = json.loads(beside.read_text(encoding="utf-8"))["runs"]
        told = dict.fromkeys(seen, 0)
        for outcome in (case["outcome"] for run in runs for case in run["cases"]):
            told["total"] += 1
            told[outcome] += 1
        if told != seen:
            problems.append(f"the JSON report counts {told}, junitparser {seen}")
    return problems


def main():
    files = [Path(name) for name in sys.argv[1:]] or sorted((ROOT / "tests" / "golden").glob("*.xml"))
    xsd = etree.XMLSchema(etree.parse(str(HERE / "junit-10.xsd")))
    if xsd.validate(etree.fromstring('<testsuites><testcase name="outside a suite"/></testsuites>')):
        sys.exit("the schema accepts what it must refuse")
    bad = 0
    for path in files:
        problems = check(path, xsd)
        bad += bool(problems)
        print(f"{'FAIL' if problems else 'ok  '} {path.name}", *problems, sep="\n     ")
    print(f"{len(files) - bad} passed, {bad} failed")
    return 1 if bad or not files else 0


if __name__ == "__main__":
    sys.exit(main())
