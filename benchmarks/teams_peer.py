"""List the users of Teams with the code of the checkout that is the working directory.

Its environment has the settings; it prints users and the CPU seconds of the cheapest of five listings.
A script, not a module: it runs in the checkout of commit 6a26332, too, where the app is elsewhere.
"""

# mypy: ignore-errors
import asyncio
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path.cwd()))

try:
    from shared.bootstrap.services import App
    from shared.settings.settings import Settings
except ImportError:  # commit 6a26332
    from shared.bootstrap import App
    from shared.settings import Settings


async def main() -> None:
    """Print the two figures."""
    app = App(Settings.from_environment(os.environ))
    teams = getattr(app, "adapters", app).teams
    await teams.probe()
    tries = []
    for _ in range(5):
        began = time.process_time()
        users = faults = 0
        async for page in teams.pages():
            users += len(page.users)
            faults += len(page.faults)
        if faults:
            sys.exit(f"{faults} users could not be read: this would compare something else")
        tries.append((time.process_time() - began, users))
    await app.close()
    seconds, users = min(tries)
    print(users, seconds)


if __name__ == "__main__":
    asyncio.run(main())
