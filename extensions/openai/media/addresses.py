"""Which addresses a request may make this server connect to: public ones only."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

# RFC 4291 gives 2000::/3 to global unicast; nothing outside it is a public host.
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")
"""RFC 6052: an IPv4 address in the last 32 bits."""

# Special purposes (IANA's registries) that the `ipaddress` of older Pythons takes for public.
_SPECIAL_4 = (IPv4Network("192.0.0.0/24"), IPv4Network("192.88.99.0/24"))
_SPECIAL_6 = (IPv6Network("2001::/23"), IPv6Network("3fff::/20"))


def is_public(address: str) -> bool:
    """False also for what is no address. IPv6 addresses that lead to an IPv4 host are judged by that."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address):
        inner = _inner(parsed)
        return _is_public_6(parsed) if inner is None else _is_public_4(inner)
    return _is_public_4(parsed)


def _inner(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 host behind a mapped, 6to4 or NAT64 address."""
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


def _is_public_4(address: IPv4Address) -> bool:
    is_special = address.is_multicast or address.is_reserved
    return address.is_global and not is_special and not any(address in net for net in _SPECIAL_4)


def _is_public_6(address: IPv6Address) -> bool:
    if address not in _GLOBAL_UNICAST or not address.is_global:
        return False
    return not any(address in net for net in _SPECIAL_6)
