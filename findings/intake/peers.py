"""Who may send as which sender: by the address of a connection, or by the name in its certificate.

    10.20.30.40=RIS|RRV03, CRIS|RRV04; ris.trust.example=RIS|RRV03; 10.9.0.0/16=*

Whoever is not listed may send nothing. This machine itself may send as anybody unless it is listed,
which is how a demonstration and a test tool on the machine work.
"""

import ipaddress
from dataclasses import dataclass

from findings.services.senders import sender_code

ANYBODY = "*"
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_HOW = "write it as ADDRESS=APPLICATION|FACILITY; NAME=APPLICATION|FACILITY, …"


@dataclass(frozen=True)
class Peer:
    """The other end of a connection. Names are those of a certificate that we have verified."""

    address: str
    names: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.address} ({self.names[0]})" if self.names else self.address


@dataclass(frozen=True)
class AllowList:
    """The senders as which each peer may send, folded."""

    networks: tuple[tuple[_Network, frozenset[str]], ...] = ()
    names: tuple[tuple[str, frozenset[str]], ...] = ()

    def senders_of(self, peer: Peer) -> frozenset[str]:
        """Empty: it may send nothing."""
        address = ipaddress.ip_address(peer.address.partition("%")[0])
        address = getattr(address, "ipv4_mapped", None) or address
        own = {name.casefold() for name in peer.names}
        found = [codes for network, codes in self.networks if address in network]
        found += [codes for name, codes in self.names if name in own]
        if not found and address.is_loopback:
            return frozenset({ANYBODY})
        return frozenset().union(*found)


def may_send(senders: frozenset[str], application: str, facility: str) -> bool:
    """Whether a peer with these senders may send as this one."""
    return ANYBODY in senders or sender_code(application, facility).casefold() in senders


def read_allow_list(text: str) -> AllowList:
    """From a setting. Raises `ValueError` with a sentence about what is wrong in it."""
    networks, names = [], []
    for entry in filter(None, map(str.strip, text.split(";"))):
        who, equals, listed = entry.partition("=")
        codes = frozenset(code.strip().casefold() for code in listed.split(",") if code.strip())
        if not who.strip() or not equals or not all(map(_is_code, codes)) or not codes:
            raise ValueError(f"{entry} is no entry: {_HOW}.")
        try:
            networks.append((ipaddress.ip_network(who.strip()), codes))
        except ValueError:
            if "/" in who or who.strip().replace(".", "").isdigit():
                raise ValueError(f"{who.strip()} is no address and no network: {_HOW}.") from None
            names.append((who.strip().casefold(), codes))
    return AllowList(tuple(networks), tuple(names))


def _is_code(code: str) -> bool:
    return code == ANYBODY or "|" in code
