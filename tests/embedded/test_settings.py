from pathlib import Path

import pytest

from embedded.errors import SettingRefused
from embedded.settings import EmbeddedSettings


def test_without_variables_everything_is_run_here() -> None:
    assert EmbeddedSettings.from_environment({}) == EmbeddedSettings()


def test_variables_name_what_runs_elsewhere() -> None:
    settings = EmbeddedSettings.from_environment(
        {"ACCORD_DATABASE_URL": "postgresql+psycopg://db/accord", "ACCORD_TEMPORAL_ADDRESS": "temporal:7233"}
    )
    assert (settings.database_url, settings.temporal_address) == (
        "postgresql+psycopg://db/accord",
        "temporal:7233",
    )


def test_an_empty_variable_counts_as_unset() -> None:
    assert (
        EmbeddedSettings.from_environment({"ACCORD_DATABASE_URL": "", "ACCORD_VAR": ""}) == EmbeddedSettings()
    )


def test_ports_and_places_are_read() -> None:
    settings = EmbeddedSettings.from_environment(
        {"ACCORD_VAR": "/srv/accord", "ACCORD_TEMPORAL_PORT": "0", "ACCORD_TEMPORAL_UI_PORT": "none"}
    )
    assert (settings.var, settings.temporal_port, settings.temporal_ui_port) == (Path("/srv/accord"), 0, None)


@pytest.mark.parametrize("value", ["http", "-1", "65536", "72.33"])
def test_a_port_that_is_none_is_refused_by_name(value: str) -> None:
    with pytest.raises(SettingRefused, match="ACCORD_TEMPORAL_PORT"):
        EmbeddedSettings.from_environment({"ACCORD_TEMPORAL_PORT": value})
