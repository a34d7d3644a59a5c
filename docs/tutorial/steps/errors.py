from kobling import (
    BookingNotFound,
    ClinicNotFound,
    InvalidRequest,
    NotActivated,
    PatientLimitReached,
    Refusal,
    SlotTaken,
    SlotWithdrawn,
    TooLateToChange,
)


# [class]
class Fjellvik(Adapter):
    # [errors]
    # Every word by which the API refuses something, and where that word stands in its answer.
    errors = ErrorMap(
        codes={
            "wrong_key": Refusal(CredentialsRejected, fields=("api_key",)),
            "no_token": CredentialsRejected,
            "token_ended": CredentialsRejected,
            "no_clinic": Refusal(ClinicNotFound, fields=("external_id",)),
            "not_opened": NotActivated,
            "not_understood": Refusal(InvalidRequest, "refused_by_vendor"),
            "time_taken": SlotTaken,
            "time_gone": SlotWithdrawn,
            "too_many": PatientLimitReached,
            "no_appointment": BookingNotFound,
            "already_cancelled": Refusal(BookingNotFound, "already_cancelled"),
            "too_late": TooLateToChange,
            "call_the_clinic": Refusal(TooLateToChange, "not_allowed"),
        },
        code="/problem",
        field="/fields",
        field_names={"first_name": "given_name", "last_name": "family_name", "born": "birth_date", "mobile": "phone"},
    )
    # [end]
