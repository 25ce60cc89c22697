# Our own programs for the target. PMU_PROGRAMS names a folder that already has them.
# shellcheck shell=bash disable=SC2154  # variables are set by settings.sh and the parts before

# build_programs: leaves pmu-agent, pmuctl and boot-init in $programs.
build_programs() {
    programs="${PMU_PROGRAMS:-}"
    if [ -n "$programs" ]; then return 0; fi
    programs="$parts/programs"
    mkdir -p "$programs"
    local folder
    # Names of folders of the machine that builds would end up in the programs.
    local remap="--remap-path-prefix=$PWD=/pmu --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo"
    # The linker's own number is made of what is stripped afterwards, and that knows the folder.
    remap="$remap -C link-arg=-Wl,--build-id=none"
    folder="${CARGO_TARGET_DIR:-target}/image-build"
    if [ "$arch" = arm64 ]; then
        export RUSTC=/usr/bin/rustc
        export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
        export CC_aarch64_unknown_linux_gnu=aarch64-linux-gnu-gcc AR_aarch64_unknown_linux_gnu=aarch64-linux-gnu-ar
        folder="${CARGO_TARGET_DIR:-target}/image-build-arm64"
    fi
    say "building our programs for $triple"
    RUSTFLAGS="$remap" cargo build --quiet --release --target "$triple" --target-dir "$folder" -p pmu-agent -p pmuctl
    install -m 755 -t "$programs" "$folder/$triple/release/pmu-agent" "$folder/$triple/release/pmuctl"
    RUSTFLAGS="$remap -C target-feature=+crt-static" cargo build --quiet --release --target "$triple" \
        --target-dir "$folder-static" -p bootloader-verify --bin boot-init --no-default-features
    install -m 755 -t "$programs" "$folder-static/$triple/release/boot-init"
    local strip=strip
    [ "$arch" = amd64 ] || strip=aarch64-linux-gnu-strip
    "$strip" "$programs"/*
    [ "$arch" = amd64 ] || unset RUSTC
}

# The program that signs and places images runs on the machine that builds.
build_signer() {
    signer="${PMU_SIGNER:-}"
    if [ -n "$signer" ]; then return 0; fi
    cargo build --quiet --release -p bootloader-verify --bin bootloader-verify --target-dir "${CARGO_TARGET_DIR:-target}/image-tools"
    signer="${CARGO_TARGET_DIR:-target}/image-tools/release/bootloader-verify"
}
