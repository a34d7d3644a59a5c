from kobling import KEY, Token


# [rows]
class ClinicRow(WireModel):
    """What the API tells of a clinic: only the fields that are read."""

    name: str
    org_no: str


# [class]
class Fjellvik(Adapter):
    # [form]
    # What a clinic is given by Fjellvik and states at the registry. The texts are read by clinics.
    form = ConnectionForm(
        external_id=required(
            nb="klinikkens nummer i Fjellvik, under Oppsett og Om klinikken",
            en="the clinic's number in Fjellvik, under Set-up and About the clinic",
            pattern=r"\d+",
            example="1021",
        ),
        api_key=required(nb="nøkkelen som Fjellvik sender klinikken", en="the key that Fjellvik sends the clinic"),
    )
    base_url = "https://api.fjellvik.example/v1/{external_id}"

    # [auth]
    # Where Kobling puts the token that `sign_in` got: this code never holds it.
    auth = Bearer()

    # Every word by which the API refuses something, and where that word stands in its answer.
    errors = ErrorMap(codes={"wrong_key": CredentialsRejected}, code="/problem")

    # [sign-in]
    async def sign_in(self, http: Http) -> Token:
        """A token for the key."""
        answer = await http.query("token", json={"key": KEY})  # a POST that changes nothing
        return Token(answer.secret("/token"), lifetime=answer.read(int, at="/seconds"))

    # [identify]
    async def identify(self, http: Http) -> Clinic:
        """Which clinic the key leads to."""
        row = (await http.get("clinic")).read(ClinicRow)
        return Clinic(name=row.name, organisation_number=row.org_no)

    # [end]
