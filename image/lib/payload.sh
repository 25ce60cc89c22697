# What the firmware starts: kernel, command line and initramfs in one file.
# shellcheck shell=bash disable=SC2154  # variables are set by settings.sh and the parts before

# What the box is; the boot program and the updater judge images by it.
target_lines() {
    printf 'product pmu\nboard %s\narch %s\nfloor %s\nrecovery-floor %s\n' \
        "$board" "$arch" "$floor" "$recovery_floor"
}

make_initramfs() {
    local tree="$parts/initramfs"
    rm -rf "$tree" && mkdir -p "$tree"/{dev,proc,sys,run,etc,modules,sbin,bin}
    install -m 755 "$programs/boot-init" "$tree/init"
    # A kernel on several processors may still hold what it has just unpacked ("error -26"). It tries
    # these names next.
    local name
    for name in sbin etc bin; do ln -s ../init "$tree/$name/init"; done
    initramfs_modules "$tree/modules"
    trusted_keys >"$tree/etc/trust.keys"
    target_lines >"$tree/etc/target"
    if [ "$board" = rpi4 ]; then pi_partitions >>"$tree/etc/target"; fi
    find "$tree" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
    # Sorted, owned by root, numbered afresh: the archive depends on its files and nothing else.
    (cd "$tree" && find . | LC_ALL=C sort | cpio --quiet --reproducible --owner=0:0 -o -H newc) |
        zstd --quiet -19 --threads=1 >"$parts/initramfs.zst"
    say "initramfs $(stat -c %s "$parts/initramfs.zst") bytes"
}

# A unified kernel image: the stub starts what is in it and takes no other command line while Secure
# Boot is on.
make_uki() {
    local stub="$parts/stub" deb
    rm -rf "$stub" && mkdir -p "$stub"
    for deb in "$base"/debs/systemd-boot-efi_*.deb; do dpkg -x "$deb" "$stub"; done
    printf 'NAME=PMU\nID=pmu\nVERSION_ID=%s\n' "$version" >"$parts/os-release"
    printf '%s\0' "$command_line" >"$parts/command-line"
    # Far apart: each has room to grow, and the kernel unpacks itself behind the stub.
    "$objcopy" --add-section .osrel="$parts/os-release" --change-section-vma .osrel=0x20000 \
        --add-section .cmdline="$parts/command-line" --change-section-vma .cmdline=0x30000 \
        --add-section .linux="$vmlinuz" --change-section-vma .linux=0x2000000 \
        --add-section .initrd="$parts/initramfs.zst" --change-section-vma .initrd=0x5000000 \
        "$stub/usr/lib/systemd/boot/efi/$efi_stub" "$parts/payload.unsigned"
    clear_pe_time "$parts/payload.unsigned"
    if [ -n "${PMU_SECURE_BOOT_KEY:-}" ]; then
        sbsign --key "$PMU_SECURE_BOOT_KEY" --cert "$PMU_SECURE_BOOT_CERT" --output "$parts/payload" "$parts/payload.unsigned"
    else
        cp "$parts/payload.unsigned" "$parts/payload"
    fi
    say "payload $(stat -c %s "$parts/payload") bytes"
}

# objcopy writes the time of day into the header, eight bytes behind where offset 0x3c points, and
# into the checksum 80 bytes further on; no firmware looks at either.
clear_pe_time() {
    local header field
    header=$(od -An -tu4 -j60 -N4 "$1" | tr -d ' ')
    for field in 8 88; do
        dd if=/dev/zero of="$1" bs=1 seek=$((header + field)) count=4 conv=notrunc status=none
    done
}

# boot_partition FILE: a FAT file system with the payload where firmware looks for it.
boot_partition() {
    local file=$1
    rm -f "$file"
    truncate -s $((boot_mib * mib)) "$file"
    mkfs.vfat -F 32 -n PMU-BOOT -i 504d5501 --invariant "$file" >/dev/null
    mmd -i "$file" ::EFI ::EFI/BOOT
    touch --date="@$SOURCE_DATE_EPOCH" "$parts/payload"
    mcopy -m -i "$file" "$parts/payload" "::EFI/BOOT/$efi_program"
}

# What an update writes to the start of a boot partition: its file system, up to the last byte that is
# not zero.
update_payload() {
    if [ "$board" = rpi4 ]; then pi_partition "$parts/update.fat"; else boot_partition "$parts/update.fat"; fi
    perl -0777 -pe 's/\0+\z//' "$parts/update.fat" >"$parts/update.payload"
    rm "$parts/update.fat"
    say "payload of an update $(stat -c %s "$parts/update.payload") bytes"
}
