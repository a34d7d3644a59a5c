"""The adapter's operations against answers of the API: no network, the engine is the real one."""

import pytest

from kobling import CredentialsRejected
from kobling.testing import play, reply
from kobling_fjellvik import Fjellvik

TOKEN = reply(200, json={"token": "t1", "seconds": 600})


def test_the_clinic_is_told_by_its_name() -> None:
    clinic = reply(200, json={"name": "Klinikken (invented)", "org_no": "999888777"})
    played = play(Fjellvik, "identify", replies=[TOKEN, clinic])
    assert played.result.name == "Klinikken (invented)"
    signed_in, asked = played.requests
    assert signed_in.path == "/v1/1021/token"
    assert asked.path == "/v1/1021/clinic"
    assert asked.header("authorization") == "Bearer t1"


def test_a_wrong_key_is_named() -> None:
    with pytest.raises(CredentialsRejected):
        play(Fjellvik, "identify", replies=[reply(401, json={"problem": "wrong_key"})])
