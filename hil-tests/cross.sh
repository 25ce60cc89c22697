#!/usr/bin/env bash
# Builds pmu-agent and pmuctl for 64-bit ARM and runs the agent's check under emulation.
#
# The compiler is Debian's rustc-web with the ARM standard library beside it, because no other
# compiler of this project can be counted on to have that library; cargo stays the project's own.
# Packages are installed when root asks for the build; PMU_MAY_INSTALL=no forbids it.
# Exit: 0 built and checked; 77 skipped, the reason is said; anything else is a failure.
set -euo pipefail
cd "$(dirname "$0")/.."

target=aarch64-unknown-linux-gnu
# rustc-web brings only the standard library of the machine it runs on.
packages=(rustc-web libstd-rust-web-dev:arm64 gcc-aarch64-linux-gnu libc6-dev-arm64-cross
    qemu-user-static)

missing() {
    local package
    for package in "${packages[@]}"; do
        dpkg-query --show --showformat='${db:Status-Status}\n' "$package" 2>/dev/null |
            grep -qx installed || printf '%s ' "$package"
    done
}

skip() {
    echo "cross build: skipped, because $1"
    exit 77
}

command -v dpkg-query >/dev/null || skip "this is not Debian; use the tool cross with cross.toml"
[ "$(dpkg --print-architecture)" = amd64 ] || skip "it is described for amd64 machines only"
lacking=$(missing)
if [ -n "$lacking" ]; then
    [ "${PMU_MAY_INSTALL:-yes}" = yes ] || skip "PMU_MAY_INSTALL forbids to install ${lacking}"
    [ "$(id -u)" = 0 ] || skip "only root can install ${lacking}"
    dpkg --add-architecture arm64
    apt-get -q update
    DEBIAN_FRONTEND=noninteractive apt-get -q install --yes --no-install-recommends "${packages[@]}"
fi

export RUSTC=/usr/bin/rustc
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
export CC_aarch64_unknown_linux_gnu=aarch64-linux-gnu-gcc # the C part of ring
export AR_aarch64_unknown_linux_gnu=aarch64-linux-gnu-ar
# A folder of its own: another compiler would make every object of the usual one stale.
out="${CARGO_TARGET_DIR:-target}/cross"
profile="${PMU_CROSS_PROFILE:-release}"
cargo build --profile "$profile" --target "$target" --target-dir "$out" -p pmu-agent -p pmuctl

folder="$profile"
[ "$profile" != dev ] || folder=debug
programs="$out/$target/$folder"
file_of() { od -An -tx1 -j18 -N2 "$1" | tr -d ' '; }
for program in pmu-agent pmuctl; do
    # b7 00: EM_AARCH64 in the ELF header.
    [ "$(file_of "$programs/$program")" = b700 ] || { echo "$program is not an ARM program"; exit 1; }
done
qemu-aarch64-static -L /usr/aarch64-linux-gnu "$programs/pmu-agent" check --config config/agent.toml
ls -l "$programs/pmu-agent" "$programs/pmuctl"
