"""A small virtual machine that runs tallyd on a disk that is given to it: qemu, a kernel, one busybox and the programs in memory.

What is on the disk, and when the power goes, is power_cut's business.
"""

import os
import queue
import re
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
QEMU = "qemu-system-x86_64"
MODULES = ("virtio_ring", "virtio", "virtio_pci_modern_dev", "virtio_pci_legacy_dev", "virtio_pci", "virtio_blk", "failover", "net_failover",
           "virtio_net")


class machine_error(Exception):
    pass


def what_is_missing(kernel: Path) -> list[str]:
    """The names of what `scripts/bootstrap --power` would bring; empty: all there."""
    places = os.environ["PATH"] + ":/sbin:/usr/sbin"
    tools = [name for name in (QEMU, "mkfs.ext4", "debugfs", "busybox") if shutil.which(name, path=places) is None]
    return tools + ([] if (kernel / "vmlinuz").is_file() else ["a kernel"])


def make_memory_disk(programs: Path, kernel: Path, folder: Path) -> Path:
    """The guest's root: busybox, tallyd and tally with their libraries, the modules of its devices, and `init`."""
    root = folder / "root"
    for name in ("bin", "dev", "proc", "sys", "tmp", "data", "modules"):
        (root / name).mkdir(parents=True)
    shutil.copy(shutil.which("busybox"), root / "bin" / "busybox")
    for applet in ("sh", "mount", "umount", "insmod", "ip", "cat", "poweroff"):
        (root / "bin" / applet).symlink_to("busybox")
    shutil.copy(HERE / "init", root / "init")
    (root / "init").chmod(0o755)
    for name in MODULES:
        found = list(kernel.rglob(f"{name}.ko"))
        if not found:
            raise machine_error(f"the kernel has no module {name}")
        shutil.copy(found[0], root / "modules")
    (root / "modules" / "order").write_text("\n".join(MODULES) + "\n")
    for name in ("tallyd", "tally"):
        subprocess.run(["strip", "-o", root / "bin" / name, programs / name], check=True)
        for library in libraries_of(programs / name):
            there = root / library.relative_to("/")
            there.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(library, there)
    image = folder / "memory_disk"
    names = "\n".join(str(path.relative_to(root)) for path in [root, *sorted(root.rglob("*"))])
    with image.open("wb") as out:
        subprocess.run(["busybox", "cpio", "-o", "-H", "newc"], cwd=root, input=names.encode(), stdout=out, stderr=subprocess.DEVNULL,
                       check=True)
    shutil.rmtree(root)
    return image


def libraries_of(program: Path) -> list[Path]:
    told = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    return [Path(found) for found in re.findall(r"(?:=> )?(/\S+) \(0x", told)]


class machine:
    """Lifecycle: boots when it is made, until `kill` or `stop`. `console` holds all it said."""

    def __init__(self, kernel: Path, memory_disk: Path, disk_socket: Path, port: int, flags: list[str]):
        self.console: list[str] = []
        self._lines: queue.Queue[str | None] = queue.Queue()
        # Emulated, not virtualized: the same wherever it runs, and whatever /dev/kvm is worth there.
        words = [QEMU, "-accel", os.environ.get("TALLY_POWER_ACCEL", "tcg,thread=multi"), "-cpu", "max", "-smp", "2", "-m", "640",
                 "-display", "none", "-monitor", "none", "-serial", "stdio", "-no-reboot", "-nodefaults",
                 "-kernel", kernel / "vmlinuz", "-initrd", memory_disk,
                 "-append", "console=ttyS0 quiet panic=-1 no_timer_check mitigations=off random.trust_cpu=on -- " + " ".join(flags),
                 # the guest sees a disk with a write cache, flushes it, and qemu passes that on
                 "-drive", f"file=nbd:unix:{disk_socket},format=raw,if=virtio,cache=none",
                 "-netdev", f"user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:{port}-10.0.2.15:7411",
                 "-device", "virtio-net-pci,netdev=net,romfile="]
        self._process = subprocess.Popen([str(word) for word in words], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         stderr=subprocess.STDOUT, preexec_fn=lambda: os.nice(5))
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self._process.stdout:
            text = line.decode(errors="replace").strip()
            self.console.append(text)
            self._lines.put(text)
        self._lines.put(None)

    def wait_for(self, *words: str, timeout_s: float, unless=lambda: False) -> str | None:
        """The first line with one of these words; None: `unless` became true. Raises when it does not come."""
        until = time.monotonic() + timeout_s
        while not unless():
            try:
                line = self._lines.get(timeout=0.1)
            except queue.Empty:
                if time.monotonic() > until:
                    raise machine_error(f"the guest did not say {' or '.join(words)} within {timeout_s:.0f} s") from None
                continue
            if line is None:
                if unless():
                    return None
                raise machine_error(f"the guest ended before it said {' or '.join(words)}")
            if any(word in line for word in words):
                return line
        return None

    def kill(self):
        """The power is gone, and with it everything in memory."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def stop(self, timeout_s: float):
        """tallyd stops, the disk is unmounted, the machine switched off."""
        self._process.stdin.write(b"stop\n")
        self._process.stdin.flush()
        self.wait_for("power: tallyd ended with 0", timeout_s=timeout_s)
        self.wait_for("power: unmounted", timeout_s=timeout_s)
        self._process.wait(timeout_s)

    def close(self):
        if self._process.poll() is None:
            self.kill()
