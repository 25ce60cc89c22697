#!/usr/bin/env python3
"""Verifies receipts of commands offline, independently of the gateway's own code.

verify_receipt.py --gateway pmu-001 --key gateway.pem receipt.cbor

receipt.cbor is the body `b` of a message on gw/v1/{gateway}/up/rs; gateway.pem the public key of that
gateway (several --key for keys it had before; "key" in what is printed is the one that follows). Prints what the receipt says as JSON and ends with 0;
ends with 1 where nothing proves that this gateway signed it.
"""
import argparse, json, sys
import cbor2
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from sign_command import algorithm, kid, verify

DOMAIN, TYPE = b"gw-receipt/1", "application/vnd.pmu.gw-receipt+cbor"
MAX = 128 * 1024


def open_one(data, domain, content_type, place, keys):
    """Payload and key id of a COSE_Sign1 by one of these public keys; raises ValueError."""
    if len(data) > MAX or data[:1] != b"\xd2":
        raise ValueError("not one tagged COSE_Sign1")
    protected, unprotected, payload, signature = cbor2.loads(data).value
    header = cbor2.loads(protected)
    if unprotected or 2 in header or header.get(3) != content_type:
        raise ValueError("signed for something else")
    for public in keys:
        if kid(public) == header.get(4) and algorithm(public) == header.get(1):
            signed = cbor2.dumps(["Signature1", protected, domain + place.encode(), payload])
            try:
                verify(public, signature, signed)
            except InvalidSignature:
                raise ValueError("the signature does not fit") from None
            return payload, header[4]
    raise ValueError("signed by a key that was not named")


def plain(value):
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [plain(v) for v in value]
    return value.hex() if isinstance(value, bytes) else value


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gateway", required=True)
    parser.add_argument("--key", required=True, action="append")
    parser.add_argument("file")
    args = parser.parse_args()
    keys = []
    for name in args.key:
        with open(name, "rb") as file:
            keys.append(serialization.load_pem_public_key(file.read()))
    with open(args.file, "rb") as file:
        data = file.read()
    try:
        payload, signer = open_one(data, DOMAIN, TYPE, args.gateway, keys)
    except Exception as error:  # bytes that anybody wrote: whatever they break, they prove nothing
        sys.exit(f"not proven: {error}")
    print(json.dumps({"kid": signer.hex(), **plain(cbor2.loads(payload))}))
