"""Indexes an unpacked package in the Functions worker library: `python -m infra.indexing FOLDER`.

A program of its own, for the worker library indexes one app a process, and the package's modules
must not be those of this project's folder.
"""

import asyncio
import sys
from pathlib import Path

from local.host import worker


async def names(package: Path) -> list[str]:
    """Return the functions as `name (trigger)`. AppError: the worker refuses the app."""
    functions = await worker.load(package)
    worker.stop()
    origin = Path(str(sys.modules["shared"].__file__))
    if not origin.is_relative_to(package):
        raise RuntimeError(f"shared came from {origin}, not from the package")
    return sorted(f"{one.name} ({one.trigger.type.removesuffix('Trigger')})" for one in functions)


if __name__ == "__main__":
    print("\n".join(asyncio.run(names(Path(sys.argv[1]).resolve()))))
