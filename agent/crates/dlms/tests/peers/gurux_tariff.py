"""Reads or writes the tariff of the simulated meter with Gurux's client, in a process of its own.

gurux_tariff.py PORT wrapper|hdlc zero|two read|write

Each says what is in the waiting half of the calendar, the special days and the scripts, in the words
of the example `dlms_tariff`, which is the gateway's own writer and reader.
"""

import datetime
import socket
import sys

from gurux_dlms import GXByteBuffer, GXDate, GXDateTime, GXReplyData, GXTime
from gurux_dlms.enums import Authentication, DataType, DateTimeSkips, InterfaceType, ObjectType, Security
from gurux_dlms.objects import (
    GXDLMSActivityCalendar,
    GXDLMSDayProfile,
    GXDLMSDayProfileAction,
    GXDLMSScript,
    GXDLMSScriptAction,
    GXDLMSScriptTable,
    GXDLMSSeasonProfile,
    GXDLMSSpecialDay,
    GXDLMSSpecialDaysTable,
    GXDLMSWeekProfile,
)
from gurux_dlms.objects.enums import ScriptActionType, SecuritySuite
from gurux_dlms.secure import GXDLMSSecureClient

port, road, level, what = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
two = level == "two"
kind = InterfaceType.WRAPPER if road == "wrapper" else InterfaceType.HDLC
server = 1 if road == "wrapper" else GXDLMSSecureClient.getServerAddress(1, 17, 2)
meter = GXDLMSSecureClient(True, 4 if two else 3, server, Authentication.HIGH_GMAC, None, kind)
if road == "hdlc":
    meter.hdlcSettings.maxInfoTX = 256
    meter.hdlcSettings.maxInfoRX = 256
meter.ciphering.securitySuite = SecuritySuite.SUITE_2 if two else SecuritySuite.SUITE_0
meter.ciphering.security = Security.AUTHENTICATION_ENCRYPTION
meter.ciphering.systemTitle = b"PMU00002"
meter.ciphering.blockCipherKey = b"\x42" * 32 if two else bytes(range(16))
meter.ciphering.authenticationKey = b"\x24" * 32 if two else bytes(range(0xD0, 0xE0))
# Above whatever an earlier run has used.
meter.ciphering.invocationCounter = int((datetime.datetime.now().timestamp() - 1.79e9) * 200)
line = socket.create_connection(("127.0.0.1", port), 5)
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


def name(value):
    return value if isinstance(value, str) else bytes(value).decode()


def day_of(date):
    year = "*" if date.skip & DateTimeSkips.YEAR else date.value.year
    return f"{year}-{date.value.month:02}-{date.value.day:02}"


def tell(calendar, days, scripts):
    print("name", name(calendar.calendarNamePassive))
    for season in calendar.seasonProfilePassive:
        start = season.start
        clock = f"{start.value.hour:02}:{start.value.minute:02}"
        print("season", name(season.name), day_of(start), clock, name(season.weekName))
    for week in calendar.weekProfileTablePassive:
        plans = [week.monday, week.tuesday, week.wednesday, week.thursday]
        plans += [week.friday, week.saturday, week.sunday]
        print("week", name(week.name), *plans)
    for day in calendar.dayProfileTablePassive:
        switches = []
        for action in day.daySchedules:
            start = action.startTime.value
            switches.append(f"{start.hour:02}:{start.minute:02}>{action.scriptSelector}")
        print("day", day.dayId, *switches)
    for day in days.entries:
        print("special", day.index, day_of(day.date), day.dayId)
    for script in scripts.scripts:
        for action in script.actions:
            target = action.target
            value = bytes(action.parameter).hex()
            print("script", script.id, int(target.objectType), target.logicalName, action.index, value)


def write(calendar, days, scripts):
    """Another tariff than the example writes."""
    calendar.calendarNamePassive = "GURUX"
    season = GXDLMSSeasonProfile()
    start = GXDateTime(datetime.datetime(2026, 11, 2, 0, 0))
    start.skip |= DateTimeSkips.YEAR | DateTimeSkips.DAY_OF_WEEK
    season.name, season.start, season.weekName = b"S1", start, b"W1"
    calendar.seasonProfilePassive = [season]
    week = GXDLMSWeekProfile()
    week.name = b"W1"
    week.monday = week.tuesday = week.wednesday = week.thursday = week.friday = 5
    week.saturday, week.sunday = 5, 6
    calendar.weekProfileTablePassive = [week]
    plans = []
    for number, hours in ((5, ((0, 0, 2), (6, 15, 1), (22, 45, 2))), (6, ((0, 0, 2),))):
        plan = GXDLMSDayProfile()
        plan.dayId, plan.daySchedules = number, []
        for hour, minute, selector in hours:
            time = GXTime(datetime.datetime(2026, 1, 1, hour, minute))
            plan.daySchedules.append(GXDLMSDayProfileAction(time, "0.0.10.0.100.255", selector))
        plans.append(plan)
    calendar.dayProfileTablePassive = plans
    day = GXDLMSSpecialDay()
    day.index, day.date, day.dayId = 9, GXDate(datetime.datetime(2027, 10, 3)), 6
    days.entries = [day]
    scripts.scripts = []
    for number, mask in ((1, b"T1"), (2, b"T2")):
        script, action = GXDLMSScript(), GXDLMSScriptAction()
        action.type_, action.objectType = ScriptActionType.WRITE, ObjectType.REGISTER_ACTIVATION
        action.logicalName, action.index = "0.0.14.0.0.255", 4
        action.parameter, action.parameterDataType = mask, DataType.OCTET_STRING
        script.id, script.actions = number, [action]
        scripts.scripts.append(script)
    # What is referred to comes first.
    for item, number in ((scripts, 2), (calendar, 9), (calendar, 8), (calendar, 7), (calendar, 6)):
        ask(meter.write(item, number))
    ask(meter.write(days, 2))


if road == "hdlc":
    meter.parseUAResponse(ask(meter.snrmRequest()).data)
meter.parseAareResponse(ask(meter.aarqRequest()).data)
meter.parseApplicationAssociationResponse(ask(meter.getApplicationAssociationRequest()).data)
calendar = GXDLMSActivityCalendar("0.0.13.0.0.255")
days = GXDLMSSpecialDaysTable("0.0.11.0.0.255")
scripts = GXDLMSScriptTable("0.0.10.0.100.255")
if what == "write":
    write(calendar, days, scripts)
for number in (6, 7, 8, 9):
    read(calendar, number)
read(days, 2)
read(scripts, 2)
tell(calendar, days, scripts)
if road == "wrapper":
    exchange(meter.releaseRequest()[0], GXReplyData())
else:
    exchange(meter.disconnectRequest(), GXReplyData())
print("done")
