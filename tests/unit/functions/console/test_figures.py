"""What pages make of settings and of daily figures."""

from datetime import date, timedelta

from functions.console.health import shown_settings
from functions.console.overview import every_day
from shared.domain.roster import RosterDay
from shared.settings.settings import Settings

TODAY = date(2026, 11, 29)
KEY = "c2VjcmV0LWtleS1vZi10aGUtc3RvcmFnZQ=="


def test_no_secret_is_among_the_settings_that_are_shown() -> None:
    """The connection string holds a key; everything else is shown as it is in force."""
    connection = f"DefaultEndpointsProtocol=https;AccountName=acp;AccountKey={KEY}"
    settings = Settings.from_environment(
        {
            "AzureWebJobsStorage": connection,
            "ACP_TENANT_ID": "6f1c2a52-3d44-4b0e-9d0c-9b1f7a5f3c11",
            "ACP_MODE": "report",
        }
    )
    shown = shown_settings(settings)
    assert KEY not in str(shown)
    assert shown["ACP_MODE"] == "report"
    assert shown["ACP_PUBLIC_URL"] == "not set"
    assert all(name.startswith("ACP_") for name in shown)


def test_a_day_without_a_change_stands_as_the_day_before() -> None:
    """Thirty days, today the last; nobody was moved on a day that no figure is of."""
    days = [
        RosterDay(TODAY - timedelta(days=3), {"ready": 7, "held": 2}, {"sweep": 2, "request": 1}),
        RosterDay(TODAY - timedelta(days=1), {"ready": 5}, {}),
    ]
    ready, moved = every_day(days, TODAY)
    assert len(ready) == len(moved) == 30
    assert ready[-5:] == [
        ("2026-11-25", {"ready": 0}),
        ("2026-11-26", {"ready": 9}),
        ("2026-11-27", {"ready": 9}),
        ("2026-11-28", {"ready": 5}),
        ("2026-11-29", {"ready": 5}),
    ]
    assert [value for _, value in moved[-5:]] == [{}, {"sweep": 2, "request": 1}, {}, {}, {}]
