"""`acp doctor`: check everything that the app needs, and say what to do."""

import asyncio

from cli.connection import SettingsOption, connect
from cli.form import with_form
from cli.output import Form, Row, show

_COLUMNS = ("part", "verdict", "detail", "to_do")


@with_form()
def doctor(*, settings: SettingsOption = None, output: Form) -> int:
    """Examine sign-in, permissions, storage, subscription, catch-up, queues and waiting users.

    Each line is ok, warning or failed, with what to do. Ends with 1 when something failed.

    Example: `acp doctor`
    """
    rows = asyncio.run(_examine(settings))
    show(rows, _COLUMNS, output, sheet="Doctor")
    return 1 if any(row["verdict"] == "failed" for row in rows) else 0


async def _examine(settings: SettingsOption) -> list[Row]:
    from shared.views.health import FindingView  # noqa: PLC0415 - so that --help stays fast

    async with connect(settings) as app:
        return [FindingView.of(found).model_dump() async for found in app.doctor.examine()]
