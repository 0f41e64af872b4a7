"""The sweep: streams every user with the provider and queues those who are not as they should be.

It repairs what no notification tells of: a provider set back by hand, a lost signal. It also saves
the entries of third-party users who are not licensed yet, because a tenant may be set to replace
their provider by itself on licensing (AutomaticallyReplaceAcpProvider), and then it is too late.
"""

from collections import Counter
from collections.abc import AsyncIterator
from uuid import UUID

from shared.clients.teams_models import Page
from shared.clock import Clock
from shared.concurrency import gather_bounded
from shared.domain.decision import Action, Rules, decide
from shared.domain.user import DirectoryUser, PlanStatus, ServiceUser
from shared.errors import AcpError
from shared.log import EventLog
from shared.services.ports import Conferencing, Directory, Queue, ReplacedProviders, Runs
from shared.storage.messages import USERS_PER_MESSAGE, messages
from shared.storage.runs import Run, new_run_id

_SAVES_IN_FLIGHT = 16
CAUSE = "sweep"

_TO_QUEUE = frozenset({Action.REPLACE, Action.ENABLE, Action.SET_NUMBER, Action.WAIT})


class Sweeper:
    """Runs one sweep at a time in this process; memory grows with the licensed ids only (16 bytes each)."""

    def __init__(
        self,
        *,
        directory: Directory,
        conferencing: Conferencing,
        replaced: ReplacedProviders,
        runs: Runs,
        queue: Queue,
        rules: Rules,
        clock: Clock,
        log: EventLog,
    ) -> None:
        self._directory = directory
        self._conferencing = conferencing
        self._replaced = replaced
        self._runs = runs
        self._queue = queue
        self._rules = rules
        self._clock = clock
        self._log = log

    async def sweep(self) -> Run:
        """Look at every user once; return the finished run with its counts.

        Counts: `users` seen, `licensed`, one per decision, `queued`, `saved` entries, `unreadable`.
        An error of a service or of the storage ends the run as `failed` and is raised.
        """
        run = Run(
            id=new_run_id(CAUSE, self._clock.now()),
            cause=CAUSE,
            state="running",
            started_at=self._clock.now(),
        )
        await self._runs.put(run)
        counts: Counter[str] = Counter()
        try:
            await self._sweep(run.id, counts)
        except (AcpError, ExceptionGroup) as error:
            await self._finish(run, "failed", counts, reason=_words(error))
            raise
        return await self._finish(run, "finished", counts)

    async def _sweep(self, run: str, counts: Counter[str]) -> None:
        licensed = await _collect(self._directory.licensed_ids())
        rooms = await _collect(self._directory.room_ids())
        counts["licensed"] = len(licensed)
        pending: list[str] = []
        async for page in self._conferencing.pages():
            await self._page(page, licensed, rooms, pending, counts)
            await self._send(run, pending, counts, keep=len(pending) % USERS_PER_MESSAGE)
        # Licensed, but Teams does not list them: the mover decides, and remembers them as waiting.
        pending.extend(str(UUID(bytes=user)) for user in licensed - rooms)
        counts["unlisted"] = len(licensed - rooms)
        await self._send(run, pending, counts, keep=0)

    async def _page(
        self,
        page: Page,
        licensed: set[bytes],
        rooms: set[bytes],
        pending: list[str],
        counts: Counter[str],
    ) -> None:
        to_save = []
        for user in page.users:
            key = UUID(user.id).bytes
            is_licensed = key in licensed
            licensed.discard(key)
            action = decide(
                _directory_view(user, is_licensed, key in rooms), user, self._rules
            ).action
            counts["users"] += 1
            counts[str(action)] += 1
            if action in _TO_QUEUE:
                pending.append(user.id)
            elif action is Action.UNLICENSED and user.provider and not user.provider.is_microsoft:
                to_save.append(user)
        # A user whose fields could not be read is queued: the mover records what is wrong with it.
        counts["unreadable"] += len(page.faults)
        for user_id, reason in page.faults:
            self._log.warning("unreadable", user=self._log.who(user_id), reason=reason)
            if user_id:
                pending.append(user_id)
                licensed.discard(UUID(user_id).bytes)
        counts["saved"] += await self._save(to_save)

    async def _save(self, users: list[ServiceUser]) -> int:
        saves = (self._replaced.save(user, self._clock.now()) for user in users)
        return sum(await gather_bounded(saves, _SAVES_IN_FLIGHT))

    async def _send(self, run: str, pending: list[str], counts: Counter[str], keep: int) -> None:
        """Queue all but the last `keep` pending users, so that messages are full."""
        going = pending[: len(pending) - keep]
        del pending[: len(going)]
        await self._queue.send(list(messages(CAUSE, going, run)))
        counts["queued"] += len(going)

    async def _finish(self, run: Run, state: str, counts: Counter[str], reason: str = "") -> Run:
        done = Run(
            id=run.id,
            cause=run.cause,
            state=state,
            started_at=run.started_at,
            finished_at=self._clock.now(),
            reason=reason,
            counts=dict(counts),
        )
        await self._runs.put(done)
        self._log.info("sweep", run=run.id, state=state, reason=reason, **counts)
        return done


async def _collect(pages: AsyncIterator[list[str]]) -> set[bytes]:
    ids: set[bytes] = set()
    async for page in pages:
        ids.update(UUID(user).bytes for user in page)
    return ids


def _directory_view(user: ServiceUser, licensed: bool, room: bool) -> DirectoryUser:
    """Return what the listings say of a user in the directory's words; guests are known from Teams."""
    return DirectoryUser(
        id=user.id,
        upn=user.upn,
        plan_status=PlanStatus.ENABLED if licensed else None,
        is_room=room,
        usage_location=user.usage_location,
    )


def _words(error: BaseException) -> str:
    return str(error.exceptions[0] if isinstance(error, ExceptionGroup) else error)
