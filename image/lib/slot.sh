# A slot: the root as squashfs, its hash tree, and the signed manifest.
# shellcheck shell=bash disable=SC2154  # variables are set by settings.sh and the parts before

# make_squashfs ROOT FILE
make_squashfs() {
    rm -f "$2"
    # One time for all files and for the file system; one thread's order of blocks.
    # SOURCE_DATE_EPOCH beside the options is an error of mksquashfs.
    env -u SOURCE_DATE_EPOCH mksquashfs "$1" "$2" -comp zstd -Xcompression-level "${PMU_SQUASHFS_LEVEL:-19}" -b 256K \
        -all-time "$SOURCE_DATE_EPOCH" -mkfs-time "$SOURCE_DATE_EPOCH" -no-exports -no-progress -quiet
    local size
    size=$(stat -c %s "$2")
    truncate -s $(((size + 4095) / 4096 * 4096)) "$2"
}

# sign_image ROLE KIND COUNTER: parts/KIND.squashfs becomes KIND.pmuimg and parts/KIND.slot.
sign_image() {
    local role=$1 kind=$2 number=$3 partition_mib=$4 size
    "$signer" sign --key "$key" --role "$role" --product pmu --board "$board" --arch "$arch" \
        --version "$version" --kernel "$release" --counter "$number" --built "$SOURCE_DATE_EPOCH" --squashfs "$parts/$kind.squashfs" \
        --payload "$parts/update.payload" --salt "$salt" --out "$parts/$kind.pmuimg" >/dev/null
    "$signer" place "$parts/$kind.pmuimg" --size $((partition_mib * mib)) --out "$parts/$kind.slot" >/dev/null
    size=$(stat -c %s "$parts/$kind.squashfs")
    say "$kind $size bytes compressed, limit $slot_limit_bytes"
    # A quick image, compressed less, is none that is given away.
    [ -z "${PMU_SQUASHFS_LEVEL:-}" ] || return 0
    [ "$size" -le "$slot_limit_bytes" ] || fail "$kind is larger than the limit; see $parts/modules.list and lists/removed"
}
