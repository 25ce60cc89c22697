"""Reads the meter of the tests with u9n's dlms-cosem, and says what it read.

u9n_client.py PORT wrapper|hdlc public|low|zero|one|two|proof [dedicated] [simulated]

The simulated meter captures a status before the energy, and has nothing to write.
"""

import datetime
import logging
import sys

import structlog
from dlms_cosem import cosem, enumerations, utils
from dlms_cosem.client import DlmsClient
from dlms_cosem.cosem.capture_object import CaptureObject
from dlms_cosem.cosem.selective_access import RangeDescriptor
from dlms_cosem.io import BlockingTcpIO, HdlcTransport, TcpTransport
from dlms_cosem.security import (
    HighLevelSecurityGmacAuthentication,
    LowLevelSecurityAuthentication,
    NoSecurityAuthentication,
)

structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
port, road, level = int(sys.argv[1]), sys.argv[2], sys.argv[3]
client = {"public": 16, "low": 2, "zero": 3, "one": 6, "two": 4, "proof": 5}[level]
suite = {"one": 1, "two": 2}.get(level, 0)
ciphered = level in ("zero", "one", "two")
if level == "public":
    authentication = NoSecurityAuthentication()
elif level == "low":
    authentication = LowLevelSecurityAuthentication(secret=b"12345678")
else:
    authentication = HighLevelSecurityGmacAuthentication(challenge_length=32)
keys = (b"\x42" * 32, b"\x24" * 32) if suite == 2 else (bytes(range(16)), bytes(range(0xD0, 0xE0)))

simulated = "simulated" in sys.argv
energy = 2 if simulated else 1
# Above whatever an earlier run has used.
counter = int((datetime.datetime.now().timestamp() - 1.79e9) * 200)

line = BlockingTcpIO("127.0.0.1", port, timeout=5)
if road == "wrapper":
    transport = TcpTransport(client, 1, line)
else:
    transport = HdlcTransport(client, 1, line, server_physical_address=17)
meter = DlmsClient(
    transport=transport,
    authentication=authentication,
    encryption_key=keys[0] if ciphered else None,
    authentication_key=keys[1] if ciphered else None,
    security_suite=suite,
    client_system_title=b"PMU00001",
    client_initial_invocation_counter=counter if ciphered else 0,
    dedicated_ciphering="dedicated" in sys.argv,
)


def attribute(interface, name, number):
    return cosem.CosemAttribute(
        enumerations.CosemInterface(interface), cosem.Obis.from_string(name), number
    )


clock = attribute(8, "0.0.1.0.0.255", 2)
profile = attribute(7, "1.0.99.1.0.255", 2)
with meter.session() as session:
    print("name", session.get(attribute(1, "0.0.42.0.0.255", 2)).hex())
    print("energy", session.get(attribute(3, "1.0.1.8.0.255", 2)).hex())
    print("unit", session.get(attribute(3, "1.0.1.8.0.255", 3)).hex())
    print("clock", session.get(clock).hex())
    rows = utils.parse_as_dlms_data(session.get(profile))
    print("profile", len(rows), rows[0][energy], rows[-1][energy])
    quarter = datetime.timezone(datetime.timedelta(hours=2))
    chosen = RangeDescriptor(
        restricting_object=CaptureObject(clock, 0),
        from_value=datetime.datetime(2026, 6, 1, 1, 0, tzinfo=quarter),
        to_value=datetime.datetime(2026, 6, 1, 2, 0, tzinfo=quarter),
    )
    rows = utils.parse_as_dlms_data(session.get(profile, chosen))
    print("range", len(rows), rows[0][energy], rows[-1][energy])
    if level != "public" and not simulated:
        answer = session.set(attribute(20, "0.0.13.0.0.255", 6), b"\x09\x06summer")
        print("set", answer.result.name)
        method = cosem.CosemMethod(
            enumerations.CosemInterface(9), cosem.Obis.from_string("0.0.10.0.100.255"), 1
        )
        print("method", session.action(method, b"\x12\x00\x07").hex())
print("done")
