"""Where a connection may never lead: the addresses at which a machine asks for its own credentials.

A cloud's metadata service answers whoever can send a request from inside. Its addresses are link-local, or among the
few below, and no ticket system stands there: so they are refused whatever the configuration says, by name when the
settings are read, and by number once a name has been resolved.

Source: the metadata documentation of AWS, Google Cloud, Azure, Alibaba Cloud and Oracle Cloud, read 2026-11.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

METADATA = frozenset(
    map(ip_address, ("100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254"))
)
METADATA_NAMES = frozenset(
    {"metadata", "metadata.google.internal", "instance-data", "instance-data.ec2.internal"}
)


def is_forbidden(host: str) -> bool:
    """Whether nothing may ever be sent to this name or number."""
    name = _bare(host)
    number = _number(name)
    if number is None:
        return name in METADATA_NAMES
    return number.is_link_local or number.is_multicast or number.is_unspecified or number in METADATA


def is_loopback(host: str) -> bool:
    """Whether the name or number stands for this very machine."""
    name = _bare(host)
    number = _number(name)
    if number is None:
        return name == "localhost" or name.endswith(".localhost")
    return number.is_loopback


def _bare(host: str) -> str:
    return host.strip("[]").rstrip(".").lower()


def _number(name: str) -> IPv4Address | IPv6Address | None:
    """The address, an IPv4 one also where it is written inside an IPv6 one."""
    try:
        number = ip_address(name.partition("%")[0])
    except ValueError:
        return None
    return number.ipv4_mapped or number if isinstance(number, IPv6Address) else number
