"""A meter at the end of a line, as Gurux's client sees it: what both scripts with that client share."""

import datetime
import os
import select
import socket
import tty

from gurux_dlms import GXByteBuffer, GXReplyData
from gurux_dlms.enums import Authentication, InterfaceType
from gurux_dlms.objects.enums import SecuritySuite
from gurux_dlms.secure import GXDLMSSecureClient


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


def connect(port):
    """A port of this machine, or the path of a terminal."""
    if port.startswith("/"):
        return Terminal(port)
    line = socket.create_connection(("127.0.0.1", int(port)), 5)
    line.settimeout(5)
    return line


class Meter:
    """The client, and its line to the meter."""

    def __init__(self, port, road, client, authentication, password=None, frame=256):
        is_wrapper = road == "wrapper"
        kind = InterfaceType.WRAPPER if is_wrapper else InterfaceType.HDLC
        server = 1 if is_wrapper else GXDLMSSecureClient.getServerAddress(1, 17, 2)
        self.client = GXDLMSSecureClient(True, client, server, authentication, password, kind)
        if not is_wrapper:
            self.client.hdlcSettings.maxInfoTX = frame
            self.client.hdlcSettings.maxInfoRX = frame
        self.line = connect(port)

    def take_keys(self, suite):
        """The keys of a suite, as the meters of these scripts have them."""
        cipher, is_two = self.client.ciphering, suite == SecuritySuite.SUITE_2
        cipher.securitySuite = suite
        cipher.systemTitle = b"PMU00002"
        cipher.blockCipherKey = b"\x42" * 32 if is_two else bytes(range(16))
        cipher.authenticationKey = b"\x24" * 32 if is_two else bytes(range(0xD0, 0xE0))
        # Above whatever an earlier run has used.
        cipher.invocationCounter = int((datetime.datetime.now().timestamp() - 1.79e9) * 200)

    def open(self):
        """Link, association, and the proof where there is one."""
        client = self.client
        if client.interfaceType == InterfaceType.HDLC:
            client.parseUAResponse(self.ask(client.snrmRequest()).data)
        client.parseAareResponse(self.ask(client.aarqRequest()).data)
        if client.authentication > Authentication.LOW:
            proof = self.ask(client.getApplicationAssociationRequest())
            client.parseApplicationAssociationResponse(proof.data)

    def close(self):
        is_hdlc = self.client.interfaceType == InterfaceType.HDLC
        if not is_hdlc or self.client.authentication != Authentication.NONE:
            self.exchange(self.client.releaseRequest()[0], GXReplyData())
        if is_hdlc:
            self.exchange(self.client.disconnectRequest(), GXReplyData())

    def exchange(self, request, reply):
        if not request:
            return
        self.line.sendall(request)
        heard, other = GXByteBuffer(), GXReplyData()
        while True:
            octets = self.line.recv(4096)
            if not octets:
                raise EOFError("connection closed")
            heard.set(octets)
            if self.client.getData(heard, reply, other):
                return

    def ask(self, requests):
        reply = GXReplyData()
        for request in requests if isinstance(requests, list) else [requests]:
            reply.clear()
            self.exchange(request, reply)
            while reply.isMoreData():
                self.exchange(self.client.receiverReady(reply), reply)
            if reply.error:
                raise ValueError(f"error {reply.error}")
        return reply

    def read(self, item, number):
        return self.client.updateValue(item, number, self.ask(self.client.read(item, number)).value)
