#!/usr/bin/env python3
"""Feeds our JUnit reports to readers written by others, and compares what they see with the CTRF report beside each.

usage: tests/readers/check.py FILE.xml ...

No `NaN`, equal totals, unique identities. Needs the packages of .ci/requirements.txt.
"""

import json
import math
import sys
from pathlib import Path

from junit2htmlreport.parser import Junit
from junitparser import Error, Failure, JUnitXml, Skipped


def with_junitparser(path):
    cases = [case for suite in JUnitXml.fromfile(str(path)) for case in suite]
    kinds = [{type(result) for result in case.result} for case in cases]
    bad = sum(bool(kind & {Failure, Error}) for kind in kinds)
    skipped = sum(Skipped in kind for kind in kinds)
    identities = [" ".join(f"{case.classname}.{case.name}".split()) for case in cases]
    return (len(cases), bad, skipped), identities, [case.time for case in cases]


def with_junit2html(path):
    report = Junit(str(path))
    cases = [case for suite in report.suites for case in suite.all()]
    bad = sum(case.outcome() in ("failed", "errored") or case.failed() for case in cases)
    skipped = sum(case.outcome() == "skipped" for case in cases)
    identities = [f"{case.testclass.name}.{case.name}" for case in cases]
    if "nan" in report.html().lower().split():
        raise SystemExit(f"{path}: junit2html shows NaN")
    return (len(cases), bad, skipped), identities, [case.duration for case in cases]


def problems(path):
    beside = path.with_suffix(".ctrf.json")
    beside = beside if beside.exists() else path.with_name("ctrf.json")
    summary = json.loads(beside.read_text(encoding="utf-8"))["results"]["summary"]
    told = (summary["tests"], summary["failed"], summary["skipped"] + summary["pending"])
    for read in (with_junitparser, with_junit2html):
        totals, identities, times = read(path)
        if totals != told:
            yield f"{read.__name__}: (tests, failed, skipped) are {totals}, the CTRF report says {told}"
        if len(set(identities)) != len(identities):
            yield f"{read.__name__}: identities are not unique"
        if any(time is None or math.isnan(time) for time in times):
            yield f"{read.__name__}: a test case has no time"


def main():
    paths = [Path(name) for name in sys.argv[1:]]
    bad = 0
    for path in paths:
        found = list(problems(path))
        bad += bool(found)
        print(f"{'FAIL' if found else 'ok  '} {path.name}", *found, sep="\n     ")
    return 1 if bad or not paths else 0


if __name__ == "__main__":
    sys.exit(main())
