"""A disk with a volatile write cache, as an NBD server: what was written and not flushed can be lost when the power goes.

Until a flush (or a write with FUA) a write is seen by reads but is not on the platter. `cut` ends it all in one instant: nothing is
answered from then on, and of the writes that no flush covered each is kept, lost or torn, in any combination, as of a real disk that writes its
cache back in an order of its own. What is torn is torn between blocks of 4096 bytes, the physical sectors of today's disks, each of which is
old or new. With smaller ones ext4 itself refuses to mount now and then ("journal transaction is corrupt"): its commit block is one such block.

Who is attached to it and when the power goes is power_cut's business.
"""

import os
import random
import socket
import struct
import threading
from pathlib import Path

SECTOR = 512  # what a request is counted in
BLOCK = 4096  # what is old or new, never both
REQUEST = struct.Struct(">IHHQQI")
REQUEST_MAGIC, REPLY_MAGIC, OPTION_REPLY_MAGIC = 0x25609513, 0x67446698, 0x0003E889045565A9
READ, WRITE, DISCONNECT, FLUSH = 0, 1, 2, 3
FUA = 1
HAS_FLAGS, SENDS_FLUSH, SENDS_FUA = 1, 4, 8
EXPORT_NAME, ABORT, INFO, GO = 1, 2, 6, 7
ACKNOWLEDGED, INFORMED, UNSUPPORTED = 1, 3, 0x80000001
INVALID = 22


class volatile_disk:
    """Lifecycle: made on a file, `attach`ed to a socket path, `cut`, attached again. Thread: serves on one of its own."""

    def __init__(self, platter: Path, lies: bool = False):
        """`lies`: says that a flush is done, and does nothing until the file system is unmounted. Such a disk must be found out."""
        self._size = platter.stat().st_size
        self._platter = os.open(platter, os.O_RDWR)
        self._seen_path = platter.with_suffix(".seen")
        self._seen = os.open(self._seen_path, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        os.ftruncate(self._seen, self._size)
        self._copy_all(self._platter, self._seen)
        self._lies = lies
        self._lock = threading.Lock()
        self._unflushed: list[tuple[int, bytes]] = []
        self._arm: tuple[int, int] | None = None
        self._is_cut = threading.Event()
        self._listener: socket.socket | None = None
        self.flushes = self.writes = 0
        self.kept = self.torn = self.lost = 0  # writes at the last cut

    def close(self):
        if self._listener is not None:
            self._listener.close()
        os.close(self._platter)
        os.close(self._seen)
        self._seen_path.unlink(missing_ok=True)

    # -- power ---------------------------------------------------------------------------------------------------------

    def attach(self, path: Path):
        """Power is on: one client may come to this socket."""
        self._is_cut.clear()
        self._arm = None
        self.flushes = self.writes = 0
        path.unlink(missing_ok=True)
        if self._listener is not None:
            self._listener.close()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(1)
        threading.Thread(target=self._serve, args=(self._listener,), daemon=True).start()

    def cut_at(self, command: int, after: int):
        """The power goes when the so-manieth command of this kind comes, counted from now: it is not done any more."""
        with self._lock:
            self._arm = (command, after)

    def wait_cut(self, timeout_s: float) -> bool:
        return self._is_cut.wait(timeout_s)

    def cut(self):
        """Now. Does nothing where the power is off already."""
        with self._lock:
            self._is_cut.set()

    def settle(self, chance: random.Random):
        """After a cut: what of the cache made it to the platter is decided."""
        with self._lock:
            keep = chance.choice((0.0, 0.3, 0.7, 0.95))
            self.kept = self.torn = self.lost = 0
            for offset, data in self._unflushed:
                dice = chance.random()
                if dice < keep:
                    self.kept += 1
                    os.pwrite(self._platter, data, offset)
                elif len(data) > BLOCK and dice < keep + (1 - keep) / 2:
                    self.torn += 1
                    at = 0
                    while at < len(data):
                        end = min(len(data), at + BLOCK - (offset + at) % BLOCK)
                        if chance.random() < 0.5:
                            os.pwrite(self._platter, data[at:end], offset + at)
                        at = end
                else:
                    self.lost += 1
            for offset, data in self._unflushed:
                os.pwrite(self._seen, os.pread(self._platter, len(data), offset), offset)
            self._unflushed.clear()

    def flush(self):
        """What a disk does that is shut down in peace."""
        with self._lock:
            self._flush()

    # -- the cache -----------------------------------------------------------------------------------------------------

    def _flush(self):
        for offset, data in self._unflushed:
            os.pwrite(self._platter, data, offset)
        self._unflushed.clear()

    def _copy_all(self, source: int, target: int):
        """Holes stay holes."""
        at = 0
        while True:
            try:
                at = os.lseek(source, at, os.SEEK_DATA)
            except OSError:  # nothing but a hole from here on
                return
            end = os.lseek(source, at, os.SEEK_HOLE)
            while at < end:
                piece = os.pread(source, min(1 << 20, end - at), at)
                os.pwrite(target, piece, at)
                at += len(piece)

    # -- the protocol --------------------------------------------------------------------------------------------------

    def _serve(self, listener: socket.socket):
        try:
            client, _ = listener.accept()
        except OSError:
            return
        with client:
            try:
                if self._agree(client):
                    while self._one_request(client):
                        pass
                # Cut off, the machine hears nothing more; it must not take this for a broken disk before it is dead itself.
                while self._is_cut.is_set() and client.recv(1 << 16):
                    pass
            except (OSError, EOFError):
                pass  # the machine is gone

    def _agree(self, client: socket.socket) -> bool:
        client.sendall(b"NBDMAGIC" + b"IHAVEOPT" + struct.pack(">H", 3))
        read_exactly(client, 4)
        flags = HAS_FLAGS | SENDS_FLUSH | SENDS_FUA
        while True:
            magic, option, length = struct.unpack(">8sII", read_exactly(client, 16))
            if magic != b"IHAVEOPT":
                return False
            read_exactly(client, length)

            def reply(kind: int, data: bytes = b""):
                client.sendall(struct.pack(">QIII", OPTION_REPLY_MAGIC, option, kind, len(data)) + data)

            if option == EXPORT_NAME:
                client.sendall(struct.pack(">QH", self._size, flags))
                return True
            if option in (INFO, GO):
                reply(INFORMED, struct.pack(">HQH", 0, self._size, flags))
                reply(INFORMED, struct.pack(">HIII", 3, SECTOR, 4096, 1 << 25))
                reply(ACKNOWLEDGED)
                if option == GO:
                    return True
            elif option == ABORT:
                reply(ACKNOWLEDGED)
                return False
            else:
                reply(UNSUPPORTED)

    def _one_request(self, client: socket.socket) -> bool:
        magic, flags, command, handle, offset, length = REQUEST.unpack(read_exactly(client, REQUEST.size))
        if magic != REQUEST_MAGIC or command == DISCONNECT:
            return False
        data = read_exactly(client, length) if command == WRITE else b""
        with self._lock:
            if self._arm is not None and command == self._arm[0]:
                self._arm = (command, self._arm[1] - 1)
                if self._arm[1] <= 0:
                    self._is_cut.set()
            if self._is_cut.is_set():
                if command == WRITE:  # it was on its way: may be lost, kept or torn as well
                    self._unflushed.append((offset, data))
                return False
            error, answer = self._do(command, flags, offset, length, data)
        client.sendall(struct.pack(">IIQ", REPLY_MAGIC, error, handle) + answer)
        return True

    def _do(self, command: int, flags: int, offset: int, length: int, data: bytes) -> tuple[int, bytes]:
        if offset + length > self._size or offset % SECTOR or length % SECTOR:
            return INVALID, b""
        if command == READ:
            return 0, os.pread(self._seen, length, offset)
        if command == WRITE:
            self.writes += 1
            os.pwrite(self._seen, data, offset)
            self._unflushed.append((offset, data))
        elif command != FLUSH:
            return INVALID, b""
        if command == FLUSH or flags & FUA:
            self.flushes += 1
            if not self._lies:
                self._flush()
        return 0, b""


def read_exactly(client: socket.socket, length: int) -> bytes:
    parts = []
    while length > 0:
        part = client.recv(min(length, 1 << 20))
        if not part:
            raise EOFError
        parts.append(part)
        length -= len(part)
    return b"".join(parts)
