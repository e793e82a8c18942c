"""Reads a JUnit report with a library that others use, and checks that its counts are those of its cases."""

import sys

from junitparser import Error, Failure, JUnitXml, Skipped

report = JUnitXml.fromfile(sys.argv[1])
for suite in report:
    cases = list(suite)
    counted = {
        kind: sum(any(isinstance(result, kind) for result in case.result) for case in cases)
        for kind in (Failure, Error, Skipped)
    }
    told = {Failure: suite.failures, Error: suite.errors, Skipped: suite.skipped}
    assert suite.tests == len(cases) > 0, (suite.name, suite.tests, len(cases))
    for kind, count in counted.items():
        assert (told[kind] or 0) == count, (suite.name, kind.__name__, told[kind], count)
    print(f"{suite.name}: {suite.tests} cases, {suite.failures} failed, {suite.errors} errors, {suite.skipped} skipped")
