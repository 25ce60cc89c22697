# The root file systems: Debian packages extracted without running any of their scripts, so that the
# same recipe makes every architecture on any machine, then our own files on top.
# shellcheck shell=bash disable=SC2154  # variables are set by settings.sh and the parts before

list() { sed 's/#.*//' "$1" | grep -v '^[[:space:]]*$'; }

# fetch_root KIND: a tar of the extracted packages in the cache, and beside it the packages that are
# taken apart (kernel, stub, firmware).
fetch_root() {
    local kind=$1 key
    key=$({ list "image/lists/$kind.packages"; cat image/lib/fetch-packages
            echo "$arch $components $kernel_package ${extra_packages[*]}"; cat ${PMU_SOURCES:+"$PMU_SOURCES"} </dev/null; } | sha256sum | cut -c1-16)
    base="$cache/$kind-$arch-$key"
    if [ "${PMU_FRESH:-no}" = yes ]; then rm -rf "$base"; fi
    [ ! -e "$base/root.tar" ] || return 0
    say "fetching Debian packages of $kind for $arch"
    rm -rf "$base.new" && mkdir -p "$base.new"
    mmdebstrap --quiet --mode=root --variant=extract --architectures="$arch" \
        --components="$components" --include="$(list "image/lists/$kind.packages" | paste -sd,)" \
        --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr \
        --extract-hook="'$PWD/image/lib/fetch-packages' '$base.new/debs' $kernel_package ${extra_packages[*]} \"\$1\"" \
        bookworm "$base.new/root.tar" ${PMU_SOURCES:+"$PMU_SOURCES"} >"$base.new/log" 2>&1 || { cat "$base.new/log" >&2; fail "the packages could not be fetched"; }
    rm -rf "$base" && mv "$base.new" "$base"
}

# The packages that this commit was built from are part of it. Debian moves on, and then the same
# commit makes another image: that is said, and PMU_LOCK=write takes the new list.
compare_with_lock() { # compare_with_lock LIST...
    local lock="image/lists/$target.lock" now="$out/pmu-$target.packages" changed
    sort -u "$@" >"$now"
    if [ "${PMU_LOCK:-}" = write ]; then cp "$now" "$lock"; fi
    [ -e "$lock" ] || { say "there is no $lock; PMU_LOCK=write makes it"; return 0; }
    changed=$(comm -13 "$lock" "$now" | wc -l)
    [ "$changed" = 0 ] || say "$changed packages are not those of $lock: this is not the image that others made of this commit"
}

# make_root KIND FOLDER: a complete root in FOLDER.
make_root() {
    local kind=$1 root=$2
    rm -rf "$root" && mkdir -p "$root"
    tar -C "$root" --numeric-owner --exclude='./dev/*' -xf "$base/root.tar"
    remove_unwanted "$root"
    accounts "$root"
    install_ours "$kind" "$root"
    overlay image/rootfs "$root"
    # Recovery is the same system with less: its files replace some and take the rest out of service.
    if [ "$kind" = recovery ]; then
        overlay image/rootfs-recovery "$root"
        # The agent's unit asks for this mount wherever it is known.
        rm "$root/usr/lib/systemd/system/var-lib-pmu.mount"
    fi
    # A test looks into the running system with files of its own; such an image is no product.
    if [ -n "${PMU_IMAGE_OVERLAY:-}" ]; then overlay "$PMU_IMAGE_OVERLAY" "$root"; fi
    finish_root "$kind" "$root"
}

overlay() { # overlay FROM ROOT
    [ -d "$1" ] || return 0
    cp -r --no-preserve=ownership,timestamps "$1/." "$2/"
    # As git keeps them, whatever the mask of whoever checked them out.
    (cd "$1" && find . -mindepth 1 ! -type l -print0) | (cd "$2" && xargs -0 -r chmod u=rwX,go=rX)
    (cd "$1" && find . -name .keep -print0) | (cd "$2" && xargs -0 -r rm -f)
}

remove_unwanted() {
    local root=$1 pattern
    while read -r pattern; do
        # The pattern is meant to be expanded, inside the root and nowhere else.
        (cd "$root" && shopt -s nullglob && eval "rm -rf -- $pattern")
    done < <(list image/lists/removed)
    find "$root/usr/share/doc" -mindepth 1 -type d -empty -delete
}

# What the maintainer scripts of base-passwd would have done; nobody has a password.
accounts() {
    local root=$1
    install -m 644 "$root/usr/share/base-passwd/passwd.master" "$root/etc/passwd"
    install -m 644 "$root/usr/share/base-passwd/group.master" "$root/etc/group"
    sed -i 's/^\([^:]*\):\*:/\1:x:/; s,:/bin/bash$,:/usr/sbin/nologin,' "$root/etc/passwd"
    sed 's/^\([^:]*\):.*/\1:!*::0:99999:7:::/' "$root/etc/passwd" >"$root/etc/shadow"
    sed 's/^\([^:]*\):.*/\1:!*::/' "$root/etc/group" >"$root/etc/gshadow"
    chmod 640 "$root/etc/shadow" "$root/etc/gshadow"
}

install_ours() {
    local kind=$1 root=$2 file
    install -D -m 755 "$programs/pmuctl" "$root/usr/bin/pmuctl"
    install -D -m 644 systemd/pmu.sysusers "$root/usr/lib/sysusers.d/pmu.conf"
    install -D -m 644 systemd/pmu.tmpfiles "$root/usr/lib/tmpfiles.d/pmu.conf"
    install -D -m 644 systemd/60-pmu-rs485.rules "$root/usr/lib/udev/rules.d/60-pmu-rs485.rules"
    for file in systemd/*.service systemd/*.timer systemd/*.path systemd/*.socket systemd/*.target systemd/*.mount; do
        if [ -e "$file" ]; then install -D -m 644 -t "$root/usr/lib/systemd/system" "$file"; fi
    done
    if [ "$board" = rpi4 ]; then pi_udev_rules >"$root/usr/lib/udev/rules.d/60-pmu-mbr.rules"; fi
    install -D -m 755 "$programs/pmu-agent" "$root/usr/bin/pmu-agent"
    # An update is judged by what came with the image, as the next boot will judge it.
    mkdir -p "$root/usr/share/pmu"
    trusted_keys >"$root/usr/share/pmu/trust.keys"
    target_lines >"$root/usr/share/pmu/target"
    # Recovery knows no meters and no adapters.
    [ "$kind" != recovery ] || return 0
    install -D -m 644 systemd/pmu.modules-load "$root/usr/lib/modules-load.d/pmu.conf"
    for file in config/meter-models/*.toml; do
        install -D -m 644 -t "$root/usr/share/pmu/meter-models" "$file"
    done
    # What people begin from: schemes, what models hold, meter lists, a network map.
    for folder in schemes capabilities meter-lists; do
        install -D -m 644 -t "$root/usr/share/pmu/$folder" config/"$folder"/*.toml
    done
    install -D -m 644 -t "$root/usr/share/pmu" config/network-map.csv
    install -D -m 644 config/agent.toml "$root/usr/share/pmu/agent.toml"
    install -D -m 755 systemd/clock-as-wished "$root/usr/lib/pmu/clock-as-wished"
    install -D -m 644 config/roles.toml "$root/usr/share/pmu/roles.toml"
}

# Results of the tools that maintainer scripts would have run.
finish_root() {
    local kind=$1 root=$2
    mkdir -p "$root"/{data,boot,mnt,srv,etc/pmu,var/lib/pmu,proc,sys,dev,run,tmp}
    chmod 1777 "$root/tmp"
    : >"$root/etc/machine-id" && chmod 444 "$root/etc/machine-id"
    ln -sf /run/systemd/resolve/resolv.conf "$root/etc/resolv.conf"
    ln -sf ../proc/self/mounts "$root/etc/mtab"
    [ -e "$root/etc/fstab" ] || : >"$root/etc/fstab"
    # Debian leaves it switched off; with a read-only root, services could not build their sandboxes.
    install -m 644 "$root/usr/share/systemd/tmp.mount" "$root/usr/lib/systemd/system/tmp.mount"
    ln -s ../tmp.mount "$root/usr/lib/systemd/system/local-fs.target.wants/tmp.mount"
    # Groups that the scripts of udev add; its rules and static device nodes name them.
    printf 'g %s -\n' input kvm render sgx >"$root/usr/lib/sysusers.d/udev-groups.conf"
    systemd-sysusers --root="$root" >/dev/null 2>&1
    # A day that every machine has seen: with the build's own day the file would differ by the date.
    sed -i 's/^\([^:]*\):\([^:]*\):[0-9]*:/\1:\2:0:/' "$root/etc/shadow"
    rm -f "$root"/etc/{passwd-,group-,shadow-,gshadow-,.pwd.lock,subuid-,subgid-}
    # A preset file of ours says what runs; what it does not name stays off.
    systemctl --root="$root" preset-all >/dev/null 2>&1
    printf 'NAME=PMU\nID=pmu\nID_LIKE=debian\nPRETTY_NAME="PMU %s"\nVERSION_ID="%s"\nVARIANT_ID=%s\n' \
        "$version" "$version" "$kind" >"$root/usr/lib/os-release"
    ln -sf ../usr/lib/os-release "$root/etc/os-release"
    [ -e "$root/etc/hostname" ] || echo pmu >"$root/etc/hostname"
    # Nobody logs in, so nobody has to become somebody else.
    find "$root" -type f -perm /6000 -exec chmod a-s {} +
}
