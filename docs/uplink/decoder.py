#!/usr/bin/env python3
"""Decodes what a gateway publishes, independently of the gateway's own code (cbor2).

decoder.py vectors/lp-day.hex   what one vector says; check_vectors.py compares all of them
decoder.py --host broker --ca ca.pem --cert me.pem --key me.key [--port 8883] [--gateway pmu-001]
    subscribes (paho-mqtt 2) and prints one JSON line a message
"""
import argparse, hashlib, json, pathlib, ssl
import cbor2

DOMAIN, ACK_TYPE = b"gw-ack/1", "application/vnd.pmu.gw-ack+cbor"
FLAGS = ("missing power-down power-up phase-fail meter-reset battery time-set short long "
         "config-changed reverse-run dst-active dst-change profile-cleared cover-open overflow "
         "link-error not-valid test-mode late-sample gateway-restart rollover "
         "clock-unsynchronised implausible coarse").split()
FLAGS += [f"bit{i}" for i in range(len(FLAGS), 32)]

def obis(b):
    return f"{b[0]}-{b[1]}:{b[2]}.{b[3]}.{b[4]}" + ("" if b[5] == 255 else f"*{b[5]}")

def varints(data):
    value = shift = 0
    for byte in data:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            yield value
            value = shift = 0

def column(data):
    """Zigzag differences, summed modulo 2^64."""
    total, numbers = 0, []
    for v in varints(data):
        total = (total + ((v >> 1) ^ -(v & 1)) + 2**63) % 2**64 - 2**63
        numbers.append(total)
    return numbers

def cells(columns, missing):
    """Rows of columns; a number whose bit is set in the bitmap is none."""
    gone = lambda c, r: missing and missing[c] and missing[c][r // 8] >> r % 8 & 1
    rows = enumerate(zip(*columns))
    return [[None if gone(c, r) else v for c, v in enumerate(row)] for r, row in rows]

def block(b):
    columns = [column(d) if isinstance(d, bytes) else d for d in b["d"]]
    for i, d in enumerate(b["d"]):
        if not isinstance(d, bytes):  # [column, first value]: the differences of that column
            of = columns[d[0]]
            columns[i] = [d[1]] + [(y - x + 2**63) % 2**64 - 2**63 for x, y in zip(of, of[1:])]
    assert all(len(c) == b["n"] for c in columns), "a column is cut"
    remarks, offsets = dict(map(tuple, b.get("st", []))), column(b.get("at", bytes(b["n"])))
    rows = [{"end": b["t0"] + r * b["per"], "values": values, "offset_ms": offsets[r],
             "flags": [word for i, word in enumerate(FLAGS) if remarks.get(r, 0) >> i & 1]}
            for r, values in enumerate(cells(columns, b.get("nul")))]
    return {"m": b["m"], "p": obis(b["p"]), "cv": b["cv"], "per": b["per"], "tq": b["tq"],
            "src": b.get("src", "meter"), "rev": b.get("rev", 0), "rows": rows}

def polls(b):
    out = []
    for g in b["g"]:
        times = column(g["t"])
        rows = cells([column(v) for v in g["v"]], g.get("nul")) or [[]] * len(times)
        names = [g["m"][i] for i in varints(g["i"])] if "i" in g else g["m"]
        for name, at, row in zip(names, times, rows, strict=True):
            values = [[obis(o), v] + ([] if v is None else [exponent, unit])
                      for (o, exponent, unit), v in zip(g["o"], row)]
            out.append({"m": name, "at": g["t0"] + at, "tq": g["tq"], "values": values})
    return out

def plain(value):
    """Byte strings as hex, so that JSON can hold them."""
    if isinstance(value, dict):
        return {k: obis(v) if k == "p" and isinstance(v, bytes) else plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [plain(v) for v in value]
    return value.hex() if isinstance(value, bytes) else value

def to_be_signed(protected, gateway, payload):
    return cbor2.dumps(["Signature1", protected, DOMAIN + gateway.encode(), payload])

def watermark(data, gateway, public=None):
    protected, open_header, payload, signature = cbor2.loads(data).value
    if public:  # an Ed25519 public key: raises where the signature does not fit
        public.verify(signature, to_be_signed(protected, gateway, payload))
    header = cbor2.loads(protected)
    assert header[1] == -8 and header[3] == ACK_TYPE and not open_header, "not a watermark"
    return {"kid": header[4].hex(), **plain(cbor2.loads(payload))}

def signed(data, public=None):
    """What stands inside an envelope that somebody signed; check_vectors.py checks signatures."""
    tag = cbor2.loads(data)
    protected, open_header, payload, last = tag.value
    outer = cbor2.loads(protected)
    assert tag.tag in (18, 98) and not open_header, "not an envelope"
    headers = [outer] if tag.tag == 18 else [cbor2.loads(one[0]) for one in last]
    content = cbor2.loads(payload)
    if isinstance(content.get("arg"), bytes):
        content["arg"] = cbor2.loads(content["arg"])
    return {"kid": outer[4].hex(), "signers": [h[4].hex() for h in headers], **plain(content)}

def receipt(data):
    found = signed(data) | {"signed": data.hex()}
    del found["signers"]  # always the gateway alone
    return found

def decode(topic, data, public=None):
    root, version, gateway, direction, word, *_ = topic.split("/")
    assert (root, version) == ("gw", "v1"), "not a topic of the contract"
    if (direction, word) == ("dn", "ack"):
        return watermark(data, gateway, public)
    if word in ("cmd", "key", "pol"):
        return signed(data)
    m = cbor2.loads(data)
    if word in ("st", "req", "want", "blob"):
        return plain(m)
    assert m["v"] == 1 and m["s"] == word, "another version or stream"
    m["sha256"] = hashlib.sha256(m["b"]).hexdigest()
    if word == "rs":
        return plain(m | {"b": receipt(m["b"])})
    body = cbor2.loads(m["b"])
    if "ch" in m:
        m["ch"] = [[obis(o), exponent, unit, kind] for o, exponent, unit, kind in m["ch"]]
    m["b"] = block(body) if word == "lp" else polls(body) if word == "tm" else plain(body)
    return plain(m)

def live(args):
    """Never acknowledges: it commits nothing. check_vectors.py shows how to sign a watermark."""
    import paho.mqtt.client as mqtt

    def on_message(_client, _data, message):
        try:
            said = {"decoded": decode(message.topic, message.payload)}
        except Exception as error:  # shown, not swallowed
            said = {"error": repr(error), "hex": message.payload.hex()}
        print(json.dumps({"topic": message.topic, "bytes": len(message.payload)} | said), flush=True)

    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    client.tls_set(args.ca, args.cert, args.key, tls_version=ssl.PROTOCOL_TLS_CLIENT)
    client.on_connect = lambda client, *_: client.subscribe(f"gw/v1/{args.gateway}/up/#", qos=1)
    client.on_message = on_message
    client.connect(args.host, args.port)
    client.loop_forever()

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("vector", nargs="?", type=pathlib.Path)
    for name in ("host", "ca", "cert", "key"):
        parser.add_argument(f"--{name}")
    parser.add_argument("--gateway", default="+")
    parser.add_argument("--port", type=int, default=8883)
    args = parser.parse_args()
    if args.vector:
        topic = json.loads(args.vector.with_suffix(".json").read_text())["topic"]
        print(json.dumps(decode(topic, bytes.fromhex(args.vector.read_text())), indent=2))
    else:
        live(args)
