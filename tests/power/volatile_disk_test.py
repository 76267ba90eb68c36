"""The disk of the power cut: what it has said to be flushed stays, what it has not may go, and a lie about it shows."""

import os
import random
import socket
import struct
import tempfile
import unittest
from pathlib import Path

from volatile_disk import BLOCK, FLUSH, FUA, READ, REPLY_MAGIC, REQUEST, REQUEST_MAGIC, SECTOR, WRITE, read_exactly, volatile_disk

SECTORS = 256


class nbd_client:
    """As qemu would speak to it, one request at a time."""

    def __init__(self, path: Path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(10)
        self.socket.connect(str(path))
        assert read_exactly(self.socket, 18)[:16] == b"NBDMAGICIHAVEOPT"
        self.socket.sendall(struct.pack(">I", 3) + struct.pack(">8sII", b"IHAVEOPT", 8, 0))  # structured replies: refused
        assert struct.unpack(">QIII", read_exactly(self.socket, 20))[2] == 0x80000001
        self.socket.sendall(struct.pack(">8sIIIH", b"IHAVEOPT", 7, 6, 0, 0))
        while True:
            _, _, kind, length = struct.unpack(">QIII", read_exactly(self.socket, 20))
            data = read_exactly(self.socket, length)
            if kind == 3 and data[:2] == b"\0\0":
                self.size = struct.unpack(">HQH", data)[1]
            if kind == 1:
                return

    def send(self, command: int, offset: int = 0, length: int = 0, data: bytes = b"", flags: int = 0):
        self.socket.sendall(REQUEST.pack(REQUEST_MAGIC, flags, command, 7, offset, len(data) or length) + data)

    def ask(self, command: int, offset: int = 0, length: int = 0, data: bytes = b"", flags: int = 0) -> bytes:
        self.send(command, offset, length, data, flags)
        magic, error, handle = struct.unpack(">IIQ", read_exactly(self.socket, 16))
        assert (magic, handle) == (REPLY_MAGIC, 7)
        if error:
            raise OSError(error, "the disk refuses")
        return read_exactly(self.socket, length) if command == READ else b""

    def write(self, sector: int, text: bytes, sectors: int = 1, flags: int = 0):
        self.ask(WRITE, sector * SECTOR, data=text * SECTOR * sectors, flags=flags)

    def read(self, sector: int, sectors: int = 1) -> bytes:
        return self.ask(READ, sector * SECTOR, sectors * SECTOR)


class volatile_disk_test(unittest.TestCase):
    def setUp(self):
        self._folder = tempfile.TemporaryDirectory(prefix="tally-disk-")
        self.addCleanup(self._folder.cleanup)
        self.folder = Path(self._folder.name)
        (self.folder / "disk.img").write_bytes(b"o" * SECTOR * SECTORS)

    def disk(self, lies: bool = False) -> volatile_disk:
        made = volatile_disk(self.folder / "disk.img", lies)
        self.addCleanup(made.close)
        return made

    def attach(self, disk: volatile_disk) -> nbd_client:
        disk.attach(self.folder / "socket")
        client = nbd_client(self.folder / "socket")
        self.addCleanup(client.socket.close)
        return client

    def test_what_was_flushed_stays_and_each_of_the_rest_is_kept_lost_or_torn(self):
        kept = lost = torn = 0
        disk = self.disk()
        for seed in range(40):
            client = self.attach(disk)
            self.assertEqual(client.size, SECTOR * SECTORS)
            client.write(0, b"o", SECTORS)
            client.ask(FLUSH)
            client.write(0, b"a", 8)
            client.write(250, b"d", flags=FUA)  # this sector, whatever happens
            client.write(8, b"b", 8)
            client.ask(FLUSH)
            client.write(20, b"c", 99)  # begins and ends in the middle of a block
            self.assertEqual(client.read(20, 99), b"c" * SECTOR * 99, "seen at once")
            disk.cut()
            client.send(FLUSH)
            disk.settle(random.Random(seed))
            client.socket.close()
            platter = (self.folder / "disk.img").read_bytes()
            self.assertEqual(platter[:16 * SECTOR], b"a" * SECTOR * 8 + b"b" * SECTOR * 8)
            self.assertEqual(platter[250 * SECTOR:251 * SECTOR], b"d" * SECTOR)
            for block in range(20 * SECTOR // BLOCK, 119 * SECTOR // BLOCK + 1):
                there = set(platter[max(block * BLOCK, 20 * SECTOR):min((block + 1) * BLOCK, 119 * SECTOR)])
                self.assertIn(there, ({ord("c")}, {ord("o")}), "a block is old or new")
            kept, lost, torn = kept + disk.kept, lost + disk.lost, torn + disk.torn
            again = self.attach(disk)
            self.assertEqual(again.read(0, SECTORS), platter, "what is seen after the cut is what is there")
            again.socket.close()
        self.assertGreater(kept, 0)
        self.assertGreater(lost, 0)
        self.assertGreater(torn, 0)

    def test_the_power_goes_at_a_command_that_is_not_done(self):
        disk = self.disk()
        client = self.attach(disk)
        client.write(1, b"x")
        disk.cut_at(FLUSH, 2)
        client.ask(FLUSH)
        client.write(2, b"y")
        self.assertFalse(disk.wait_cut(0))
        client.send(FLUSH)
        self.assertTrue(disk.wait_cut(10))
        client.socket.settimeout(0.2)
        with self.assertRaises(TimeoutError):  # silence, not an error
            client.socket.recv(1)

    def test_a_disk_that_lies_loses_what_it_said_was_flushed(self):
        disk = self.disk(lies=True)
        client = self.attach(disk)
        for sector in range(SECTORS):
            client.write(sector, b"n")
        client.ask(FLUSH)
        disk.cut()
        disk.settle(random.Random(1))
        self.assertIn(b"o" * SECTOR, (self.folder / "disk.img").read_bytes())

    def test_a_clean_end_loses_nothing(self):
        disk = self.disk(lies=True)
        client = self.attach(disk)
        client.write(0, b"n", SECTORS)
        disk.flush()
        self.assertEqual((self.folder / "disk.img").read_bytes(), b"n" * SECTOR * SECTORS)

    def test_what_is_not_there_is_refused(self):
        client = self.attach(self.disk())
        for command, offset, length in ((READ, SECTORS * SECTOR, SECTOR), (READ, 100, SECTOR), (4, 0, SECTOR)):
            with self.assertRaises(OSError):
                client.ask(command, offset, length)
        self.assertEqual(client.read(0), b"o" * SECTOR, "and the connection goes on")


if __name__ == "__main__":
    unittest.main()
