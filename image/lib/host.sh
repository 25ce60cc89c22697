# Installs the tools of the build, where that is allowed.
# shellcheck shell=bash disable=SC2154  # variables are set by settings.sh and the parts before

host_packages() {
    local packages=(mmdebstrap perl-base squashfs-tools mtools dosfstools cpio zstd fdisk kmod openssl
        systemd binutils)
    if [ "$arch" = arm64 ]; then
        packages+=(binutils-aarch64-linux-gnu)
        # The compiler of hil-tests/cross.sh, for the same reason.
        [ -n "${PMU_PROGRAMS:-}" ] || packages+=(rustc-web libstd-rust-web-dev:arm64 gcc-aarch64-linux-gnu libc6-dev-arm64-cross)
    fi
    [ -z "${PMU_SECURE_BOOT_KEY:-}" ] || packages+=(sbsigntool)
    local package missing=()
    for package in "${packages[@]}"; do
        dpkg-query --show --showformat='${db:Status-Status}\n' "$package" 2>/dev/null |
            grep -qx installed || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    [ "$(id -u)" = 0 ] || fail "these packages are missing and only root can install them: ${missing[*]}"
    [ "${PMU_MAY_INSTALL:-yes}" = yes ] || fail "PMU_MAY_INSTALL forbids to install ${missing[*]}"
    say "installing ${missing[*]}"
    [ "$arch" = amd64 ] || dpkg --add-architecture arm64
    apt-get -q update >/dev/null
    DEBIAN_FRONTEND=noninteractive apt-get -q install --yes --no-install-recommends "${missing[@]}" >/dev/null
}
