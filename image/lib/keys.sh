# Keys that sign images. A site's own are given by PMU_SIGNING_KEY (private, PEM) and PMU_TRUST_KEYS
# (the file `trust.keys` that goes into the payload); without them keys for development are made in
# the cache of whoever builds, never in this tree.
# shellcheck shell=bash disable=SC2154  # variables are set by settings.sh and the parts before

signing_key() {
    if [ -n "${PMU_SIGNING_KEY:-}" ]; then
        [ -n "${PMU_TRUST_KEYS:-}" ] || fail "PMU_SIGNING_KEY needs PMU_TRUST_KEYS, the file with the public keys that the box shall trust"
        key="$PMU_SIGNING_KEY"
        return 0
    fi
    local name
    mkdir -p "$cache/development-keys"
    for name in current next root; do
        key="$cache/development-keys/$name.pem"
        # Aside and moved: two builds at a time use one key.
        [ -e "$key" ] || { (umask 077; openssl genpkey -algorithm ed25519 -out "$key.$$"); mv -n "$key.$$" "$key"; rm -f "$key.$$"; }
    done
    key="$cache/development-keys/current.pem"
    say "signing with the development key of this machine: an image for trying, not for a site"
}

# The last 32 bytes of an Ed25519 public key in DER are the key itself.
public_hex() { openssl pkey -in "$1" -pubout -outform DER | tail -c 32 | od -An -tx1 | tr -d ' \n'; }

trusted_keys() {
    if [ -n "${PMU_TRUST_KEYS:-}" ]; then cat "$PMU_TRUST_KEYS"; return 0; fi
    local name
    for name in current next root; do
        echo "$name $(public_hex "$cache/development-keys/$name.pem")"
    done
}
