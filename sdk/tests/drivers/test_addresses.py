"""Which addresses count as public, and which typed URLs may be used."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from kobling.addresses import Checked, UrlPolicy, check_url, forbidden_reason

POLICY = UrlPolicy()
VPN = UrlPolicy(allowed=(ip_network("10.20.0.0/16"),), ports=frozenset({443, 8443}))
LAB = UrlPolicy(
    allowed=(ip_network("127.0.0.0/8"), ip_network("::1/128")), ports=frozenset({80, 443, 8901}), allow_http=True
)


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("0.0.0.0", "this_network"),
        ("10.1.2.3", "private"),
        ("100.64.0.1", "shared"),
        ("100.127.255.255", "shared"),
        ("127.0.0.1", "loopback"),
        ("127.255.255.254", "loopback"),
        ("169.254.169.254", "link_local"),
        ("172.31.255.255", "private"),
        ("192.0.0.8", "reserved"),
        ("192.0.2.1", "documentation"),
        ("192.168.1.1", "private"),
        ("198.19.255.255", "benchmark"),
        ("224.0.0.1", "multicast"),
        ("255.255.255.255", "reserved"),
        ("::", "unspecified"),
        ("::1", "loopback"),
        ("::7f00:1", "loopback"),
        ("::ffff:127.0.0.1", "loopback"),
        ("::ffff:10.0.0.1", "private"),
        ("64:ff9b::7f00:1", "loopback"),
        ("64:ff9b::a9fe:a9fe", "link_local"),
        ("64:ff9b:1::7f00:1", "loopback"),
        ("64:ff9b:1::808:808", "reserved"),
        ("2002:7f00:1::", "loopback"),
        ("2002:808:808::1", "tunnel"),
        ("2001:0:808:808::80ff:fffe", "loopback"),
        ("2001:0:808:808::f7f7:f7f7", "tunnel"),
        ("2001:db8::1", "documentation"),
        ("3fff::1", "documentation"),
        ("fd00:ec2::254", "private"),
        ("fe80::1", "link_local"),
        ("fe80::1%eth0", "link_local"),
        ("fec0::1", "site_local"),
        ("ff02::1", "multicast"),
        ("100::1", "discard"),
        ("5f00::1", "reserved"),
        ("4000::1", "reserved"),
    ],
)
def test_an_address_that_is_not_public_is_named_for_what_it_is(address: str, reason: str) -> None:
    assert forbidden_reason(address) == reason


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "100.63.255.255", "172.32.0.1", "192.0.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"],
)
def test_a_public_address_has_no_reason_against_it(address: str) -> None:
    assert forbidden_reason(address) is None


def test_a_stated_range_is_allowed_and_nothing_beside_it() -> None:
    assert VPN.refuses("10.20.255.1") is None
    assert VPN.refuses("::ffff:10.20.0.1") is None
    assert VPN.refuses("10.21.0.1") == "private"
    assert VPN.refuses("127.0.0.1") == "loopback"


def test_plain_http_goes_to_stated_ranges_only() -> None:
    assert LAB.refuses("127.0.0.1", scheme="http") is None
    assert LAB.refuses("8.8.8.8", scheme="http") == "not_https"
    assert LAB.refuses("8.8.8.8", scheme="https") is None
    assert VPN.refuses("10.20.0.1", scheme="http") == "not_https"


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://klinikk.no", "https://klinikk.no"),
        ("https://klinikk.no/", "https://klinikk.no"),
        ("HTTPS://Klinikk.NO:443/api/v2/", "https://klinikk.no/api/v2"),
        ("https://klinikk.no.", "https://klinikk.no"),
        ("https://blåbær.no/å", "https://xn--blbr-roah.no/%C3%A5"),
        ("https://BLÅBÆR.no", "https://xn--blbr-roah.no"),
        ("https://xn--blbr-roah.no", "https://xn--blbr-roah.no"),
        ("https://a-b.klinikk.no/x%20y", "https://a-b.klinikk.no/x%20y"),
        ("https://8.8.8.8/api", "https://8.8.8.8/api"),
        ("https://[2606:4700:0::1111]/", "https://[2606:4700::1111]"),
        ("https://\uff4b\uff4c\uff49\uff4e\uff49\uff4b\uff4b.no", "https://klinikk.no"),
    ],
)
def test_a_good_url_comes_back_in_its_one_spelling(text: str, url: str) -> None:
    checked = check_url(text, POLICY)
    assert isinstance(checked, Checked), checked
    assert checked.url == url


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "not_https"),
        ("klinikk.no", "not_https"),
        ("klinikk.no:443/api", "not_https"),
        ("http://klinikk.no", "not_https"),
        ("file:///etc/passwd", "file_or_other_scheme"),
        ("ftp://klinikk.no", "file_or_other_scheme"),
        ("javascript:alert(1)", "file_or_other_scheme"),
        ("https:klinikk.no", "no_host"),
        ("https:///api", "no_host"),
        ("https://", "no_host"),
        ("https://:443", "no_host"),
        ("https://user@klinikk.no", "user_info"),
        ("https://user:pass@klinikk.no", "user_info"),
        ("https://klinikk.no@127.0.0.1", "user_info"),
        ("https://klinikk.no:8443", "port"),
        ("https://klinikk.no:", "port"),
        ("https://klinikk.no:44३", "port"),
        ("https://klinikk.no:99999", "port"),
        ("https://[2606:4700::1]x", "port"),
        ("https://klinikk.no?", "query"),
        ("https://klinikk.no/api?key=1", "query"),
        ("https://klinikk.no/api#top", "fragment"),
        ("https://klinikk.no\\@evil.no", "bad_host"),
        ("https://klinikk", "bad_host"),
        ("https://klinikk..no", "bad_host"),
        ("https://-klinikk.no", "bad_host"),
        ("https://kli_nikk.no", "bad_host"),
        ("https://klinikk%2eno", "bad_host"),
        ("https://faß.no", "bad_host"),
        ("https://xn--a.no", "bad_host"),
        ("https://" + "a" * 64 + ".no", "bad_host"),
        ("https://1.2.3.4.5", "bad_host"),
        ("https://256.1.1.1", "bad_host"),
        ("https://134744072", "bad_host"),
        ("https://[::1", "bad_host"),
        ("https://[fe80::1%25eth0]", "bad_host"),
        ("https://127.0.0.1", "private_address"),
        ("https://127.1", "private_address"),
        ("https://0x7f.1", "private_address"),
        ("https://0177.0.0.1", "private_address"),
        ("https://2130706433", "private_address"),
        ("https://0x7f000001", "private_address"),
        ("https://127.0.0.1.", "private_address"),
        ("https://\uff11\uff12\uff17\u3002\uff10\u3002\uff10\u3002\uff11", "private_address"),
        ("https://①②⑦.0.0.1", "private_address"),
        ("https://169.254.169.254/latest", "private_address"),
        ("https://[::1]", "private_address"),
        ("https://[::ffff:10.0.0.1]", "private_address"),
        ("https://[64:ff9b::7f00:1]", "private_address"),
        ("https://localhost", "private_address"),
        ("https://api.localhost.", "private_address"),
        ("https://klinikk.no/a\nb", "control_characters"),
        ("https://klinikk.no/ ", "control_characters"),
        ("https://klinikk\u00a0.no", "control_characters"),
        ("https://klin\u200bikk.no", "control_characters"),
        ("https://klin\u00adikk.no", "control_characters"),
        ("https://klinikk.no/" + "a" * 2000, "too_long"),
        ("https://klinikk.no/../admin", "path"),
        ("https://klinikk.no/a//b", "path"),
        ("https://klinikk.no/%2e%2e/x", "path"),
        ("https://klinikk.no/a%2fb", "path"),
        ("https://klinikk.no/a%0", "path"),
    ],
)
def test_a_bad_url_is_refused_with_the_word_for_what_is_wrong(text: str, problem: str) -> None:
    assert check_url(text, POLICY) == problem


def test_a_policy_can_open_ports_loopback_and_plain_http_for_a_laboratory() -> None:
    for text in ("http://127.0.0.1:8901", "http://localhost:8901/api", "https://[::1]"):
        assert isinstance(check_url(text, LAB), Checked), text
    assert check_url("http://8.8.8.8", LAB) == "not_https"
    assert check_url("http://10.0.0.1", LAB) == "private_address"
    assert check_url("https://klinikk.no:8443", VPN) == Checked("https://klinikk.no:8443", "", "klinikk.no", 8443)
