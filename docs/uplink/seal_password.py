#!/usr/bin/env python3
"""Seals a meter's new password for one gateway, independently of the gateway's own code (cryptography).

seal_password.py --gateway pmu-001 --meter feeder-7 --key pmu-001.seal.pem < new-password

Prints "sealed" for the command's "arg" in hexadecimal. The key is `sealing-key.pub.pem` from the data folder
of that gateway, brought by the installer: one that came over a network may be somebody else's.
HPKE (RFC 9180), base mode, one message: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM.
"""
import argparse, hmac, struct, sys
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

PURPOSE = b"gw-password/1"
KEM, SUITE = b"KEM" + b"\0\x20", b"HPKE" + b"\0\x20" + b"\0\1" + b"\0\2"


def extract(suite, salt, label, octets):
    return hmac.digest(salt, b"HPKE-v1" + suite + label + octets, "sha256")


def expand(suite, key, label, info, length):
    block = struct.pack(">H", length) + b"HPKE-v1" + suite + label + info + b"\1"
    return hmac.digest(key, block, "sha256")[:length]


def info(gateway, meter, level):
    """All that it is sealed for. With a library of HPKE, this and the key are all it takes."""
    return b"\0".join([PURPOSE, gateway.encode(), meter.encode(), bytes([level])])


def seal(public, gateway, meter, level, password, once=None):
    """What goes into "sealed". `once` is a fresh key, except where a known answer is wanted."""
    once = once or X25519PrivateKey.generate()
    sent = once.public_key().public_bytes_raw()
    key = extract(KEM, b"", b"eae_prk", once.exchange(public))
    shared = expand(KEM, key, b"shared_secret", sent + public.public_bytes_raw(), 32)
    context = (b"\0" + extract(SUITE, b"", b"psk_id_hash", b"")
               + extract(SUITE, b"", b"info_hash", info(gateway, meter, level)))
    secret = extract(SUITE, shared, b"secret", b"")
    cipher = AESGCM(expand(SUITE, secret, b"key", context, 32))
    nonce = expand(SUITE, secret, b"base_nonce", context, 12)
    return sent + cipher.encrypt(nonce, password, b"")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gateway", required=True)
    parser.add_argument("--meter", required=True)
    parser.add_argument("--level", type=int, default=1)
    parser.add_argument("--key", required=True)
    args = parser.parse_args()
    with open(args.key, "rb") as file:
        public = serialization.load_pem_public_key(file.read())
    password = sys.stdin.buffer.read().rstrip(b"\r\n")
    if not 1 <= len(password) <= 64:
        sys.exit("a password has 1 to 64 octets")
    print(seal(public, args.gateway, args.meter, args.level, password).hex())
