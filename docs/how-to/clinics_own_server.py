"""Code of `clinics-own-server.md`, and its tests."""

from __future__ import annotations

import pytest
from invented import Invented

from kobling import Clinic, ConnectionForm, Http, Kobling, UrlNotAllowed, required
from kobling.plugins import Installed
from kobling.testing import example_connection, play, reply


class OwnServer(Invented):
    contract = 1
    # [class]
    form = ConnectionForm(
        api_key=required(nb="nøkkelen", en="the key"),
        booking_url=required(
            nb="adressen til klinikkens egen bookingserver, ikke til hjemmesiden",
            en="the address of the clinic's own booking server, not of its web site",
            example="https://booking.clinic.example/journal",
        ),
    )
    base_url = "{booking_url}/api/v2"

    async def identify(self, http: Http) -> Clinic:
        return Clinic(name=(await http.get("clinic")).read(str, at="/name"))

    # [test]


def test_a_server_that_knows_nothing_of_the_api_is_the_wrong_address() -> None:
    with pytest.raises(UrlNotAllowed) as refused:
        play(OwnServer, "identify", replies=[reply(404, body=b"<html>Not found</html>")])
    assert (refused.value.because, refused.value.fields) == ("nothing_there", ("booking_url",))


def test_a_typed_address_is_the_base_of_every_call() -> None:
    typed = example_connection(OwnServer, booking_url="https://booking.clinic.example/journal/")
    played = play(OwnServer, "identify", replies=[reply(200, json={"name": "Fjord"})], connection=typed)
    assert played.requests[0].path == "/journal/api/v2/clinic"


# [end]
def test_an_address_inside_somebodys_network_is_never_asked() -> None:
    typed = example_connection(OwnServer, booking_url="https://10.0.0.1/journal")
    with Kobling(adapters=Installed({"invented": OwnServer})) as kobling:
        report = kobling.session(typed).test_connection()
    assert [one.code for one in report.findings] == ["url_not_allowed"]
