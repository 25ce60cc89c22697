#!/usr/bin/env python3
"""A meter that we did not write: pymodbus answers from the registers that a file describes.

pymodbus_meter.py FILE rtu PORT BAUD
pymodbus_meter.py FILE tcp PORT

Lines of FILE: `unit N`, `began MILLISECONDS`, `held h|i ADDRESS WORD`, and
`total h|i ADDRESS WORDS BASE STEPS` for a total that grows by STEPS a second since it began.
"""
import asyncio, sys, time
from pymodbus.server import StartAsyncSerialServer, StartAsyncTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

FUNCTION_OF = {"h": 3, "i": 4}


class Meter:
    def __init__(self, path):
        self.unit, self.began, self.held, self.totals = 1, 0, {"h": {}, "i": {}}, []
        for line in open(path):
            word, *rest = line.split()
            if word == "unit":
                self.unit = int(rest[0])
            elif word == "began":
                self.began = int(rest[0])
            elif word == "held":
                self.held[rest[0]][int(rest[1])] = int(rest[2])
            elif word == "total":
                table, numbers = rest[0], [int(number) for number in rest[1:]]
                self.totals.append((table, *numbers))
                for offset in range(numbers[1]):
                    self.held[table][numbers[0] + offset] = 0

    def data(self, table):
        """Every register from the first to the last; what nobody described is nought."""
        held = self.held[table]
        if not held:
            return [SimData(0, values=0, datatype=DataType.REGISTERS)]
        first, last = min(held), max(held)
        values = [held.get(address, 0) for address in range(first, last + 1)]
        return [SimData(first, values=values, datatype=DataType.REGISTERS)]

    async def refresh(self, function, start, address, count, registers, written):
        passed = int(time.time() * 1000) - self.began
        for table, place, words, base, steps in self.totals:
            if function == FUNCTION_OF[table]:
                total = base + passed * steps // 1000
                for word in range(words):
                    registers[place - start + word] = total >> 16 * (words - 1 - word) & 0xFFFF

    def device(self):
        bits = [SimData(0, values=False, datatype=DataType.BITS)]
        data = (bits, bits, self.data("h"), self.data("i"))
        return SimDevice(self.unit, simdata=data, action=self.refresh)


async def main(path, kind, port, baud="9600"):
    device = Meter(path).device()
    print("ready", flush=True)
    if kind == "rtu":
        await StartAsyncSerialServer(device, port=port, baudrate=int(baud))
    else:
        await StartAsyncTcpServer(device, address=("127.0.0.1", int(port)))


asyncio.run(main(*sys.argv[1:]))
