#!/usr/bin/env bash
# Plays the main job with a built binary: against the demo's fake QA.tech, a run that passes and one that fails.
#
#   scripts/smoke.sh COMMAND [ARGUMENT…]
#
# COMMAND starts the binary: `dist/qatech-run`, or `qemu-aarch64-static dist/qatech-run-Linux-ARM64`.
# DEMO is the fake, where it is built already: target/release/demo, say.
# CHROOT is the folder that COMMAND makes its root, if it does, and NO_ARGUMENTS=1 says that it passes no arguments on.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
[ $# -gt 0 ] || {
	echo "usage: scripts/smoke.sh COMMAND [ARGUMENT…]" >&2
	exit 2
}

# The program writes into a folder of its own, so paths of the command have to be absolute.
command=()
for argument; do
	case $argument in
	/* | -*) ;;
	*) [ ! -f "$argument" ] || argument=$PWD/$argument ;;
	esac
	command+=("$argument")
done
set -- "${command[@]}"

work=$(mktemp -d "${CHROOT:-}${TMPDIR:-/tmp}/qatech-smoke.XXXXXX")
# The folder as the program sees it: where it was started, or below its own root.
seen=
[ -z "${CHROOT:-}" ] || seen=${work#"$CHROOT"}/
served=
cleanup() {
	if [ -n "$served" ]; then
		kill "$served" 2>/dev/null || true
		wait "$served" 2>/dev/null || true
	fi
	rm -rf "$work"
}
trap cleanup EXIT

if [ -z "${DEMO:-}" ]; then
	(cd "$root" && cargo build --quiet --locked -p demo)
	DEMO=$root/target/debug/demo
fi

# The fake wants a port; where it is taken, another one.
url=
for _ in 1 2 3 4 5; do
	port=$((20000 + RANDOM % 20000))
	"$DEMO" --serve "$port" >"$work/served.txt" 2>"$work/served.err" &
	served=$!
	for _ in $(seq 50); do
		url=$(sed -n 's/^api_url: //p' "$work/served.txt" | tr -d '\r')
		if [ -n "$url" ] || ! kill -0 "$served" 2>/dev/null; then break; fi
		sleep 0.2
	done
	[ -z "$url" ] || break
done
if [ -z "$url" ]; then
	echo "smoke: the demo's fake did not start:" >&2
	cat "$work/served.err" >&2
	exit 1
fi
token=$(sed -n 's/^api_token: //p' "$work/served.txt" | tr -d '\r')

# run CODE VARIABLE=VALUE… -- COMMAND…: with no other variable of ours or of GitHub's, and with that exit code.
run() {
	local expected=$1 code=0 variables=()
	shift
	while [ "$1" != -- ]; do
		variables+=("$1")
		shift
	done
	shift
	env -i PATH="$PATH" HOME="${HOME:-/}" ${SYSTEMROOT:+SYSTEMROOT="$SYSTEMROOT"} ${TEMP:+TEMP="$TEMP"} \
		${RUNNER_OS:+RUNNER_OS="$RUNNER_OS"} ${RUNNER_ARCH:+RUNNER_ARCH="$RUNNER_ARCH"} \
		${WINEPREFIX:+WINEPREFIX="$WINEPREFIX"} ${WINEDEBUG:+WINEDEBUG="$WINEDEBUG"} \
		${variables[@]+"${variables[@]}"} "$@" >"$work/log.txt" 2>&1 </dev/null || code=$?
	if [ "$code" != "$expected" ]; then
		echo "smoke: exit code $code instead of $expected from: ${variables[*]-} $*" >&2
		cat "$work/log.txt" >&2
		exit 1
	fi
}

# told NAME VALUE: the outputs say so.
told() {
	if ! tr -d '\r' <"$work/outputs.env" | grep -qxF -- "$1=$2"; then
		echo "smoke: the outputs do not say $1=$2:" >&2
		cat "$work/outputs.env" "$work/log.txt" >&2
		exit 1
	fi
}

cd "$work"
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$root/Cargo.toml" | head -n 1)
if [ -z "${NO_ARGUMENTS:-}" ]; then
	run 0 -- "$@" --version
	grep -qF -- "$version" log.txt || {
		echo "smoke: --version does not say $version:" >&2
		cat log.txt >&2
		exit 1
	}
fi
run 2 INPUT_API_TOKEN="$token" INPUT_BLOCKING=perhaps -- "$@"

common=(INPUT_API_TOKEN="$token" INPUT_API_URL="$url"
	INPUT_OUTPUTS_PATH="${seen}outputs.env" INPUT_JUNIT_PATH="${seen}junit.xml" INPUT_HTML_PATH="${seen}report.html")
run 0 "${common[@]}" INPUT_DRY_RUN=true INPUT_TEST_PLAN_SHORT_ID=pln_smoke -- "$@"
run 0 "${common[@]}" INPUT_TEST_PLAN_SHORT_ID=pln_smoke -- "$@"
told verdict passed
told total 3
run 1 "${common[@]}" INPUT_TEST_PLAN_SHORT_ID=pln_checkout -- "$@"
told verdict failed
for file in junit.xml report.html; do
	[ -s "$file" ] || {
		echo "smoke: no $file was written" >&2
		exit 1
	}
done
echo "smoke: $* waits, reports the actual result and writes its reports"
