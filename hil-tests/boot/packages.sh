# Installs what a script needs, where that is allowed. Whoever sources this has a function `skip`.
# shellcheck shell=bash

# needs PACKAGE...
needs() {
    local package missing=()
    for package in "$@"; do
        dpkg-query --show --showformat='${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed ||
            missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    [ "${PMU_MAY_INSTALL:-yes}" = yes ] || skip "PMU_MAY_INSTALL forbids to install ${missing[*]}"
    [ "$(id -u)" = 0 ] || skip "only root can install ${missing[*]}"
    case " ${missing[*]} " in *:arm64*) dpkg --add-architecture arm64 ;; esac
    apt-get -q update >/dev/null
    DEBIAN_FRONTEND=noninteractive apt-get -q install --yes --no-install-recommends "${missing[@]}" >/dev/null
}
