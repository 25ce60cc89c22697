"""Reads a meter over IEC 62056-21 with a client library that we did not write (PyPI: iec62056-21).

    flag_client.py HOST PORT ADDRESS readout
    flag_client.py HOST PORT ADDRESS programming PASSWORD READ...

A READ is `address(value)`, `R5:address(value)` and so on for other commands than R1. A PASSWORD is sent as Elster's
answer to the operand (P2), or bare (P1) if it is written `plain:PASSWORD`. One JSON line comes out. The library brings
frames, block checks, parity-free transport, partial blocks and the option select. What it lacks is the answer to the
operand; it is written here once more, from the published description, not from our code.
"""

import json
import re
import sys

from iec62056_21 import constants, exceptions, messages
from iec62056_21.client import Iec6205621Client
from iec62056_21.transports import TcpTransport


class Transport(TcpTransport):
    """A serial server has the speed that its line has: nothing to switch."""

    def switch_baudrate(self, baud):
        self.offered = baud


def elster_answer(password: str, operand: str) -> str:
    mixed = [p ^ s for p, s in zip(password.encode("ascii"), bytes.fromhex(operand))]
    out = [(mixed[0] + mixed[7]) % 256]
    for value in mixed[1:]:
        out.append((value + out[-1]) % 256)
    return bytes(out).hex().upper()


def log_on(client: Iec6205621Client, operand: str, password: str) -> str:
    if password.startswith("plain:"):
        kind, value = 1, password.removeprefix("plain:")
    else:
        kind, value = 2, elster_answer(password, operand)
    answer = messages.DataSet(value=value, address="")
    command = messages.CommandMessage(command="P", command_type=kind, data_set=answer)
    client.transport.send(command.to_bytes())
    return client._recv_ack()


def read(client: Iec6205621Client, wish: str) -> list:
    kind, address, value = re.fullmatch(r"(?:R(\d):)?([^()]*)\(([^()]*)\)", wish).groups()
    wanted = messages.DataSet(value=value, address=address)
    command = messages.CommandMessage(command="R", command_type=int(kind or 1), data_set=wanted)
    client.transport.send(command.to_bytes())
    answer = client.read_response()
    return [[one.address, one.value, one.unit] for one in answer.data]


def main() -> None:
    host, port, address, purpose, *rest = sys.argv[1:]
    client = Iec6205621Client(Transport((host, int(port)), timeout=4), device_address=address)
    client.connect()
    said: dict = {}
    if purpose == "readout":
        answer = client.standard_readout()
        said["sets"] = [[one.address, one.value, one.unit] for one in answer.data]
    else:
        password, *wishes = rest
        request = client.access_programming_mode()
        assert request.command == "P" and str(request.command_type) == "0", request
        said["operand"] = request.data_set.value
        said["log_on"] = "ack" if log_on(client, request.data_set.value, password) == constants.ACK else "no"
        said["reads"] = []
        for wish in wishes:
            try:
                said["reads"].append(read(client, wish))
            except exceptions.Iec6205621ParseError as error:
                said["reads"].append(str(error))
        client.send_break()
    said["identification"] = client.identification
    said["manufacturer"] = client.manufacturer_id
    client.disconnect()
    print(json.dumps(said))


main()
