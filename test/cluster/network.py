"""A network of machines on one machine, whose links can be cut and slowed down.

    unshare --user --map-root-user --net python network.py run ADDRESS... -- COMMAND

runs a command that sees a network namespace for each address, with this address and 127.0.0.1, joined by a bridge; all
other addresses of this machine stay with the command. In NETWORK_MACHINES it has the process ids whose namespaces these
are, in the order of the addresses; `nsenter --net --target PID COMMAND` starts a program there, and

    nsenter --net --target PID python network.py (drop ADDRESS... | slow KBIT | heal)

lets what is sent from there to an address vanish, limits what it sends, or ends both. `network.py disk FOLDER MEGABYTES`
makes a folder a small disk that only the command sees, if it has a mount namespace (`unshare --mount`); `network.py
no-disk FOLDER` ends that.

Addresses are in 127.0.0.0/24, so programs that listen on loopback need not know about it. Namespaces, since a proxy would
have to be the address that nodes advertise to each other and could not tell their connections apart; the neighbour table,
since a route that drops packets reports an error to the sender, and a network that is split does not.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from pathlib import Path

from pyroute2 import IPRoute
from pyroute2.netlink.rtnl import TC_H_ROOT

SUBNET = "127.0.0.0/24"
# The address of the command's own end of the bridge.
HUB = "127.0.0.10"
# A link-layer address that no interface has.
NOBODY = "02:00:00:00:00:00"


def run(addresses: list[str], command: list[str]) -> int:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the command ends by itself
    with IPRoute() as network:
        network.link("add", ifname="hub", kind="bridge")
        join(network, "hub", HUB)
        machines = [add_machine(network, number, address) for number, address in enumerate(addresses, 1)]
    try:
        pids = " ".join(str(machine.pid) for machine in machines)
        return subprocess.run(command, env={**os.environ, "NETWORK_MACHINES": pids}).returncode
    finally:
        for machine in machines:
            machine.kill()
            machine.wait()


def add_machine(network: IPRoute, number: int, address: str) -> subprocess.Popen:
    """Starts a process in a namespace of its own, which lasts as long as the process."""
    held = subprocess.Popen(["unshare", "--net", "sh", "-c", "echo; exec sleep infinity"], stdout=subprocess.PIPE)
    assert held.stdout is not None
    held.stdout.readline()
    network.link("add", ifname=f"port{number}", kind="veth", peer={"ifname": "eth0", "net_ns_pid": held.pid})
    port = index_of(network, f"port{number}")
    network.link("set", index=port, master=index_of(network, "hub"), state="up")
    subprocess.run([*inside(held.pid), "join", address], check=True)
    return held


def join(network: IPRoute, interface: str, address: str) -> None:
    """Takes all loopback addresses but 127.0.0.1 from `lo`, and gives one to an interface that leads to the others."""
    ipv4 = Path("/proc/sys/net/ipv4")
    for path in ("all", interface):
        (ipv4 / "conf" / path / "route_localnet").write_text("1")
    # The stack tries whether the ports of the machines are free.
    (ipv4 / "ip_nonlocal_bind").write_text("1")
    lo, link = index_of(network, "lo"), index_of(network, interface)
    network.link("set", index=lo, state="up")
    network.addr("del", index=lo, address="127.0.0.1", prefixlen=8)
    network.addr("add", index=lo, address="127.0.0.1", prefixlen=32)
    network.addr("add", index=link, address=address, prefixlen=32)
    network.link("set", index=link, state="up")
    network.route("add", dst=SUBNET, oif=link, prefsrc=address, scope="link")


def drop(addresses: list[str]) -> None:
    with IPRoute() as network:
        link = index_of(network, "eth0")
        for address in addresses:
            network.neigh("replace", dst=address, lladdr=NOBODY, ifindex=link, state="permanent")


def slow(kbit: int) -> None:
    with IPRoute() as network:
        # A queue of 400 ms, and what an Ethernet segment may be with offloading at once.
        bytes_per_second = kbit * 1000 // 8
        network.tc("replace", "tbf", index_of(network, "eth0"), rate=bytes_per_second, burst=65_536, latency=400_000)


def heal() -> None:
    with IPRoute() as network:
        link = index_of(network, "eth0")
        for neighbour in network.neigh("dump", ifindex=link):
            if neighbour.get("lladdr") == NOBODY:
                network.neigh("del", dst=neighbour.get("dst"), ifindex=link)
        if any(queue.get("kind") == "tbf" for queue in network.get_qdiscs(index=link)):
            network.tc("del", index=link, parent=TC_H_ROOT)


def mount_disk(folder: str, megabytes: int) -> None:
    """By the system's own call: mount(8) refuses everybody but root, also in a namespace of one's own."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"tmpfs", folder.encode(), b"tmpfs", 0, f"size={megabytes}m,mode=0700".encode()) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), folder)


def unmount_disk(folder: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.umount(folder.encode()) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), folder)


def index_of(network: IPRoute, interface: str) -> int:
    return network.link_lookup(ifname=interface)[0]


def inside(pid: int) -> list[str]:
    return ["nsenter", "--net", "--target", str(pid), sys.executable, __file__]


def main(verb: str, *args: str) -> int:
    match verb:
        case "run":
            split = args.index("--")
            return run(list(args[:split]), list(args[split + 1 :]))
        case "join":
            with IPRoute() as network:
                join(network, "eth0", args[0])
        case "drop":
            drop(list(args))
        case "slow":
            slow(int(args[0]))
        case "heal":
            heal()
        case "disk":
            mount_disk(args[0], int(args[1]))
        case "no-disk":
            unmount_disk(args[0])
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
