#!/usr/bin/env bash
# Builds the binaries of dist/, bit for bit the same wherever it runs.
#
#   scripts/build-dist.sh [PLATFORM…]          build into dist/ and write SHA256SUMS
#   scripts/build-dist.sh --check [PLATFORM…]  build a copy of the sources in a folder of its own, with a cargo home of
#                                              its own and from empty caches, and compare with what is in dist/
#   scripts/build-dist.sh --sums               only write SHA256SUMS (after macOS binaries were added)
#
# PLATFORM: Linux-X64, Linux-ARM64, Windows-X64; all three where none is named. macOS needs Apple's frameworks and is
# built by .github/workflows/release.yml.
#
# Where a build comes out different, the macOS binaries in dist/ are of older sources: they are removed.
#
# What makes it reproducible: rustc, its standard library, musl and the linker (lld) come with the toolchain that
# rust-toolchain.toml pins; the C and assembly of `ring` are compiled by a pinned zig, never by the machine's own
# compiler. rustup has no import libraries for Windows, so that binary is linked by zig with its own mingw, through
# cargo-zigbuild. Paths are remapped, and the environment's flags are dropped.
#
# Needs: Linux, rustup, python3 with venv and pip. `--sums` needs none of them.
set -euo pipefail
# macOS has a bash that does not know it yet.
shopt -s inherit_errexit 2>/dev/null || true
umask 022
# Files in the same order everywhere.
export LC_ALL=C
cd "$(dirname "$0")/.."
root=$PWD

# Most bytes that a platform's binary may have: every job fetches them all.
limit_of() {
	case $1 in
	Linux-X64) echo 3200000 ;;
	Linux-ARM64) echo 2900000 ;;
	Windows-X64) echo 3300000 ;;
	esac
}

mode=build
platforms=()
for argument in "$@"; do
	case $argument in
	--check) mode=check ;;
	--sums) mode=sums ;;
	Linux-X64 | Linux-ARM64 | Windows-X64) platforms+=("$argument") ;;
	*)
		echo "build-dist: unknown argument '$argument' (Linux-X64, Linux-ARM64, Windows-X64, --check, --sums)" >&2
		exit 2
		;;
	esac
done
[ ${#platforms[@]} -gt 0 ] || platforms=(Linux-X64 Linux-ARM64 Windows-X64)

say() { echo "build-dist: $*" >&2; }

sha256() {
	if command -v sha256sum >/dev/null; then sha256sum "$@"; else shasum -a 256 "$@"; fi
}

target_of() {
	case $1 in
	Linux-X64) echo x86_64-unknown-linux-musl ;;
	Linux-ARM64) echo aarch64-unknown-linux-musl ;;
	Windows-X64) echo x86_64-pc-windows-gnu ;;
	esac
}

file_of() {
	case $1 in
	Windows-X64) echo qatech-run-Windows-X64.exe ;;
	*) echo "qatech-run-$1" ;;
	esac
}

# Writes SHA256SUMS for every binary in dist/, those of macOS too.
write_sums() {
	(cd dist && sha256 qatech-run-* >SHA256SUMS)
	say "dist/SHA256SUMS:" && cat dist/SHA256SUMS >&2
}

# Installs zig and writes a `cc` for each Linux target into $tools/bin.
install_tools() {
	if ! cmp -s scripts/dist-requirements.txt "$tools/requirements.txt"; then
		say "installing zig"
		rm -rf "$tools"
		python3 -m venv "$tools/venv"
		"$tools/venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: --require-hashes \
			-r scripts/dist-requirements.txt
		cp scripts/dist-requirements.txt "$tools/requirements.txt"
	fi
	zig=$("$tools/venv/bin/python" -c 'import os, ziglang; print(os.path.join(os.path.dirname(ziglang.__file__), "zig"))')
	mkdir -p "$tools/bin"
	local target
	for target in x86_64-linux-musl aarch64-linux-musl; do
		# The cc crate adds --target in a spelling that zig does not know.
		cat >"$tools/bin/cc-$target" <<-EOF
			#!/usr/bin/env bash
			kept=()
			for argument; do case \$argument in --target=*) ;; *) kept+=("\$argument") ;; esac; done
			exec "$zig" cc -target $target "\${kept[@]}"
		EOF
	done
	printf '#!/bin/sh\nexec "%s" ar "$@"\n' "$zig" >"$tools/bin/ar"
	chmod +x "$tools"/bin/*
}

# build SOURCE TARGET_DIR PLATFORM: the binary's path on standard output.
build() {
	local source=$1 target_dir=$2 target separator=$'\x1f'
	target=$(target_of "$3")

	# Paths that end up in panic messages; those of the standard library are remapped already. The registry's folder is
	# named after where the crates came from, which is each machine's own affair, and its name would weigh 14 kB.
	(cd "$source" && cargo fetch --quiet --locked --target "$target" >&2)
	local flags=(
		"--remap-path-prefix=$CARGO_HOME=/cargo"
		"--remap-path-prefix=$source=/qatech-run"
		-Cforce-frame-pointers=no
	)
	local registry
	for registry in "$CARGO_HOME"/registry/src/*/; do
		flags+=("--remap-path-prefix=${registry%/}=")
	done
	local command=(cargo build) binary=$target_dir/$target/release/qatech-run
	case $target in
	*-linux-musl)
		flags+=(
			-Clinker=rust-lld
			-Clinker-flavor=ld.lld
			-Clink-arg=--pack-dyn-relocs=relr
			-Clink-arg=--no-eh-frame-hdr
			-Clink-arg=--build-id=none
			# As the compiler's own pass does within a crate: Rust promises no function an address of its own.
			-Clink-arg=--icf=all
			"-Clink-arg=$source/scripts/no-unwind-tables.ld"
		)
		;;
	*-windows-gnu)
		command=("$tools/venv/bin/cargo-zigbuild" zigbuild)
		binary+=.exe
		;;
	esac

	if [ "$target" = x86_64-unknown-linux-musl ]; then
		# What each run calls stands together, so that a short run loads a third of the code. A name that is gone does no harm.
		flags+=(
			"-Clink-arg=--symbol-ordering-file=$source/scripts/function-order.txt"
			-Clink-arg=--no-warn-symbol-ordering
			"-Clink-arg=-Map=$target_dir/functions.map"
		)
	fi

	# Cargo does not know of these files.
	local file
	for file in function-order.txt no-unwind-tables.ld; do
		if [ "$source/scripts/$file" -nt "$binary" ]; then touch "$source/src/main.rs"; fi
	done

	local name=${target//-/_}
	(
		cd "$source"
		# Whatever else the environment says about flags and profiles would change the bytes.
		unset RUSTFLAGS RUSTC_WRAPPER RUSTC_WORKSPACE_WRAPPER RUSTC CFLAGS CPPFLAGS CXXFLAGS LDFLAGS
		unset "${!CARGO_PROFILE_@}" "${!CARGO_BUILD_@}" "${!CARGO_TARGET_@}" "${!CFLAGS_@}" "${!TARGET_@}"
		export CARGO_ENCODED_RUSTFLAGS
		CARGO_ENCODED_RUSTFLAGS=$(IFS=$separator && echo "${flags[*]}")
		# lld writes SOURCE_DATE_EPOCH into Windows binaries.
		export CARGO_INCREMENTAL=0 SOURCE_DATE_EPOCH=1 TZ=UTC
		export ZIG_LOCAL_CACHE_DIR=$target_dir/zig ZIG_GLOBAL_CACHE_DIR=$target_dir/zig
		case $target in
		*-linux-musl) export "CC_$name=$tools/bin/cc-${target/-unknown/}" "AR_$name=$tools/bin/ar" ;;
		*-windows-gnu) export CARGO_ZIGBUILD_CACHE_DIR=$target_dir/zigbuild CARGO_ZIGBUILD_ZIG_PATH=$zig ;;
		esac
		"${command[@]}" --quiet --release --locked --bin qatech-run --target "$target" --target-dir "$target_dir" >&2
	)
	echo "$binary"
}

# Refuses a binary that is too big or tells where it was built.
inspect() {
	local size limit
	size=$(wc -c <"$1" | tr -d ' ')
	limit=$(limit_of "$2")
	say "$2: $size bytes"
	if [ "$size" -gt "$limit" ]; then
		say "$2 is bigger than $limit bytes"
		return 1
	fi
	local path
	for path in "$CARGO_HOME/" "$3/" "${HOME:-/nowhere}/"; do
		if grep -qaF -- "$path" "$1"; then
			say "$2 holds the path $path of this machine"
			return 1
		fi
	done
}

if [ "$mode" = sums ]; then
	write_sums
	exit
fi

# `rust-toolchain.toml` names the toolchain; rustup may be told not to install it by itself.
channel=$(sed -n 's/^channel = "\(.*\)"$/\1/p' rust-toolchain.toml)
if ! rustup run "$channel" rustc --version >/dev/null 2>&1; then
	rustup toolchain install "$channel" --profile minimal
fi
for platform in "${platforms[@]}"; do
	rustup target add --toolchain "$channel" "$(target_of "$platform")" >&2
done
export RUSTUP_TOOLCHAIN=$channel
export CARGO_HOME=${CARGO_HOME:-$HOME/.cargo}

tools=$root/target/dist-tools
zig=
install_tools

if [ "$mode" = build ]; then
	changed=no
	for platform in "${platforms[@]}"; do
		say "building $platform"
		binary=$(build "$root" "$root/target/dist" "$platform")
		inspect "$binary" "$platform" "$root"
		file=dist/$(file_of "$platform")
		cmp -s "$binary" "$file" || changed=yes
		# A new file: the old one may be running.
		rm -f "$file"
		cp "$binary" "$file"
		chmod 755 "$file"
	done
	if [ "$changed" = yes ]; then
		for file in dist/qatech-run-macOS-*; do
			[ -e "$file" ] || continue
			rm "$file"
			say "removed $file, which is of older sources; CONTRIBUTING.md says how to build it"
		done
	fi
	write_sums
	exit
fi

copy=$(mktemp -d "${TMPDIR:-/tmp}/qatech-dist.XXXXXX")
trap 'rm -rf "$copy"' EXIT
mkdir "$copy/sources"
# What git would commit: the work tree's files, without what is ignored.
git ls-files -z --cached --others --exclude-standard -- . ':!dist/qatech-run-*' |
	while IFS= read -r -d '' path; do
		[ -e "$path" ] || continue
		mkdir -p "$copy/sources/$(dirname "$path")"
		cp -p "$path" "$copy/sources/$path"
	done
export CARGO_HOME=$copy/cargo-home
differ=0
for platform in "${platforms[@]}"; do
	say "building $platform once more in $copy"
	binary=$(build "$copy/sources" "$copy/target" "$platform")
	inspect "$binary" "$platform" "$copy"
	file=dist/$(file_of "$platform")
	if cmp "$binary" "$file" >&2; then
		say "$platform: same bytes as $file"
	else
		say "$platform: not the bytes of $file; run scripts/build-dist.sh and commit dist/"
		differ=1
	fi
done
exit $differ
