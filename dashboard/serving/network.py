"""This machine's addresses, and a server that listens to the network though Streamlit bound it to this machine."""

from __future__ import annotations

import socket
import struct
import sys
from collections.abc import Iterator
from contextlib import suppress
from ssl import SSLContext

import uvicorn

WILDCARDS = ("0.0.0.0", "::")
SIOCGIFADDR = 0x8915  # of Linux: the IPv4 address of a network interface, netdevice(7)


def addresses() -> list[str]:
    """This machine's IPv4 addresses in its networks, the one on the way out of them first; [] where it is in none."""
    return list(dict.fromkeys(each for each in _found() if not each.startswith(("127.", "169.254."))))


def _found() -> Iterator[str]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        with suppress(OSError):  # no way out
            probe.connect(("192.0.2.1", 9))  # of RFC 5737, for documentation; connecting a datagram socket only routes
            yield probe.getsockname()[0]
        with suppress(OSError):  # this machine's own name is unknown
            yield from socket.gethostbyname_ex(socket.gethostname())[2]
        if sys.platform == "linux":  # where the name above is often 127.0.1.1
            import fcntl

            for _, name in socket.if_nameindex():
                with suppress(OSError):  # an interface without an address
                    asked = struct.pack("256s", name.encode())
                    yield socket.inet_ntoa(fcntl.ioctl(probe, SIOCGIFADDR, asked)[20:24])


def listen_to(address: str, server: uvicorn.Server, context: SSLContext | None) -> None:
    """Let a server that is bound but does not listen yet accept connections at another address of the same port.

    Streamlit binds its socket before it imports the program, whose flags say only then what is wanted.

    Args:
        address: an IP address, "0.0.0.0" for all of this machine's.
        server: a uvicorn server that loads this program at the moment.
        context: the certificate that it serves https with; None leaves http, or Streamlit's own certificate.
    """
    begin = server.startup

    async def startup(sockets: list[socket.socket]) -> None:
        port = sockets[0].getsockname()[1]
        if sockets[0].getsockname()[0] != address:
            for each in sockets:
                each.close()
            sockets[:] = [_bound(address, port, server.config.backlog)]  # the list that the server closes at its end
        server.config.ssl = context or server.config.ssl
        await begin(sockets=sockets)

    server.startup = startup


def _bound(address: str, port: int, backlog: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        return socket.create_server((address, port), family=family, backlog=backlog)
    except OSError as error:
        sys.exit(f"Digit Lab cannot listen to {address}, port {port}: {error.strerror}. Try --server.port {port + 1}.")
