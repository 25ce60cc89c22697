"""Reads or writes the tariff of the simulated meter with Gurux's client, in a process of its own.

gurux_tariff.py PORT wrapper|hdlc zero|two read|write

Each says what is in the waiting half of the calendar, the special days and the scripts, in the words
of the example `dlms_tariff`, which is the gateway's own writer and reader.
"""

import datetime
import sys

from gurux_dlms import GXDate, GXDateTime, GXTime
from gurux_dlms.enums import Authentication, DataType, DateTimeSkips, ObjectType, Security
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
from gurux_line import Meter

port, road, level, what = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4]
two = level == "two"
line = Meter(port, road, 4 if two else 3, Authentication.HIGH_GMAC)
line.take_keys(SecuritySuite.SUITE_2 if two else SecuritySuite.SUITE_0)
meter, ask, read = line.client, line.ask, line.read
meter.ciphering.security = Security.AUTHENTICATION_ENCRYPTION


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


line.open()
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
line.close()
print("done")
