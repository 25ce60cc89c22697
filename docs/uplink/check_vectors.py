#!/usr/bin/env python3
"""Checks every golden vector with the independent decoder; ends with 1 where any is wrong.

Each vectors/*.hex must say what the .json beside it says, and whatever is signed must carry
the signatures that another library makes, or at least accepts, over the same bytes.
"""
import hashlib, json, pathlib, sys
import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
import decoder, seal_password, sign_command, verify_receipt

# What each word is signed for: domain, content type, whether the gateway is named.
PURPOSES = {"cmd": (sign_command.DOMAIN, sign_command.TYPE, True),
            "key": (b"gw-keys/1", "application/vnd.pmu.gw-keys+cbor", False),
            "pol": (b"gw-policy/1", "application/vnd.pmu.gw-policy+cbor", False),
            "rs": (verify_receipt.DOMAIN, verify_receipt.TYPE, True)}


def sign(payload, gateway, key):
    """A watermark as a head-end sends it: tagged COSE_Sign1 for one gateway."""
    public = key.public_key().public_bytes_raw()
    protected = cbor2.dumps({1: -8, 3: decoder.ACK_TYPE, 4: hashlib.sha256(public).digest()[:8]})
    signature = key.sign(decoder.to_be_signed(protected, gateway, payload))
    return cbor2.dumps(cbor2.CBORTag(18, [protected, {}, payload, signature]))


def private(text, algorithm):
    if algorithm == -8:
        return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(text))
    return ec.derive_private_key(int(text, 16), ec.SECP256R1())


def check_signed(topic, data, seeds):
    """Verifies each signature of an envelope, and makes those anew that have only one form."""
    _, _, gateway, _, word = topic.split("/")
    domain, content_type, is_addressed = PURPOSES[word]
    place = gateway if is_addressed else ""
    tag = cbor2.loads(data)
    protected, _, payload, last = tag.value
    if tag.tag == 18:
        key = private(seeds[0], -8)
        found, _ = verify_receipt.open_one(data, domain, content_type, place, [key.public_key()])
        assert found == payload
        assert sign_command.sign_one(key, domain, content_type, place, payload) == data
        return
    assert cbor2.loads(protected)[3] == content_type and len(seeds) == len(last) > 1
    for seed, (own, unprotected, signature) in zip(seeds, last, strict=True):
        header = cbor2.loads(own)
        public = private(seed, header[1]).public_key()
        assert header[4] == sign_command.kid(public) and not unprotected
        signed = cbor2.dumps(["Signature", protected, own, domain + place.encode(), payload])
        sign_command.verify(public, signature, signed)
    first = private(seeds[0], -8)
    anew = sign_command.approve(first, sign_command.begin_shared(first, payload))
    assert cbor2.loads(anew).value[3][0] == last[0], "the first signature made anew"


# "0002EFGH" for level 1 of m-1 at pmu-001, by keys of octets 7 and 9: the gateway's tests have the same.
SEALED = ("57db4b359f23ae5e146e4e2512056704722506348c150c14753d0c933d04d421"
          "f5c75e69d8d87a69833bf1ec55905eab5b1ae9eef7f1157f")


def check_sealed():
    own, once = (X25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in (7, 9))
    return seal_password.seal(own.public_key(), "pmu-001", "m-1", 1, b"0002EFGH", once).hex() == SEALED


folder = pathlib.Path(__file__).parent / "vectors"
wrong, files = 0, sorted(folder.glob("*.hex"))
for file in files:
    told = json.loads(file.with_suffix(".json").read_text())
    data, expected, public = bytes.fromhex(file.read_text()), told["decoded"], None
    inner = expected["b"] if isinstance(expected.get("b"), dict) else expected
    if isinstance(inner.get("private"), list):
        envelope = data if inner is expected else cbor2.loads(data)["b"]
        try:
            check_signed(told["topic"], envelope, inner.pop("private"))
        except Exception as error:
            print(f"{file.name}: its signatures: {error!r}")
            wrong += 1
    elif "private" in expected:
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
if not check_sealed():
    print("seal_password.py seals otherwise than the gateway opens")
    wrong += 1
print(f"{len(files)} vectors, {wrong} wrong")
sys.exit(1 if wrong or not files else 0)
