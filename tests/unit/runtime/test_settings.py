import pytest

from stepless.runtime.settings import FunctionSettings, MissingSetting

REQUIRED = [
    ("authority_id", "AUTHORITY_ID"),
    ("settings_table", "SETTINGS_TABLE"),
    ("certificates_table", "CERTIFICATES_TABLE"),
    ("keys_table", "KEYS_TABLE"),
    ("issuing_kms_key", "ISSUING_KMS_KEY"),
    ("root_kms_key", "ROOT_KMS_KEY"),
    ("provisioner_secret", "PROVISIONER_SECRET"),
]


@pytest.mark.parametrize(("attribute", "variable"), REQUIRED)
def test_a_variable_is_read_by_its_name(attribute: str, variable: str) -> None:
    assert getattr(FunctionSettings({variable: "value"}), attribute) == "value"


@pytest.mark.parametrize(("attribute", "variable"), REQUIRED)
@pytest.mark.parametrize("empty", [{}, ""])
def test_a_missing_variable_is_named(attribute: str, variable: str, empty: object) -> None:
    settings = FunctionSettings({variable: ""} if empty == "" else {})
    with pytest.raises(MissingSetting, match=variable):
        getattr(settings, attribute)


def test_what_not_every_function_has_is_optional() -> None:
    settings = FunctionSettings({})
    assert settings.log_level == "INFO"
    assert settings.tickets_table == ""


def test_the_environment_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTHORITY_ID", "first")
    settings = FunctionSettings.from_environment()
    monkeypatch.setenv("AUTHORITY_ID", "second")
    assert settings.authority_id == "first"
