"""Questions that are asked at the same time become one: twenty users of a message cost one batch."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from shared.clients.graph_batch import BATCH_SIZE


class Together[T]:
    """Collects what is asked in one turn of the event loop, and asks for it with one call.

    ask_all: answers at most 20 names; an exception of it is raised to everybody who asked.
    """

    def __init__(self, ask_all: Callable[[Sequence[str]], Awaitable[Mapping[str, T]]]) -> None:
        self._ask_all = ask_all
        self._waiting: dict[str, list[asyncio.Future[T]]] = {}
        self._asking: set[asyncio.Task[None]] = set()

    async def ask(self, name: str) -> T:
        """Return the answer for one name."""
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._send)
        future: asyncio.Future[T] = loop.create_future()
        self._waiting.setdefault(name, []).append(future)
        if len(self._waiting) == BATCH_SIZE:
            self._send()
        return await future

    def _send(self) -> None:
        waiting, self._waiting = self._waiting, {}
        if waiting:
            task = asyncio.get_running_loop().create_task(self._answer(waiting))
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)

    async def _answer(self, waiting: Mapping[str, list[asyncio.Future[T]]]) -> None:
        everybody = [(name, future) for name, some in waiting.items() for future in some]
        try:
            found = await self._ask_all(list(waiting))
        except Exception as error:  # noqa: BLE001 - it is raised where the answers are awaited
            for _, future in everybody:
                if not future.done():
                    future.set_exception(error)
            return
        for name, future in everybody:
            if not future.done():  # whoever asked may have been cancelled
                future.set_result(found[name])
