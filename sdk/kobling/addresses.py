"""Which URLs and which addresses may be called when a person typed the host.

Two looks, because a name may change its meaning between them: `check_url` reads the text when it is stored, and
`UrlPolicy.refuses` is asked by the drivers for every address of the name, at the moment it is dialled.

The table of addresses is our own: `ipaddress.is_global` of some supported Python versions calls multicast, and
loopback inside a NAT64 or 6to4 address, global. Sources: the IANA special-purpose address registries for IPv4 and
IPv6, RFC 6052 (NAT64), RFC 3056 (6to4), RFC 4380 (Teredo), RFC 4291 (mapped and compatible).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
)
from typing import Final, Literal, TypeAlias
from urllib.parse import quote

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

AddressReason = Literal[
    "this_network",
    "private",
    "shared",
    "loopback",
    "link_local",
    "site_local",
    "unspecified",
    "reserved",
    "documentation",
    "benchmark",
    "multicast",
    "tunnel",
    "discard",
]
"""Why an address is not a public one."""

UrlProblem = Literal[
    "too_long",
    "control_characters",
    "not_https",
    "file_or_other_scheme",
    "user_info",
    "query",
    "fragment",
    "no_host",
    "bad_host",
    "port",
    "path",
    "private_address",
]
"""What is wrong with a typed URL; `control_characters` also covers blanks, NBSP and invisible characters."""

_FORBIDDEN_4: Final[tuple[tuple[IPv4Network, AddressReason], ...]] = (
    (IPv4Network("0.0.0.0/8"), "this_network"),
    (IPv4Network("10.0.0.0/8"), "private"),
    (IPv4Network("100.64.0.0/10"), "shared"),
    (IPv4Network("127.0.0.0/8"), "loopback"),
    (IPv4Network("169.254.0.0/16"), "link_local"),
    (IPv4Network("172.16.0.0/12"), "private"),
    (IPv4Network("192.0.0.0/24"), "reserved"),
    (IPv4Network("192.0.2.0/24"), "documentation"),
    (IPv4Network("192.88.99.0/24"), "tunnel"),
    (IPv4Network("192.168.0.0/16"), "private"),
    (IPv4Network("198.18.0.0/15"), "benchmark"),
    (IPv4Network("198.51.100.0/24"), "documentation"),
    (IPv4Network("203.0.113.0/24"), "documentation"),
    (IPv4Network("224.0.0.0/4"), "multicast"),
    (IPv4Network("240.0.0.0/4"), "reserved"),
)

_FORBIDDEN_6: Final[tuple[tuple[IPv6Network, AddressReason], ...]] = (
    (IPv6Network("::/128"), "unspecified"),
    (IPv6Network("::1/128"), "loopback"),
    (IPv6Network("100::/64"), "discard"),
    (IPv6Network("2001::/23"), "tunnel"),
    (IPv6Network("2001:db8::/32"), "documentation"),
    (IPv6Network("2002::/16"), "tunnel"),
    (IPv6Network("3fff::/20"), "documentation"),
    (IPv6Network("fc00::/7"), "private"),
    (IPv6Network("fe80::/10"), "link_local"),
    (IPv6Network("fec0::/10"), "site_local"),
    (IPv6Network("ff00::/8"), "multicast"),
)
_GLOBAL_6: Final = IPv6Network("2000::/3")
"""The only part of IPv6 that is handed out as public addresses; the rest is reserved unless named above."""

_MAPPED: Final = IPv6Network("::ffff:0:0/96")
_NAT64: Final = IPv6Network("64:ff9b::/96")
_NAT64_LOCAL: Final = IPv6Network("64:ff9b:1::/48")
_COMPATIBLE: Final = IPv6Network("::/96")
_SIX_TO_FOUR: Final = IPv6Network("2002::/16")
_TEREDO: Final = IPv6Network("2001::/32")
_LOOPBACK: Final = (IPv4Address("127.0.0.1"), IPv6Address("::1"))


def embedded(address: Address) -> tuple[IPv4Address, ...]:
    """The IPv4 addresses inside an IPv6 one (mapped, NAT64, 6to4, Teredo, compatible); empty when there are none."""
    if isinstance(address, IPv4Address):
        return ()
    bits = int(address)
    last = IPv4Address(bits & 0xFFFFFFFF)
    if address in _SIX_TO_FOUR:
        return (IPv4Address((bits >> 80) & 0xFFFFFFFF),)
    if address in _TEREDO:
        return (IPv4Address((bits >> 64) & 0xFFFFFFFF), IPv4Address(~bits & 0xFFFFFFFF))
    if address in _MAPPED or address in _NAT64 or address in _NAT64_LOCAL:
        return (last,)
    if address in _COMPATIBLE and bits > 1:
        return (last,)
    return ()


def forbidden_reason(ip: Address | str) -> AddressReason | None:
    """Why `ip` is not a public address, as a word; None when it is public.

    An IPv4 address inside an IPv6 one counts as itself. A 6to4, Teredo, compatible or local NAT64 address is never
    public, whatever it holds; a mapped or NAT64 (`64:ff9b::/96`) one is when what it holds is.
    """
    address = ip_address(ip) if isinstance(ip, str) else ip
    if isinstance(address, IPv4Address):
        return next((reason for network, reason in _FORBIDDEN_4 if address in network), None)
    for inner in embedded(address):
        reason = forbidden_reason(inner)
        if reason is not None:
            return reason
    if address in _MAPPED or address in _NAT64:
        return None
    named = next((reason for network, reason in _FORBIDDEN_6 if address in network), None)
    if named is not None:
        return named
    return None if address in _GLOBAL_6 else "reserved"


@dataclass(frozen=True, slots=True)
class UrlPolicy:
    """Where a host that a person typed may point. The default: https on port 443, public addresses only.

    allowed: ranges that are not public but are meant, as a registry's VPN to its clinics.
    ports: the ports that may stand in a URL or be meant by its scheme.
    allow_http: plain http too, but only to addresses inside `allowed`; never to a public one.

    >>> from ipaddress import ip_network
    >>> UrlPolicy(allowed=(ip_network("10.20.0.0/16"),), ports=frozenset({443, 8443})).refuses("10.20.1.1")
    >>> UrlPolicy().refuses("10.20.1.1")
    'private'
    >>> UrlPolicy(allowed=(ip_network("127.0.0.0/8"),), ports=frozenset({8901}), allow_http=True).schemes
    ('https', 'http')
    """

    allowed: tuple[Network, ...] = ()
    ports: frozenset[int] = frozenset({443})
    allow_http: bool = False

    def __post_init__(self) -> None:
        """Lists and sets are kept as what can't change; a range as text is refused here, not at the first dial."""
        object.__setattr__(self, "allowed", tuple(self.allowed))
        object.__setattr__(self, "ports", frozenset(self.ports))
        if not all(isinstance(one, IPv4Network | IPv6Network) for one in self.allowed):
            raise TypeError("allowed holds networks: ipaddress.ip_network('10.20.0.0/16')")

    @property
    def schemes(self) -> tuple[str, ...]:
        """The schemes that may be used."""
        return ("https", "http") if self.allow_http else ("https",)

    def allows_range(self, address: Address) -> bool:
        """True when the address, or every IPv4 address that it holds, lies in one of the allowed ranges."""
        inner: tuple[Address, ...] = embedded(address)
        return _within(address, self.allowed) or (bool(inner) and all(_within(each, self.allowed) for each in inner))

    def refuses(self, address: Address | str, *, scheme: str = "https") -> AddressReason | Literal["not_https"] | None:
        """Why this address may not be dialled for a URL of that scheme, as a word; None when it may."""
        given = ip_address(address) if isinstance(address, str) else address
        if self.allows_range(given):
            return None if scheme in self.schemes else "not_https"
        return forbidden_reason(given) or (None if scheme == "https" else "not_https")


def _within(address: Address, networks: Iterable[Network]) -> bool:
    return any(address.version == network.version and address in network for network in networks)


@dataclass(frozen=True, slots=True)
class Checked:
    """A typed URL that may be used, in its one spelling.

    origin: as "https://xn--blbr-roah.no" or "https://klinikk.no:8443"; base_path: "" or "/api/v2", no slash at the end.
    """

    origin: str
    base_path: str
    host: str
    port: int

    @property
    def url(self) -> str:
        """The whole URL, no slash at the end."""
        return self.origin + self.base_path


_ANYWHERE: Final = UrlPolicy(
    allowed=(IPv4Network("0.0.0.0/0"), IPv6Network("::/0")), ports=frozenset(range(1, 65536)), allow_http=True
)
MAX_LENGTH: Final = 2000
_DEFAULT_PORT: Final = {"https": 443, "http": 80}
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):(.*)", re.DOTALL)
_LABEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9\-]{0,61}[a-z0-9])?")
_NUMBER: Final = re.compile(r"0x[0-9a-f]*|[0-9]+")
_BAD_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})|%(?:00|2[eEfF]|5[cC])")
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zs", "Zl", "Zp"})
_DOTS: Final = str.maketrans("\u3002\uff0e\uff61", "...")


@lru_cache(maxsize=4096)
def check_url(text: str, policy: UrlPolicy) -> Checked | UrlProblem:
    """Read a URL that a person typed: a base, without query, fragment or user info.

    Gives the URL in its one spelling (lower case, punycode, no default port, no slash at the end), or the word for
    what is wrong. Nothing is looked up: what a name stands for is checked when it is dialled. Pasted blanks are not
    forgiven here, because the connection's fields have had them taken out before.
    """
    if len(text) > MAX_LENGTH:
        return "too_long"
    if any(unicodedata.category(char) in _INVISIBLE for char in text):
        return "control_characters"
    parts = _SCHEME.fullmatch(text)
    if parts is None or (parts[1].lower() not in _DEFAULT_PORT and re.match(r"\d+(/|$)", parts[2])):
        return "not_https"  # "klinikk.no" and "klinikk.no:443" name no scheme
    scheme, rest = parts[1].lower(), parts[2]
    if scheme not in _DEFAULT_PORT:
        return "file_or_other_scheme"
    if scheme not in policy.schemes:
        return "not_https"
    if "\\" in rest:
        return "bad_host"
    if not rest.startswith("//"):
        return "no_host"
    authority, path, tail = _split(rest[2:])
    if "@" in authority:
        return "user_info"
    if tail:
        return "query" if tail[0] == "?" else "fragment"
    host_text, port_text = _split_port(authority)
    if not host_text:
        return "no_host"
    host = _host(host_text, scheme, policy)
    if not isinstance(host, _Host):
        return host
    port = _port(port_text, scheme, policy)
    if port is None:
        return "port"
    base = _base_path(path)
    if base is None:
        return "path"
    shown = "" if port == _DEFAULT_PORT[scheme] else f":{port}"
    return Checked(f"{scheme}://{host.text}{shown}", base, host.text, port)


def one_spelling(text: str) -> str:
    """A URL in its one spelling, whether or not it may be called, so that two spellings of one address are the same;
    a text that is no URL as it stands."""
    checked = check_url(text, _ANYWHERE)
    return checked.url if isinstance(checked, Checked) else text


@dataclass(frozen=True, slots=True)
class _Host:
    text: str


def _split(rest: str) -> tuple[str, str, str]:
    ends = [rest.find(mark) for mark in "?#" if mark in rest]
    end = min(ends, default=len(rest))
    authority, slash, path = rest[:end].partition("/")
    return authority, slash + path, rest[end:]


def _split_port(authority: str) -> tuple[str, str | None]:
    if authority.startswith("["):
        host, bracket, after = authority.partition("]")
        return host + bracket, after[1:] if after.startswith(":") else (after or None)
    host, colon, port = authority.partition(":")
    return host, port if colon else None


def _port(text: str | None, scheme: str, policy: UrlPolicy) -> int | None:
    if text is None:
        port = _DEFAULT_PORT[scheme]
    elif re.fullmatch(r"[0-9]{1,5}", text, re.ASCII):
        port = int(text)
    else:
        return None
    return port if port in policy.ports else None


def _host(text: str, scheme: str, policy: UrlPolicy) -> _Host | UrlProblem:
    if text.startswith("["):
        try:
            six = IPv6Address(text[1:-1])
        except ValueError:
            return "bad_host"
        if not text.endswith("]") or six.scope_id is not None:
            return "bad_host"
        return _problem(six, scheme, policy) or _Host(f"[{six.compressed}]")
    name = unicodedata.normalize("NFKC", text).translate(_DOTS).lower().removesuffix(".")
    labels = name.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        four = _numeric(labels)
        if four is None:
            return "bad_host"
        return _problem(four, scheme, policy) or (_Host(str(four)) if text == str(four) else "bad_host")
    if labels[-1] == "localhost":
        meant = any(policy.allows_range(address) for address in _LOOPBACK)
        return _Host(name) if meant and len(labels) == 1 else "private_address"
    coded = [_label(label) for label in labels]
    if len(labels) < 2 or any(label is None for label in coded):
        return "bad_host"
    host = ".".join(label for label in coded if label is not None)
    return _Host(host) if len(host) <= 253 else "bad_host"


def _problem(address: Address, scheme: str, policy: UrlPolicy) -> UrlProblem | None:
    reason = policy.refuses(address, scheme=scheme)
    if reason is None:
        return None
    return "not_https" if reason == "not_https" else "private_address"


def _numeric(labels: list[str]) -> IPv4Address | None:
    """What the C library makes of a host that ends in a number: `127.1`, `0x7f.1` and `2130706433` are loopback."""
    if not 1 <= len(labels) <= 4 or not all(_NUMBER.fullmatch(label) for label in labels):
        return None
    try:
        values = [_number(label) for label in labels]
    except ValueError:
        return None
    *head, last = values
    if any(value > 255 for value in head) or last >= 256 ** (4 - len(head)):
        return None
    return IPv4Address(sum(value << (24 - 8 * place) for place, value in enumerate(head)) + last)


def _number(text: str) -> int:
    if text.startswith("0x"):
        return int(text[2:] or "0", 16)
    return int(text, 8) if len(text) > 1 and text.startswith("0") else int(text)


def _label(label: str) -> str | None:
    """One label of a name in ASCII; None when it is none, or when its coding would change what was typed."""
    try:
        coded = label.encode("idna").decode("ascii").lower()
        shown = coded.encode("ascii").decode("idna")
    except UnicodeError:
        return None
    if not _LABEL.fullmatch(coded) or (coded.startswith("xn--") and shown == coded):
        return None
    return coded if label in (coded, shown) else None


def _base_path(path: str) -> str | None:
    if _BAD_ESCAPE.search(path) or any(part in (".", "..") for part in path.split("/")) or "//" in path:
        return None
    coded = quote(path, safe="/%:@!$&'()*+,;=-._~")
    return coded.rstrip("/")
