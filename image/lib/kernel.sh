# The kernel, taken from Debian's package, and its modules.
# shellcheck shell=bash disable=SC2154  # variables are set by settings.sh and the parts before

unpack_kernel() {
    kernel_root="$parts/kernel"
    rm -rf "$kernel_root" && mkdir -p "$kernel_root"
    local deb
    for deb in "$base"/debs/linux-image-*.deb; do dpkg -x "$deb" "$kernel_root"; done
    release=$(basename "$kernel_root"/lib/modules/*)
    vmlinuz="$kernel_root/boot/vmlinuz-$release"
    [ -e "$vmlinuz" ] || fail "$kernel_package holds no kernel; set PMU_KERNEL to another package"
    # Debian's package leaves this to its scripts.
    depmod -b "$kernel_root" "$release"
}

# closure FILE...: module files below kernel/, with everything they depend on.
closure() {
    awk -F: 'NR == FNR { deps[$1] = $2; next }
        function visit(name,   i, n, list) {
            if (name in seen) return
            seen[name] = 1
            # modules.dep names the farthest dependency last, and it has to be loaded first.
            n = split(deps[name], list, " ")
            for (i = n; i > 0; i--) visit(list[i])
            print name
        }
        { visit($1) }' "$kernel_root/lib/modules/$release/modules.dep" -
}

# install_modules ROOT: the modules of the running system.
install_modules() {
    local root=$1 from="$kernel_root/lib/modules/$release" to="$1/usr/lib/modules/$release" file
    mkdir -p "$to"
    while read -r wanted; do
        case "$wanted" in
            *.ko) if [ -e "$from/kernel/$wanted" ]; then echo "kernel/$wanted"; fi ;;
            *) if [ -d "$from/kernel/$wanted" ]; then (cd "$from" && find "kernel/$wanted" -name '*.ko'); fi ;;
        esac
    done < <(list image/lists/modules.slot) | sort -u | closure | sort -u >"$parts/modules.list"
    while read -r file; do
        install -D -m 644 "$from/$file" "$to/$file"
    done <"$parts/modules.list"
    cp "$from"/modules.{order,builtin,builtin.modinfo} "$to/"
    depmod -b "$root/usr" -m /lib/modules "$release" 2>/dev/null || depmod -b "$root" "$release"
}

# initramfs_modules FOLDER: copies NN-name.ko in the order of loading.
initramfs_modules() {
    local folder=$1 from="$kernel_root/lib/modules/$release" name file number=10
    mkdir -p "$folder"
    while read -r name; do
        # The Pi's firmware has no variables, and the module refuses to load without them.
        if [ "$board" = rpi4 ] && [ "$name" = efivarfs ]; then continue; fi
        # Files are written with - or _ as it pleases each maintainer.
        grep -o "^[^:]*/${name//[-_]/[-_]}\.ko" "$from/modules.dep" || true
    done < <(list image/lists/modules.initramfs) | closure >"$parts/initramfs.list"
    while read -r file; do
        name=$(basename "$file")
        install -m 644 "$from/$file" "$folder/$(printf '%02d' "$number")-$name"
        number=$((number + 1))
    done <"$parts/initramfs.list"
}
