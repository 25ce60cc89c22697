#!/usr/bin/env bash
# Installs the units, users and folders into an empty root and has systemd's own tools judge them.
set -euo pipefail
cd "$(dirname "$0")/.."

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir -p "$root"/{bin,etc,usr/bin,usr/lib/systemd/system,usr/lib/sysusers.d,usr/lib/tmpfiles.d}
cp systemd/*.service systemd/*.timer systemd/*.path "$root/usr/lib/systemd/system/"
cp systemd/pmu.sysusers "$root/usr/lib/sysusers.d/pmu.conf"
cp systemd/pmu.tmpfiles "$root/usr/lib/tmpfiles.d/pmu.conf"
# What the units start must be there; it is not started.
mkdir -p "$root/usr/lib/pmu"
for program in bin/sh bin/kill usr/bin/pmu-agent usr/lib/pmu/clock-as-wished; do cp /bin/true "$root/$program"; done
cp /lib/systemd/system/*.target /lib/systemd/system/systemd-modules-load.service "$root/usr/lib/systemd/system/"

complaints=$(systemd-analyze verify --root="$root" pmu-agent.service pmu-clock-state.service pmu-clock-state.timer \
    pmu-clock-set.path pmu-clock-set.service 2>&1) ||
    complaints="${complaints:-systemd-analyze verify failed}"
if [ -n "$complaints" ]; then
    echo "$complaints"
    exit 1
fi
systemd-sysusers --root="$root" pmu.conf
grep -q '^pmu:.*nologin$' "$root/etc/passwd"
gid=$(awk -F: '$1 == "pmu" { print $3 }' "$root/etc/group")
systemd-tmpfiles --root="$root" --create pmu.conf
for folder in etc/pmu etc/pmu/tls; do
    found=$(stat -c '%U %g %a' "$root/$folder")
    if [ "$found" != "root $gid 750" ]; then
        echo "/$folder is '$found' (owner, group, mode), not 'root $gid 750'"
        exit 1
    fi
done
echo "units, user, group and folders are as systemd wants them"
