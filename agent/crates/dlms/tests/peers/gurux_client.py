"""Reads the meter of the tests with Gurux's client, in a process of its own, and says what it read.

gurux_client.py PORT wrapper|hdlc public|low|zero|one|two|proof [lists] [long] [simulated] [frame=OCTETS]

The simulated meter captures a status before the energy, and has nothing to write. PORT is a port of
this machine, or the path of a terminal. `cost` is what reading the profile took: rows, seconds,
seconds of the processor.
"""

import datetime
import os
import select
import socket
import sys
import time
import tty

from gurux_dlms import GXByteBuffer, GXReplyData
from gurux_dlms.enums import Authentication, DataType, InterfaceType, ObjectType, Security
from gurux_dlms.objects import (
    GXDLMSActivityCalendar,
    GXDLMSClock,
    GXDLMSData,
    GXDLMSProfileGeneric,
    GXDLMSRegister,
    GXDLMSScriptTable,
)
from gurux_dlms.objects.enums import SecuritySuite
from gurux_dlms.secure import GXDLMSSecureClient

port, road, level = sys.argv[1], sys.argv[2], sys.argv[3]
client = {"public": 16, "low": 2, "zero": 3, "one": 6, "two": 4, "proof": 5}[level]
kinds = {"public": Authentication.NONE, "low": Authentication.LOW}
kind = InterfaceType.WRAPPER if road == "wrapper" else InterfaceType.HDLC
server = 1 if road == "wrapper" else GXDLMSSecureClient.getServerAddress(1, 17, 2)
meter = GXDLMSSecureClient(
    True, client, server, kinds.get(level, Authentication.HIGH_GMAC), "12345678", kind
)
if road == "hdlc":
    frame = next((int(word[6:]) for word in sys.argv if word.startswith("frame=")), 256)
    meter.hdlcSettings.maxInfoTX = frame
    meter.hdlcSettings.maxInfoRX = frame
if level in ("zero", "one", "two", "proof"):
    cipher = meter.ciphering
    suites = {"one": SecuritySuite.SUITE_1, "two": SecuritySuite.SUITE_2}
    cipher.securitySuite = suites.get(level, SecuritySuite.SUITE_0)
    if level != "proof":
        cipher.security = Security.AUTHENTICATION_ENCRYPTION
    cipher.systemTitle = b"PMU00002"
    two = level == "two"
    cipher.blockCipherKey = b"\x42" * 32 if two else bytes(range(16))
    cipher.authenticationKey = b"\x24" * 32 if two else bytes(range(0xD0, 0xE0))
    # Above whatever an earlier run has used.
    cipher.invocationCounter = int((datetime.datetime.now().timestamp() - 1.79e9) * 200)

simulated = "simulated" in sys.argv
energy = 2 if simulated else 1


class Terminal:
    """A serial port, as far as a socket is one."""

    def __init__(self, path):
        self.file = os.open(path, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(self.file)

    def sendall(self, octets):
        while octets:
            octets = octets[os.write(self.file, octets) :]

    def recv(self, most):
        if not select.select([self.file], [], [], 5)[0]:
            raise TimeoutError
        return os.read(self.file, most)


if port.startswith("/"):
    line = Terminal(port)
else:
    line = socket.create_connection(("127.0.0.1", int(port)), 5)
    line.settimeout(5)


def exchange(request, reply):
    if not request:
        return
    line.sendall(request)
    heard, other = GXByteBuffer(), GXReplyData()
    while True:
        octets = line.recv(4096)
        if not octets:
            raise EOFError("connection closed")
        heard.set(octets)
        if meter.getData(heard, reply, other):
            return


def ask(requests):
    reply = GXReplyData()
    for request in requests if isinstance(requests, list) else [requests]:
        reply.clear()
        exchange(request, reply)
        while reply.isMoreData():
            exchange(meter.receiverReady(reply), reply)
        if reply.error:
            raise ValueError(f"error {reply.error}")
    return reply


def read(item, number):
    return meter.updateValue(item, number, ask(meter.read(item, number)).value)


if road == "hdlc":
    meter.parseUAResponse(ask(meter.snrmRequest()).data)
meter.parseAareResponse(ask(meter.aarqRequest()).data)
if meter.authentication > Authentication.LOW:
    meter.parseApplicationAssociationResponse(ask(meter.getApplicationAssociationRequest()).data)
print("name", bytes(ask(meter.read(GXDLMSData("0.0.42.0.0.255"), 2)).value).hex())
print("energy", ask(meter.read(GXDLMSRegister("1.0.1.8.0.255"), 2)).value)
print("clock", read(GXDLMSClock("0.0.1.0.0.255"), 2))
profile = GXDLMSProfileGeneric("1.0.99.1.0.255")
read(profile, 3)
begun, worked = time.monotonic(), time.process_time()
rows = read(profile, 2)
print("cost", len(rows), time.monotonic() - begun, time.process_time() - worked)
print("profile", len(rows), rows[0][energy], rows[-1][energy])
rows = ask(meter.readRowsByEntry(profile, 3, 3)).value
print("entries", len(rows), rows[0][energy], rows[-1][energy])
if "lists" in sys.argv:
    items = [(GXDLMSRegister("1.0.1.8.0.255"), 2), (GXDLMSData("0.0.42.0.0.255"), 2)]
    values = []
    for request in meter.readList(items):
        values.extend(ask(request).value)
    print("list", values[0], bytes(values[1]).hex())
if level != "public" and not simulated:
    calendar = GXDLMSActivityCalendar("0.0.13.0.0.255")
    calendar.calendarNamePassive = "S" * (3000 if "long" in sys.argv else 6)
    ask(meter.write(calendar, 6))
    print("set", len(ask(meter.read(calendar, 6)).value))
    script = GXDLMSScriptTable("0.0.10.0.100.255")
    print("method", ask(meter.method(script, 1, 7, DataType.UINT16)).value)
if road == "wrapper" or meter.authentication != Authentication.NONE:
    exchange(meter.releaseRequest()[0], GXReplyData())
if road == "hdlc":
    exchange(meter.disconnectRequest(), GXReplyData())
assert ObjectType.CLOCK == 8
print("done")
