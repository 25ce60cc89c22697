# Installs what the tests need, where that is allowed; sourced by hil-tests/run.
# shellcheck shell=bash disable=SC2154  # tools, skip: defined by the caller

packages=(mosquitto mosquitto-clients openssl python3 python3-venv)

missing=()
for package in "${packages[@]}"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q "install ok installed" || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "== installing ${missing[*]}"
        export DEBIAN_FRONTEND=noninteractive
        # A service of its own would take the port: tests start their own broker.
        printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d && chmod +x /usr/sbin/policy-rc.d
        timeout 300 apt-get update -qq && timeout 600 apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
        rm -f /usr/sbin/policy-rc.d
    else
        echo "== not installed, because this is not root on Debian: ${missing[*]}"
    fi
fi

if [ ! -x "$tools/bin/typos" ]; then
    python3 -m venv "$tools" >/dev/null 2>&1 && timeout 300 "$tools/bin/pip" install --quiet typos || true
fi
if ! command -v cargo-deny >/dev/null; then
    echo "== installing cargo-deny (about three minutes, once)"
    timeout 900 cargo install --quiet --locked cargo-deny@0.20.2 || true
fi
