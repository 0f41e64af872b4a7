"""Who else is in the world: a person, Microsoft, another script, callers of the API, Graph's notices."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Final

from shared.bootstrap.services import App
from shared.domain.move_request import MoveRequest
from shared.domain.options import MoveOptions
from shared.domain.run import Mode
from shared.errors import AcpError
from shared.storage.codec import encode
from tests.simulation.brakes import decider, pauser
from tests.simulation.fate import Process
from tests.simulation.host import Host
from tests.simulation.loop import Clock, Crash, pause
from tests.simulation.people import EXCLUDED_GROUP, MICROSOFT_ENTRY, PILOT_GROUP
from tests.simulation.rules import Rules
from tests.simulation.storage import Keys
from tests.simulation.world import TENANT, World, settings

Actor = Callable[[Host, Rules, float], Awaitable[None]]
"""Acts until a time."""


async def person(host: Host, _: Rules, until: float) -> None:
    """Set providers, licenses, groups and accounts by hand."""
    world, rng = host.world, host.world.rng
    while await _pause(world, 240, until):
        someone = rng.choice(list(world.people))
        state = someone.state
        match rng.randrange(8):
            case 0 | 1 | 2:
                someone.change("person", entries=world.people.third_party("BT"))
            case 3:
                someone.change("person", entries=(MICROSOFT_ENTRY,))
            case 4 | 5:
                world.people.license(someone, "person", not state.licensed)
            case 6:
                group = rng.choice([EXCLUDED_GROUP, PILOT_GROUP])
                someone.change("person", groups=state.groups ^ {group})
            case 7:
                world.people.delete(someone, "person", not state.deleted and rng.random() < 0.4)


async def administrator(host: Host, _: Rules, until: float) -> None:
    """Change the app's settings: the mode, whom it excludes by name, the pilot, a number."""
    world, rng = host.world, host.world.rng
    while await _pause(world, 3000, until):
        changed = {"mode": rng.choice(["move", "report"])}
        if rng.random() < 0.5:
            changed["excluded_users"] = rng.choice(list(world.people)).upn
        if rng.random() < 0.5:
            changed["number_rules"] = json.dumps({rng.choice(["US", "*"]): "+15550200"})
        if rng.random() < 0.3:
            changed["included_groups"] = PILOT_GROUP
        host.change(settings(**{**host.usual, **changed}))


async def microsoft(host: Host, _: Rules, until: float) -> None:
    """Provision users, late, and sometimes replace their provider while at it."""
    world, rng = host.world, host.world.rng
    while await _pause(world, 600, until):
        for someone in world.people:
            state = someone.state
            if state.licensed and not state.ready and rng.random() < 0.4:
                entries = (MICROSOFT_ENTRY,) if rng.random() < 0.1 else state.entries
                someone.change("microsoft", ready=True, entries=entries)
            elif not state.licensed and rng.random() < 0.1:
                someone.change("microsoft", ready=False)


async def script(host: Host, _: Rules, until: float) -> None:
    """Set everybody whom it knows back to a third party, as somebody's old script would."""
    world, rng = host.world, host.world.rng
    while await _pause(world, 2400, until):
        for someone in rng.sample(list(world.people), 2):
            someone.change("script", entries=world.people.third_party("PGi"))
            await asyncio.sleep(rng.uniform(0, 5))


async def caller(host: Host, rules: Rules, until: float) -> None:
    """Ask for moves, each with a key, and ask again before the answer is there."""
    world, rng = host.world, host.world.rng
    number = 0
    while await _pause(world, 1500, until):
        number += 1
        some = rng.sample(list(world.people), rng.randint(1, len(world.people.by_id)))
        names = tuple(rng.choice([each.id, each.upn]) for each in some)
        kind = rng.random()
        request = MoveRequest(
            users=names if kind < 0.7 else None,
            provider=None if kind < 0.85 else "BT",
            options=MoveOptions(send_email=rng.random() < 0.7),
            dry_run=rng.random() < 0.2,
        )
        ids = [each.id for each in some] if kind < 0.7 else []
        for _again in range(rng.choice([1, 1, 2, 5])):
            host.spawn(ask(host, rules, f"key-{number}", request, ids))
            await asyncio.sleep(rng.choice([0, 0.1, 3]))


async def ask(host: Host, rules: Rules, key: str, request: MoveRequest, ids: list[str]) -> None:
    """Send one request to the API, and again while it fails."""
    for seconds in (1, 10, 60, 600, 3600):
        if instance := host.any():
            try:
                run = await instance.app.move_requests.accept(
                    await instance.app.validated(request), key
                )
            except (Crash, AcpError):
                rules.reached["key sent again"] += 1
            else:
                rules.runs_of_keys[key].add(run.id)
                if not request.dry_run:
                    rules.asked[run.id] = ids
                return
        await pause(seconds)


async def notices(host: Host, _: Rules, until: float) -> None:
    """Send Graph's notifications of license changes: some twice, some never."""
    world, rng, seen = host.world, host.world.rng, len(host.world.people.changes)
    while await _pause(world, 20, until):
        changes = world.people.changes
        for user, _removed, _licensed in changes[seen:]:
            for _again in range(rng.choice([0, 1, 1, 2])):
                host.spawn(notify(host, user))
        seen = len(changes)


async def notify(host: Host, user: str) -> None:
    """Deliver one notification: as an event on the queue of events, or to the webhook.

    The webhook's output binding queues what it answers; Event Grid needs no instance that lives.
    """
    graph, instance = host.world.graph, host.any()
    if not graph.live:
        return
    subscription = host.world.rng.choice(list(graph.live))
    notice = {
        "subscriptionId": subscription,
        "clientState": graph.secrets[subscription],
        "tenantId": TENANT,
        "resourceData": {"id": user},
    }

    if host.world.rng.random() < 0.5:
        event = {"specversion": "1.0", "type": "Microsoft.Graph.UserUpdated", "data": notice}
        host.world.queues["moves-events"].put(json.dumps(event), 0, str(Mode.MOVE))
        host.reached["event on the queue"] += 1
        return
    if instance is None:
        return

    async def receive(app: App) -> None:
        accepted = await app.intake.webhook(json.dumps({"value": [notice]}).encode())
        for message in accepted.messages:
            host.world.queues["moves"].put(encode(message), 0, instance.process.mode)

    await host.run(instance, receive)


async def rival(host: Host, _: Rules, until: float) -> None:
    """Set a third party by hand at the worst moment: after a user's entries were saved for a move."""
    world, loop = host.world, asyncio.get_running_loop()

    def on_write(_: Process, table: str, keys: Keys) -> None:
        if table == "replacedproviders" and loop.time() < until and world.rng.random() < 0.1:
            user = world.people.by_id[keys[0]]
            entries = world.people.third_party("Rival")
            delay = world.rng.uniform(0, 0.5)
            loop.call_later(delay, lambda: user.change("rival", entries=entries))

    world.account.watchers.append(on_write)


async def sweeps(host: Host, _: Rules, until: float) -> None:
    """Run the sweep at other times than its own, sometimes on two instances at once."""
    while await _pause(host.world, 2400, until):
        for instance in host.alive[: host.world.rng.randint(1, 2)]:
            host.spawn(host.run(instance, lambda app: app.sweeper.sweep()))


async def rollback(host: Host, rules: Rules, until: float) -> None:
    """Write rows and messages as version 6a26332 does; what its messages ask for is only a look."""
    world, rng = host.world, host.world.rng
    while await _pause(world, 2400, until):
        someone, now = rng.choice(list(world.people)), Clock().now()
        at = rng.choice([{"due": now}, {}])
        name = "due" if at else "attention"
        row = {
            "PartitionKey": name,
            "RowKey": someone.id,
            "upn": "",
            "cause": "failure",
            "reason": "HTTP 403",
            "since": now,
            "looked_at": now,
            "attempt": 2,
            "failures": 2,
            "reprocessed": False,
            "operation": "",
            "_at": now,
        }
        waiting = world.account.tables.setdefault("waiting", {})
        waiting[name, someone.id] = world.account.stamp(row | at)
        message = {"version": 1, "cause": "license_event", "users": [someone.id]}
        world.queues["moves"].put(json.dumps(message), 0, "report")
        rules.reached["row of the version before"] += 1


ACTORS: Final[dict[str, Actor]] = {
    "person": person,
    "administrator": administrator,
    "microsoft": microsoft,
    "script": script,
    "caller": caller,
    "notices": notices,
    "sweeps": sweeps,
    "rival": rival,
    "pauser": pauser,
    "decider": decider,
    "rollback": rollback,
}


async def _pause(world: World, average: float, until: float) -> bool:
    """Let some time pass; return whether there is time left."""
    await pause(world.rng.uniform(0, 2 * average))
    return asyncio.get_running_loop().time() < until
