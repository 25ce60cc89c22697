#!/usr/bin/env python3
"""Checks signed watermarks with the published decoder and another library's Ed25519.

check_watermarks.py PUBLIC-KEY-PEM FILE      FILE has lines `TOPIC HEX`
"""
import json, pathlib, sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "docs/uplink"))
import decoder
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import load_pem_public_key

public = load_pem_public_key(pathlib.Path(sys.argv[1]).read_bytes())
for line in pathlib.Path(sys.argv[2]).read_text().splitlines():
    topic, payload = line.split()
    try:
        print(json.dumps(decoder.decode(topic, bytes.fromhex(payload), public)))
    except InvalidSignature:
        sys.exit(f"the signature of {topic} does not fit")
