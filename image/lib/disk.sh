# The disk image, written with plain files: no mounts, no loop devices.
# shellcheck shell=bash disable=SC2154  # variables are set by settings.sh and the parts before

# A number that is always the same for a name: two builds have to agree, and no box looks for them.
fixed_uuid() {
    printf 'pmu %s %s' "$target" "$1" | sha256sum |
        sed 's/^\(.\{8\}\)\(.\{4\}\).\(.\{3\}\).\(.\{3\}\)\(.\{12\}\).*/\1-\2-4\3-8\4-\5/'
}

readonly type_esp=C12A7328-F81F-11D2-BA4B-00A0C93EC93B
readonly type_linux=0FC63DAF-8483-4772-8E79-3D69D8477DE4

# gpt_partition NUMBER LABEL MIB TYPE: a line for sfdisk; `next` is where the partition starts, MiB.
gpt_partition() {
    echo "$1 : start=$((next * 2048)), size=$(($3 * 2048)), type=$4, uuid=$(fixed_uuid "$2"), name=$2"
    next=$((next + $3))
}

gpt_table() {
    local next=1
    echo "label: gpt"
    echo "label-id: $(fixed_uuid disk)"
    echo "unit: sectors"
    gpt_partition 1 pmu-boot-a "$boot_mib" "$type_esp"
    gpt_partition 2 pmu-boot-b "$boot_mib" "$type_esp"
    gpt_partition 3 pmu-boot-r "$boot_mib" "$type_esp"
    gpt_partition 4 pmu-a "$slot_mib" "$type_linux"
    gpt_partition 5 pmu-b "$slot_mib" "$type_linux"
    gpt_partition 6 pmu-recovery "$recovery_mib" "$type_linux"
    gpt_partition 7 pmu-state "$state_mib" "$type_linux"
    gpt_partition 8 pmu-data "$data_mib" "$type_linux"
}

# put FILE MIB: into the disk at this place; zeros stay holes.
put() { dd if="$1" of="$disk" bs=1M seek="$2" conv=notrunc,sparse status=none; }

make_gpt_disk() {
    disk="$out/pmu-$target.img"
    local start=1
    local total=$((1 + 3 * boot_mib + 2 * slot_mib + recovery_mib + state_mib + data_mib + 1))
    # A stale table in an old file would be found by sfdisk.
    rm -f "$disk" && truncate -s "${total}M" "$disk"
    gpt_table | sfdisk --quiet "$disk"
    boot_partition "$parts/boot.fat"
    put "$parts/boot.fat" $start
    put "$parts/boot.fat" $((start + 2 * boot_mib))
    start=$((start + 3 * boot_mib))
    put "$parts/root.slot" $start
    put "$parts/recovery.slot" $((start + 2 * slot_mib))
    say "disk $disk, $total MiB, $(du -m "$disk" | cut -f1) MiB of it in use"
}
