#!/usr/bin/env python3
"""A master that we did not write: reads registers with pymodbus and prints them.

pymodbus_master.py rtu PORT BAUD UNIT h|i ADDRESS COUNT TIMES
pymodbus_master.py tcp PORT 0 UNIT h|i ADDRESS COUNT TIMES
"""
import sys
from pymodbus.client import ModbusSerialClient, ModbusTcpClient

kind, port, baud, unit, table, address, count, times = sys.argv[1:]
if kind == "rtu":
    client = ModbusSerialClient(port, baudrate=int(baud), timeout=2, retries=0)
else:
    client = ModbusTcpClient("127.0.0.1", port=int(port), timeout=2, retries=0)
assert client.connect(), "no connection"
read = client.read_holding_registers if table == "h" else client.read_input_registers
for _ in range(int(times)):
    answer = read(int(address), count=int(count), device_id=int(unit))
    print("refused" if answer.isError() else " ".join(str(word) for word in answer.registers), flush=True)
client.close()
