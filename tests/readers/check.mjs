// Feeds our reports to readers from npm: ctrf (the specification's own validator), junit-to-ctrf (reads JUnit with xml2js,
// as dorny/test-reporter does) and test-results-parser (with fast-xml-parser).
//
// usage: node check.mjs FILE.xml …      each beside its CTRF report: NAME.ctrf.json, or ctrf.json in the same folder
//
// No `NaN`, equal totals, unique identities. What check.py does with readers from PyPI.

import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { validate } from "ctrf";
import { convertJUnitToCTRFReport } from "junit-to-ctrf";
import parser from "test-results-parser";

// Paths of values that are not numbers although they should be, as numbers or within text.
function notNumbers(value, path = "") {
  if (typeof value === "number") return Number.isFinite(value) ? [] : [path];
  if (typeof value === "string") return /\bNaN(ms|s)?\b/.test(value) ? [path] : [];
  if (value === null || typeof value !== "object" || value instanceof Date) return [];
  return Object.entries(value).flatMap(([key, inner]) => notNumbers(inner, `${path}.${key}`));
}

const count = (tests, ...statuses) => tests.filter(({ status }) => statuses.includes(status)).length;
const totals = (tests, failed, skipped) => `${tests} tests, ${failed} failed, ${skipped} skipped`;

async function withJunitToCtrf(path) {
  const report = await convertJUnitToCTRFReport(path, { useSuiteName: true });
  const { summary, tests } = report.results;
  return {
    report,
    totals: totals(summary.tests, summary.failed, summary.skipped + summary.pending),
    identities: tests.map(({ name }) => name),
  };
}

function withTestResultsParser(path) {
  const report = parser.parse({ type: "junit", files: [path] });
  const tests = report.suites.flatMap(({ name, cases }) => cases.map((test) => ({ ...test, suite: name })));
  if (report.total !== tests.length) throw new Error(`the attributes say ${report.total} tests, there are ${tests.length}`);
  return {
    report,
    totals: totals(tests.length, count(tests, "FAIL", "ERROR"), count(tests, "SKIP")),
    identities: tests.map(({ suite, name }) => `${suite}: ${name}`),
  };
}

async function problems(path) {
  const named = path.replace(/\.xml$/, ".ctrf.json");
  const ctrf = JSON.parse(readFileSync(existsSync(named) ? named : join(dirname(path), "ctrf.json"), "utf8"));
  const found = validate(ctrf).errors.map(({ message, path: at }) => `ctrf: ${at ?? ""} ${message}`);
  const { summary, tests } = ctrf.results;
  const told = totals(summary.tests, summary.failed, summary.skipped + summary.pending);
  const counted = totals(tests.length, count(tests, "failed"), count(tests, "skipped", "pending"));
  if (told !== counted) found.push(`the CTRF summary says ${told}, its tests are ${counted}`);

  for (const read of [withJunitToCtrf, withTestResultsParser]) {
    const seen = await read(path);
    if (seen.totals !== told) found.push(`${read.name}: ${seen.totals}; the CTRF report says ${told}`);
    if (new Set(seen.identities).size !== seen.identities.length) found.push(`${read.name}: identities are not unique`);
    found.push(...notNumbers(seen.report).map((at) => `${read.name}: no number at ${at}`));
  }
  return found;
}

const paths = process.argv.slice(2);
let bad = 0;
for (const path of paths) {
  const found = await problems(path);
  if (found.length > 0) bad += 1;
  console.log([`${found.length > 0 ? "FAIL" : "ok  "} ${basename(path)}`, ...found].join("\n     "));
}
process.exitCode = bad > 0 || paths.length === 0 ? 1 : 0;
