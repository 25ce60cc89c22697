"""Reads the meter of the tests with Gurux's client, in a process of its own, and says what it read.

gurux_client.py PORT wrapper|hdlc public|low|zero|one|two|proof [lists] [long] [simulated] [frame=OCTETS]

The simulated meter captures a status before the energy, and has nothing to write. PORT is a port of
this machine, or the path of a terminal. `cost` is what reading the profile took: rows, seconds,
seconds of the processor.
"""

import sys
import time

from gurux_dlms.enums import Authentication, DataType, ObjectType, Security
from gurux_dlms.objects import (
    GXDLMSActivityCalendar,
    GXDLMSClock,
    GXDLMSData,
    GXDLMSProfileGeneric,
    GXDLMSRegister,
    GXDLMSScriptTable,
)
from gurux_dlms.objects.enums import SecuritySuite
from gurux_line import Meter

port, road, level = sys.argv[1], sys.argv[2], sys.argv[3]
client = {"public": 16, "low": 2, "zero": 3, "one": 6, "two": 4, "proof": 5}[level]
kinds = {"public": Authentication.NONE, "low": Authentication.LOW}
frame = next((int(word[6:]) for word in sys.argv if word.startswith("frame=")), 256)
line = Meter(port, road, client, kinds.get(level, Authentication.HIGH_GMAC), "12345678", frame)
meter, ask, read = line.client, line.ask, line.read
if level in ("zero", "one", "two", "proof"):
    suites = {"one": SecuritySuite.SUITE_1, "two": SecuritySuite.SUITE_2}
    line.take_keys(suites.get(level, SecuritySuite.SUITE_0))
    if level != "proof":
        meter.ciphering.security = Security.AUTHENTICATION_ENCRYPTION

simulated = "simulated" in sys.argv
energy = 2 if simulated else 1
line.open()
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
line.close()
assert ObjectType.CLOCK == 8
print("done")
