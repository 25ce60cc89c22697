#!/usr/bin/env python3
"""Checks every golden vector with the independent decoder; ends with 1 where any is wrong.

Each vectors/*.hex must say what the .json beside it says, and the signed watermark must carry the
signature that another library makes over the same bytes.
"""
import hashlib, json, pathlib, sys
import cbor2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
import decoder


def sign(payload, gateway, key):
    """A watermark as a head-end sends it: tagged COSE_Sign1 for one gateway."""
    public = key.public_key().public_bytes_raw()
    protected = cbor2.dumps({1: -8, 3: decoder.ACK_TYPE, 4: hashlib.sha256(public).digest()[:8]})
    signature = key.sign(decoder.to_be_signed(protected, gateway, payload))
    return cbor2.dumps(cbor2.CBORTag(18, [protected, {}, payload, signature]))


folder = pathlib.Path(__file__).parent / "vectors"
wrong, files = 0, sorted(folder.glob("*.hex"))
for file in files:
    told = json.loads(file.with_suffix(".json").read_text())
    data, expected, public = bytes.fromhex(file.read_text()), told["decoded"], None
    if "private" in expected:
        key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(expected.pop("private")))
        public, gateway = key.public_key(), told["topic"].split("/")[2]
        again = sign(cbor2.loads(data).value[2], gateway, key)
        if again != data:
            print(f"{file.name}: signed anew it is {again.hex()}")
            wrong += 1
    found = json.loads(json.dumps(decoder.decode(told["topic"], data, public)))
    if found != expected or len(data) != told["bytes"]:
        print(f"{file.name}: expected {json.dumps(expected)}\n  found {json.dumps(found)}")
        wrong += 1
print(f"{len(files)} vectors, {wrong} wrong")
sys.exit(1 if wrong or not files else 0)
