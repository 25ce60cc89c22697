#!/usr/bin/env python3
"""Signs commands for gateways, independently of the gateway's own code (cbor2, cryptography).

sign_command.py --key anna.pem command.json > command.cbor           one signature (COSE_Sign1)
sign_command.py --key anna.pem --shared command.json > command.cbor  the first of several (COSE_Sign)
sign_command.py --key ben.pem --approve command.cbor > both.cbor     one more, over the same bytes

Keys are Ed25519 or P-256 (PKCS#8 PEM). command.json has the keys of "cmd" in gateway.cddl; byte
strings are written in hexadecimal, "arg" as the map itself. Publish the result on
gw/v1/{gateway}/dn/cmd, QoS 1, not retained.
"""
import argparse, hashlib, json, sys
import cbor2
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature, encode_dss_signature)

DOMAIN, TYPE = b"gw-cmd/1", "application/vnd.pmu.gw-cmd+cbor"
BYTES = {"id", "e", "argh", "sha", "of", "p", "sealed"}


def public_bytes(public):
    """32 bytes of Ed25519, or 65 of P-256: what the key id is computed over."""
    if isinstance(public, ed25519.Ed25519PublicKey):
        return public.public_bytes_raw()
    return public.public_bytes(serialization.Encoding.X962,
                               serialization.PublicFormat.UncompressedPoint)


def kid(public):
    return hashlib.sha256(public_bytes(public)).digest()[:8]


def algorithm(public):
    return -8 if isinstance(public, ed25519.Ed25519PublicKey) else -7


def sign(key, message):
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(message)
    r, s = decode_dss_signature(key.sign(message, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def verify(public, signature, message):
    """Raises where the signature does not fit."""
    if isinstance(public, ed25519.Ed25519PublicKey):
        return public.verify(signature, message)
    r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
    public.verify(encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))


def sign_one(key, domain, content_type, place, payload):
    """COSE_Sign1 for one purpose and, where it has one, one addressee."""
    public = key.public_key()
    protected = cbor2.dumps({1: algorithm(public), 3: content_type, 4: kid(public)})
    signed = cbor2.dumps(["Signature1", protected, domain + place.encode(), payload])
    return cbor2.dumps(cbor2.CBORTag(18, [protected, {}, payload, sign(key, signed)]))


def begin_shared(key, payload):
    """COSE_Sign without a signature yet. The key id outside names whose number the command has."""
    return [cbor2.dumps({3: TYPE, 4: kid(key.public_key())}), {}, payload, []]


def approve(key, envelope):
    """Adds a signature over the very bytes that are there; nothing is encoded again."""
    protected, _, payload, signatures = envelope
    own = cbor2.dumps({1: algorithm(key.public_key()), 4: kid(key.public_key())})
    place = cbor2.loads(payload)["g"].encode()
    signed = cbor2.dumps(["Signature", protected, own, DOMAIN + place, payload])
    others = [[header, {}, signature] for header, _, signature in signatures]
    together = others + [[own, {}, sign(key, signed)]]
    return cbor2.dumps(cbor2.CBORTag(98, [protected, {}, payload, together]))


def octets(value, key=None):
    """Hexadecimal text as bytes, where the contract has bytes."""
    if isinstance(value, dict):
        return {k: octets(v, k) for k, v in value.items()}
    if key == "blob":
        return [bytes.fromhex(value[0]), value[1]]
    return bytes.fromhex(value) if key in BYTES else value


def encode(command):
    """The payload: arguments travel as bytes with their hash beside them."""
    command = octets(command)
    if "arg" in command:
        command["arg"] = cbor2.dumps(command["arg"])
        command["argh"] = hashlib.sha256(command["arg"]).digest()
    return cbor2.dumps(command)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--key", required=True)
    parser.add_argument("--shared", action="store_true")
    parser.add_argument("--approve", action="store_true")
    parser.add_argument("file")
    args = parser.parse_args()
    with open(args.key, "rb") as file:
        key = serialization.load_pem_private_key(file.read(), None)
    with open(args.file, "rb") as file:
        content = file.read()
    if args.approve:
        out = approve(key, cbor2.loads(content).value)
    else:
        command = json.loads(content)
        payload = encode(command)
        out = (approve(key, begin_shared(key, payload)) if args.shared
               else sign_one(key, DOMAIN, TYPE, command["g"], payload))
    assert len(out) <= 16 * 1024, "too large: send what is large as a blob"
    sys.stdout.buffer.write(out)
