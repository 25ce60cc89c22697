#!/usr/bin/env bash
# Builds the Debian package, installs it into an empty root, upgrades, removes and purges it there,
# and looks at what it leaves. Nothing of this machine is changed.
#
# `hil-tests/deb.sh`: with debug programs, for the test. `hil-tests/deb.sh --release`: the package
# for people; it is left in the target folder (`just deb`).
# Exit: 0 sound; 77 skipped, the reason is said; anything else is a failure.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo_deb=3.8.0
target="${CARGO_TARGET_DIR:-target}"
profile=dev
[ "${1:-}" != --release ] || profile=release

skip() {
    echo "Debian package: skipped, because $1"
    exit 77
}

fail() {
    echo "Debian package: $1" >&2
    exit 1
}

set_up() {
    command -v dpkg-deb >/dev/null || skip "this is not Debian"
    # The package's own scripts give files to the group pmu.
    [ "$(id -u)" = 0 ] || skip "only root can give files to the group pmu"
    local program
    for program in xz systemd-sysusers systemd-tmpfiles systemd-analyze; do
        command -v "$program" >/dev/null || skip "$program is not installed"
    done
    command -v cargo-deb >/dev/null && return
    echo "== installing cargo-deb (about three minutes, once)"
    # Without its own compressor it uses xz.
    timeout 900 env -u CARGO_TARGET_DIR \
        cargo install --quiet --locked --no-default-features "cargo-deb@$cargo_deb" ||
        skip "cargo-deb cannot be installed"
}

build() { # build FOLDER: leaves one package there
    cargo build --quiet --locked --profile "$profile" -p pmu-agent -p pmuctl
    local thrift=()
    # Debug programs are only looked at, so their size does not matter.
    [ "$profile" = release ] || thrift=(--fast)
    cargo deb --quiet --locked -p pmu-agent --no-build --profile "$profile" "${thrift[@]}" --output "$1/" >/dev/null
}

# The same package as a later version whose shipped configuration differs: what an upgrade brings.
next_version() { # next_version PACKAGE OUT
    local tree
    tree=$(mktemp -d -p "$work")
    dpkg-deb -R "$1" "$tree"
    sed -i 's/^Version: .*/Version: 99.0.0-1/' "$tree/DEBIAN/control"
    echo "# a later version says more" >>"$tree/etc/pmu/agent.toml"
    dpkg-deb --build --root-owner-group -Znone "$tree" "$2" >/dev/null
}

empty_root() {
    mkdir -p "$root"/{bin,etc,lib,var/lib/dpkg/info,var/lib/dpkg/updates,usr/bin,usr/lib/systemd/system}
    touch "$root/var/lib/dpkg/status" "$root/var/lib/dpkg/available"
    # What the units start and wait for must be there; it is not started.
    for program in bin/sh bin/kill; do cp /bin/true "$root/$program"; done
    cp /lib/systemd/system/*.target /lib/systemd/system/systemd-modules-load.service \
        "$root/usr/lib/systemd/system/"
}

# What the package needs is on this machine, not in the empty root. Scripts run outside of the root
# and are told of it. Answers about configuration files are those of an unattended upgrade.
dpkg_here() {
    dpkg --root="$root" --force-depends --force-script-chrootless --force-confdef --force-confold \
        --no-triggers "$@" >"$work/dpkg.log" 2>&1 || { cat "$work/dpkg.log"; fail "dpkg $* failed"; }
}

expect() { # expect PATH "OWNER GROUP MODE"
    [ -e "$root/$1" ] || fail "/$1 is missing"
    local found
    found=$(stat -c '%U %g %a' "$root/$1")
    [ "$found" = "$2" ] || fail "/$1 is '$found' (owner, group, mode), not '$2'"
}

# What people begin from is there, and the packed program takes it.
check_beginnings() {
    local file share="$root/usr/share/pmu" limits kind judged=0
    for file in config/schemes/*.toml config/capabilities/*.toml config/meter-lists/*.toml config/network-map.csv config/roles.toml; do
        cmp -s "$file" "$share/${file#config/}" || fail "$file is not in it"
    done
    for file in "$share"/schemes/*.toml; do
        kind=$(sed -n 's/^meter-type = "\(.*\)"$/\1/p' "$file")
        limits="$share/capabilities/$kind.toml"
        if [ -f "$limits" ]; then
            "$root/usr/bin/pmuctl" scheme validate "$file" --limits "$limits" --on 2027-01-05 >"$work/scheme.log" ||
                { cat "$work/scheme.log"; fail "the shipped scheme ${file##*/} is refused"; }
            judged=$((judged + 1))
        else
            # Nobody has said what such a meter holds: it is read, not judged.
            "$root/usr/bin/pmuctl" scheme show "$file" >/dev/null || fail "the shipped scheme ${file##*/} cannot be read"
        fi
    done
    [ "$judged" -ge 2 ] || fail "only $judged shipped schemes were judged"
    "$root/usr/bin/pmuctl" meters tree "$share/network-map.csv" >/dev/null || fail "the shipped network map is refused"
}

check_installed() {
    local gid model
    grep -q '^pmu:.*nologin$' "$root/etc/passwd" || fail "there is no user pmu without a shell"
    gid=$(awk -F: '$1 == "pmu" { print $3 }' "$root/etc/group")
    expect usr/bin/pmu-agent "root 0 755"
    expect usr/bin/pmuctl "root 0 755"
    expect etc/pmu "root $gid 750"
    expect etc/pmu/tls "root $gid 750"
    expect etc/pmu/agent.toml "root $gid 640"
    for unit in systemd/system/pmu-agent.service systemd/system/pmu-clock-state.service \
        systemd/system/pmu-clock-state.timer systemd/system/pmu-clock-set.path \
        systemd/system/pmu-clock-set.service sysusers.d/pmu.conf tmpfiles.d/pmu.conf \
        modules-load.d/pmu.conf udev/rules.d/60-pmu-rs485.rules; do
        expect "usr/lib/$unit" "root 0 644"
    done
    expect usr/lib/pmu/clock-as-wished "root 0 755"
    for model in config/meter-models/*.toml; do
        cmp -s "$model" "$root/usr/share/pmu/meter-models/${model##*/}" || fail "$model is not in it"
    done
    check_beginnings
    [ "$(readlink "$root/etc/pmu/meter-models")" = /usr/share/pmu/meter-models ] ||
        fail "/etc/pmu/meter-models does not lead to the shipped models"
    [ -L "$root/etc/systemd/system/timers.target.wants/pmu-clock-state.timer" ] ||
        fail "the timer of the clock's state is not enabled"
    [ -L "$root/etc/systemd/system/multi-user.target.wants/pmu-clock-set.path" ] ||
        fail "nobody would set the clock that a command wants"
    [ ! -L "$root/etc/systemd/system/multi-user.target.wants/pmu-agent.service" ] ||
        fail "the agent is enabled before anybody has configured it"
    local complaints
    complaints=$(systemd-analyze verify --root="$root" pmu-agent.service pmu-clock-state.service \
        pmu-clock-state.timer pmu-clock-set.path pmu-clock-set.service 2>&1) || complaints="${complaints:-systemd-analyze verify failed}"
    [ -z "$complaints" ] || fail "$complaints"
    "$root/usr/bin/pmuctl" --version >/dev/null
    # The programs and models that were packed take the configuration that was packed.
    sed "s|^# model-folder = .*|model-folder = \"$root/usr/share/pmu/meter-models\"|" \
        "$root/etc/pmu/agent.toml" >"$work/agent.toml"
    "$root/usr/bin/pmu-agent" check --config "$work/agent.toml" >"$work/check.log" ||
        { cat "$work/check.log"; fail "the shipped configuration is refused"; }
}

check_upgrade() { # check_upgrade NEWER_PACKAGE
    echo "# this site's own words" >>"$root/etc/pmu/agent.toml"
    echo "a key" >"$root/etc/pmu/tls/gateway.key"
    mkdir -p "$root/var/lib/pmu"
    echo "readings" >"$root/var/lib/pmu/hot.redb"
    # As an administrator would; an upgrade must not switch it on again.
    systemctl --root="$root" --quiet disable pmu-clock-state.timer
    dpkg_here --install "$1"
    grep -q "this site's own words" "$root/etc/pmu/agent.toml" || fail "an upgrade replaced agent.toml"
    grep -q "a later version" "$root/etc/pmu/agent.toml.dpkg-dist" ||
        fail "the new shipped configuration is not laid beside the site's own"
    [ ! -L "$root/etc/systemd/system/timers.target.wants/pmu-clock-state.timer" ] ||
        fail "an upgrade enabled a timer that somebody had disabled"
}

check_removal() {
    systemctl --root="$root" --quiet enable pmu-agent.service
    dpkg_here --remove pmu-agent
    [ ! -e "$root/usr/bin/pmu-agent" ] || fail "a removal leaves the program"
    [ ! -L "$root/etc/systemd/system/multi-user.target.wants/pmu-agent.service" ] ||
        fail "a removal leaves the unit enabled"
    [ -e "$root/etc/pmu/agent.toml" ] || fail "a removal takes the configuration"
    dpkg_here --purge pmu-agent
    [ ! -e "$root/etc/pmu/agent.toml" ] || fail "a purge leaves the configuration"
    [ ! -L "$root/etc/pmu/meter-models" ] || fail "a purge leaves the link to the models"
    [ -e "$root/etc/pmu/tls/gateway.key" ] || fail "a purge takes keys"
    [ -e "$root/var/lib/pmu/hot.redb" ] || fail "a purge takes readings"
}

set_up
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root="$work/root"
mkdir "$work/built" "$root"

build "$work/built"
package=$(echo "$work"/built/pmu-agent_*.deb)
[ -f "$package" ] || fail "cargo deb left no package"
next_version "$package" "$work/newer.deb"

empty_root
dpkg_here --install "$package"
check_installed
check_upgrade "$work/newer.deb"
check_removal

if [ "$profile" = release ]; then
    mkdir -p "$target/debian"
    cp "$package" "$target/debian/"
    ls -l "$target/debian/${package##*/}"
fi
echo "the Debian package installs, upgrades and goes as it should"
