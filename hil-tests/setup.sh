# Installs what the tests need, where that is allowed; sourced by hil-tests/run.
# shellcheck shell=bash disable=SC2154  # tools, skip: defined by the caller

# mosquitto and openssl play the broker and its authority; mbpoll and libmodbus are meters
# and masters that we did not write; faketime turns clocks; cryptsetup-bin checks images.
packages=(
    mosquitto mosquitto-clients openssl python3 python3-venv
    faketime mbpoll libmodbus-dev cryptsetup-bin gcc libc6-dev coreutils util-linux strace systemd
)

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
# Peers in another language. A test that misses one says so by itself.
python_modules=(pymodbus==3.16.1 pyserial==3.5 iec62056-21==0.0.2 dlms-cosem==25.1.0 gurux-dlms==1.0.203
    cbor2 'paho-mqtt>=2,<3' cryptography prometheus_client)
if ! "$tools/bin/python" -c "import pymodbus, serial, iec62056_21, dlms_cosem, gurux_dlms, cbor2, paho.mqtt.client, cryptography, prometheus_client" >/dev/null 2>&1; then
    echo "== installing ${python_modules[*]}"
    if [ -x "$tools/bin/python" ] || python3 -m venv "$tools" >/dev/null 2>&1; then
        timeout 300 "$tools/bin/pip" install --quiet "${python_modules[@]}" || true
    fi
fi
if [ -x "$tools/bin/python" ]; then
    export PMU_PYTHON="$tools/bin/python"
fi
if ! command -v cargo-deny >/dev/null; then
    echo "== installing cargo-deny (about three minutes, once)"
    timeout 900 cargo install --quiet --locked cargo-deny@0.20.2 || true
fi
