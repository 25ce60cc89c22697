# The Raspberry Pi 4: boot.img, autoboot.txt and an MBR, laid out by the maker's documents. No Pi has
# started it yet.
# shellcheck shell=bash disable=SC2154  # variables are set by settings.sh and the parts before

readonly boot_img_mib=56

# What the firmware reads once it is told to look into boot.img.
pi_config() {
    cat <<'EOF'
arm_64bit=1
kernel=vmlinuz
initramfs initramfs.zst followkernel
cmdline=cmdline.txt
device_tree=bcm2711-rpi-4-b.dtb
# The mini UART is the console; its clock follows the core's, which therefore stays as it is.
enable_uart=1
core_freq=250
disable_splash=1
EOF
}

# make_boot_image: the payload of a Pi is a FAT file system in one file, because the firmware checks
# one signature over all of it (`boot.sig`, made with the customer's RSA key and not here).
make_boot_image() {
    local firmware="$parts/firmware" tree="$parts/boot-tree" deb
    rm -rf "$firmware" "$tree" && mkdir -p "$firmware" "$tree"
    for deb in "$base"/debs/raspi-firmware_*.deb; do dpkg -x "$deb" "$firmware"; done
    cp "$firmware"/usr/lib/raspi-firmware/{start4.elf,fixup4.dat} "$tree/"
    cp "$kernel_root/usr/lib/linux-image-$release/broadcom/bcm2711-rpi-4-b.dtb" "$tree/"
    cp "$vmlinuz" "$tree/vmlinuz"
    cp "$parts/initramfs.zst" "$tree/initramfs.zst"
    printf '%s\n' "$command_line" >"$tree/cmdline.txt"
    pi_config >"$tree/config.txt"
    fat_of "$tree" "$parts/payload" "$boot_img_mib"
    say "payload $(stat -c %s "$parts/payload") bytes"
}

# fat_of TREE FILE MIB: the same bytes for the same files.
fat_of() {
    local tree=$1 file=$2 name
    find "$tree" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
    rm -f "$file" && truncate -s "$3M" "$file"
    mkfs.vfat -F 32 -n PMU-BOOT -i 504d5501 --invariant "$file" >/dev/null
    while read -r name; do
        mcopy -m -i "$file" "$tree/$name" "::$name"
    done < <(cd "$tree" && find . -type f -printf '%P\n' | sort)
}

# pi_partition FILE [autoboot]: a boot partition: the payload, and that it is one.
pi_partition() {
    local tree="$parts/pi-partition"
    rm -rf "$tree" && mkdir -p "$tree"
    cp "$parts/payload" "$tree/boot.img"
    printf 'boot_ramdisk=1\n' >"$tree/config.txt"
    if [ "${2:-}" = autoboot ]; then
        # A is the second partition, B the third. Without this file the firmware stays here, in
        # recovery; a trial of the other one lasts for one start.
        printf '[all]\ntryboot_a_b=1\nboot_partition=2\n[tryboot]\nboot_partition=3\n' >"$tree/autoboot.txt"
    fi
    fat_of "$tree" "$1" "$boot_mib"
}

# Four primaries are all there is: three to boot from, one that holds the rest. Recovery comes first,
# because `autoboot.txt` is read from the first partition and no update writes there.
mbr_table() {
    local next=1 entry
    echo "label: dos"
    echo "label-id: 0x$mbr_id"
    echo "unit: sectors"
    for entry in "$boot_mib c" "$boot_mib c" "$boot_mib c"; do
        echo "start=$((next * 2048)), size=$((${entry% *} * 2048)), type=${entry#* }"
        next=$((next + ${entry% *}))
    done
    echo "start=$((next * 2048)), size=$(((mbr_rest) * 2048)), type=f"
    # Each logical partition has a sector of its own before it, and a whole MiB keeps the alignment.
    for entry in "$slot_mib" "$slot_mib" "$recovery_mib" "$state_mib" "$data_mib"; do
        next=$((next + 1))
        echo "start=$((next * 2048)), size=$((entry * 2048)), type=83"
        next=$((next + entry))
    done
}

readonly mbr_id=504d5534

# An MBR has no names: the running system gets the same ones from the numbers.
pi_udev_rules() {
    local name number
    echo "# Names of the partitions, by their numbers; between 60-persistent-storage and 61-pmu-partitions."
    while read -r _ name number; do
        printf 'SUBSYSTEM=="block", ENV{ID_PART_ENTRY_UUID}=="%s-%02d", ENV{ID_PART_ENTRY_NAME}="%s", SYMLINK+="disk/by-partlabel/%s"\n' \
            "$mbr_id" "$number" "$name" "$name"
    done < <(pi_partitions)
}

# Numbers of the partitions, for a table without names; part of the signed payload.
pi_partitions() {
    printf 'partition %s\n' "pmu-boot-r 1" "pmu-boot-a 2" "pmu-boot-b 3" "pmu-a 5" "pmu-b 6" \
        "pmu-recovery 7" "pmu-state 8" "pmu-data 9"
}

make_mbr_disk() {
    disk="$out/pmu-$target.img"
    local at
    mbr_rest=$((5 + 2 * slot_mib + recovery_mib + state_mib + data_mib))
    rm -f "$disk" && truncate -s "$((1 + 3 * boot_mib + mbr_rest))M" "$disk"
    mbr_table | sfdisk --quiet "$disk"
    pi_partition "$parts/boot-r.fat" autoboot
    pi_partition "$parts/boot.fat"
    put "$parts/boot-r.fat" 1
    put "$parts/boot.fat" $((1 + boot_mib))
    at=$((1 + 3 * boot_mib + 1))
    put "$parts/root.slot" $at
    put "$parts/recovery.slot" $((at + 2 * (slot_mib + 1)))
    say "disk $disk, $((1 + 3 * boot_mib + mbr_rest)) MiB, $(du -m "$disk" | cut -f1) MiB of it in use"
}
