# What a target is. Sourced by image/build; sets variables for the other parts.
# shellcheck shell=bash disable=SC2034  # the variables are read by the parts sourced after this

say() { echo "== $*"; }
fail() { echo "image: $*" >&2; exit 1; }

# The slot limit (48 MB) is a promise to sites on mobile contracts, not the partition's size.
readonly slot_limit_bytes=48000000
readonly mib=1048576
readonly slot_mib=80
readonly recovery_mib=64
readonly state_mib=1
readonly data_mib=128

set_target() {
    target=$1
    board=pc
    boot_mib=48
    components=main
    extra_packages=(systemd-boot-efi)
    case "$target" in
        amd64)
            arch=amd64
            triple=x86_64-unknown-linux-gnu
            kernel_package=linux-image-amd64
            efi_program=BOOTX64.EFI
            efi_stub=linuxx64.efi.stub
            objcopy=objcopy
            console=ttyS0
            ;;
        arm64)
            arch=arm64
            triple=aarch64-unknown-linux-gnu
            kernel_package=linux-image-arm64
            efi_program=BOOTAA64.EFI
            efi_stub=linuxaa64.efi.stub
            objcopy=aarch64-linux-gnu-objcopy
            console=ttyAMA0
            boot_mib=64
            ;;
        rpi)
            arch=arm64
            triple=aarch64-unknown-linux-gnu
            kernel_package=linux-image-arm64
            board=rpi4
            console=ttyS1,115200
            boot_mib=64
            # The Pi's own firmware is not free software; Debian ships it in this part of its archive.
            components=main,non-free-firmware
            extra_packages=(raspi-firmware)
            ;;
        *) fail "there is no target \`$target\`; use amd64, arm64 or rpi" ;;
    esac
    kernel_package="${PMU_KERNEL:-$kernel_package}"
    # The kernel starts no `init=` of anybody: everything that follows is in the signed payload.
    command_line="console=$console panic=10 quiet loglevel=4 systemd.volatile=state systemd.show_status=no pmu=1"
}

set_versions() {
    # Every time stamp in the image is the commit's, so two builds agree.
    SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}"
    export SOURCE_DATE_EPOCH LC_ALL=C TZ=UTC
    local crate
    crate=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
    version="${PMU_VERSION:-$crate+g$(git rev-parse --short=12 HEAD)}"
    counter=$(setting counter)
    floor=$(setting floor)
    recovery_floor=$(setting recovery-floor)
    # Fixed by the version: the root hash then depends on nothing but what is in the image.
    salt=$(printf 'pmu %s %s' "$target" "$version" | sha256sum | cut -d' ' -f1)
}

setting() { awk -v key="$1" '$1 == key { print $2 }' image/security; }

set_folders() {
    cache="${XDG_CACHE_HOME:-$HOME/.cache}/pmu/image"
    out="${PMU_IMAGE_OUT:-${CARGO_TARGET_DIR:-target}/image}/$target"
    parts="$out/parts"
    mkdir -p "$cache" "$parts"
    out=$(realpath "$out")
    parts="$out/parts"
}
