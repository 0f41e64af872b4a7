"""The demo from start-up to evidence: each step of it, and what it proves."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime

from cli.demo import report as demo_report
from cli.demo.calls import Control
from cli.demo.rights import grant_rights
from cli.demo.snapshot import Snapshot
from cli.demo.summary import Evidence, TenantUser
from cli.demo.system import DemoSystem
from cli.demo.view import View
from cli.demo.wave import Play, choose
from shared.bootstrap.services import App
from shared.domain.run import RunState
from shared.domain.user import ProviderEntry
from shared.settings.settings import Settings


def run_demo(view: View, system: DemoSystem, began: float) -> Evidence:
    """Let the app put the tenant of a launched system right; return what can be said of it.

    `began` is when the demo did, in monotonic seconds. Raises `CommandError`, `LocalError` or
    `AcpError` when the demo itself cannot go on.
    """
    # One loop for all of it, run only where something is awaited: everywhere else Ctrl-C raises
    # KeyboardInterrupt at once.
    with asyncio.Runner() as runner:
        with view.step("Starting Azurite, the tenant and the functions host"):
            system.tenant.wait_until_ready()
            control = Control(system.tenant.origin)
            before = [user.born() for user in runner.run(control.users())]
            permissions = runner.run(grant_rights(system)) if system.checks_rights else ()
            system.start_host()
            control.found_host(system.host.origin)
        view.done("Azurite, the tenant and the functions host run", time.monotonic() - began)
        demo = Demo(view, system, control, before, permissions)
        return runner.run(demo.run(began))


class Demo:
    """One demo on a running system."""

    def __init__(
        self,
        view: View,
        system: DemoSystem,
        control: Control,
        before: Sequence[TenantUser],
        permissions: Sequence[str],
    ) -> None:
        self._view = view
        self._system = system
        self._control = control
        self._before = before
        self._permissions = permissions
        self._app = App(Settings.from_environment(system.host.settings))
        self._unfinished: list[str] = []

    async def run(self, began: float) -> Evidence:
        """Subscribe, license, sweep; then gather the evidence. `began`: when the demo did."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._control)
            stack.push_async_callback(self._app.close)
            await self._subscribe()
            limit = f"{self._app.settings.guard_max_moves:,}"
            self._view.print(f"The guard's limit of this demo: {limit} users (ACP_GUARD_MAX_MOVES)")
            demo_report.show_before(self._view, self._before)
            self._view.console.print()
            working = time.monotonic()
            after_wave = await self._license()
            await self._sweep(after_wave)
            ended = time.monotonic()
            return await self._evidence(seconds=ended - began, working=ended - working)

    async def _subscribe(self) -> None:
        began = time.monotonic()
        with self._view.step("The app subscribes to changes of users"):
            await self._control.run_function("keep_subscription")
            # The change feed begins here as well, whenever its timer comes.
            await self._control.run_function("run_upkeep", "catch_up")
        self._view.done("The app is subscribed to changes of users", time.monotonic() - began)

    async def _license(self) -> Snapshot:
        began = time.monotonic()
        wave = choose(self._before)
        doing = f"Assigning {len(wave):,} Audio Conferencing licenses"
        with self._view.watching(doing) as show:
            play = Play(self._control, self._app, show, self._system.check)
            last = await play.license(wave)
        summary = (
            f"{last.assigned:,} licenses assigned, {last.notifications:,} notifications, "
            f"{last.totals['sets']:,} users moved"
        )
        self._ended(last, summary, began)
        return last

    async def _sweep(self, before: Snapshot) -> None:
        began, at = time.monotonic(), datetime.now(UTC)
        with self._view.watching("Sweeping for users still on another provider") as show:
            play = Play(self._control, self._app, show, self._system.check)
            last = await play.sweep()
            sweep = await play.last_sweep(at)
            # Otherwise the next catch-up would move whoever of the wave is put back in the tour.
            await play.catch_up()
        moved = last.totals["sets"] - before.totals["sets"]
        seen = sweep.counts.get("users", 0) if sweep else 0
        self._ended(last, f"sweep: {seen:,} users checked, {moved:,} users moved", began)
        if sweep is None:
            self._unfinished.append("no sweep was recorded")
        elif sweep.state is not RunState.FINISHED:
            self._unfinished.append(f"the sweep is {sweep.state}: {sweep.reason or 'no reason'}")
        elif seen < (there := sum(not user.deleted for user in self._before)):
            self._unfinished.append(f"the sweep saw {seen:,} of {there:,} users")

    def _ended(self, last: Snapshot, summary: str, began: float) -> None:
        self._view.done(summary, time.monotonic() - began, well=last.quiet)
        if not last.quiet:
            self._unfinished.append(
                f"{summary}; then nothing changed any more, and {last.waiting:,} users still wait"
            )

    async def _evidence(self, *, seconds: float, working: float) -> Evidence:
        app = self._app.adapters
        saved: dict[str, list[tuple[ProviderEntry, ...]]] = {}
        async for record in app.replaced.all():
            saved.setdefault(record.user_id, []).append(record.entries)
        waiting = {row.user_id: row async for row in app.waiting.waiting()}
        attention = {row.user_id: row async for row in app.waiting.attention()}
        return Evidence(
            before=self._before,
            after=await self._control.users(),
            changes=await self._control.changes(),
            counters=await self._control.counters(),
            moved={user.user_id async for user in app.users.all() if user.moved_at},
            saved=saved,
            waiting=waiting | attention,
            unfinished=self._unfinished,
            seconds=seconds,
            working=working,
            world=self._system.tenant.world,
            permissions=self._permissions,
        )
