"""Scenes of a world that is slow, long, dirty and shared, over the real services; a review found each."""

import asyncio
import random
from collections import Counter
from datetime import timedelta

import pytest

from shared.domain.move_request import MoveRequest
from shared.domain.options import MoveOptions
from shared.domain.retry import Waiting, WaitReason
from shared.domain.run import Mode
from tests.simulation.actors import ask
from tests.simulation.fate import Fault, Process
from tests.simulation.loop import Clock
from tests.simulation.people import EXCLUDED_GROUP, MICROSOFT_ENTRY
from tests.simulation.scene import Scene, act, minutes, played
from tests.simulation.world import settings


@pytest.mark.parametrize(
    ("count", "rate", "often"),
    [(60, 2, 120), pytest.param(240, 10, 1_200, marks=pytest.mark.large)],
)
@played()
async def test_entries_that_somebody_sets_while_the_move_waits_in_line_are_saved(
    scene: Scene, count: int, rate: int, often: int
) -> None:
    """What is lost was set by hand at most one round trip before, by a person who does so all the time."""
    scene.world.throttles["Teams"].rate = rate
    users = await scene.start(count)
    scene.queue(users)
    for _ in range(often):
        await asyncio.sleep(120 / often)
        scene.rng.choice(users).change("person", entries=scene.people.third_party("PGi"))
    await minutes(30)
    assert scene.broken("1 saved", "7 pause") == []
    assert len(scene.rules.sets) >= count


@played()
async def test_who_is_excluded_while_the_move_waits_in_line_is_not_changed(scene: Scene) -> None:
    """License and groups are read once per message, and then wait with the users for their turn."""
    scene.world.throttles["Teams"].rate = 0.5
    users = await scene.start(80)
    scene.queue(users)
    await asyncio.sleep(5)
    for user in users:
        user.change("person", groups=frozenset({EXCLUDED_GROUP}))
    await minutes(30)
    assert scene.broken("2 permitted") == []


@pytest.mark.parametrize(("rule", "limit"), [("", 8), ("*=+15550199", 12)])
def test_a_service_that_takes_a_call_a_second_moves_everybody(rule: str, limit: int) -> None:
    """60 users in work, with a number or without: each is set right after it was read, and nobody is late."""

    async def story(scene: Scene) -> None:
        scene.world.throttles["Teams"].rate = 1
        users = await scene.start(60, entries=())
        scene.queue(users)
        await minutes(limit)

    assert act(story, number_rules=rule).not_moved() == []


@played()
async def test_users_who_wait_longer_than_their_license_is_believed_are_moved(scene: Scene) -> None:
    """Teams takes a call in two seconds; Graph pauses once, so that all that was read there is old."""
    scene.world.throttles["Teams"].rate = 0.5
    graph = scene.world.throttles["Graph"]
    users = await scene.start(60, instances=1, entries=())
    scene.queue(users)
    await minutes(1)
    graph.rate, graph.pause = 0, 110
    await asyncio.sleep(100)
    graph.rate = float("inf")
    await minutes(12)
    assert scene.not_moved() == []


@pytest.mark.parametrize(
    ("count", "limit"), [(30, "25"), pytest.param(600, "500", marks=pytest.mark.large)]
)
def test_an_outage_of_an_hour_ends_by_itself(count: int, limit: str) -> None:
    """Users without a provider, Teams away for 60 minutes, no person: moved two hours later."""

    async def story(scene: Scene) -> None:
        scene.outage("teams", 60, 3660)
        users = await scene.start(count, entries=())
        await minutes(1)
        scene.queue(users)
        await minutes(60 + 120 - 1)

    assert act(story, guard_max_moves=limit).not_moved() == []


@played()
async def test_what_a_report_queued_moves_nobody(scene: Scene) -> None:
    """A sweep of report mode queues users; then the mode is changed, with the queue full."""
    scene.users(20)
    process = Process("reporter", Clock(), "report")
    await scene.world.app(process, settings(mode="report")).sweeper.sweep()
    scene.begin()
    await minutes(20)
    assert scene.broken("8 report's queue") == []


@played()
async def test_a_table_that_is_busy_for_minutes_sends_nobody_to_a_person(scene: Scene) -> None:
    """Table `users` answers nothing for 170 s while 40 users are moved."""
    users = await scene.start(40)
    scene.outage("table.users", 60, 230)
    scene.queue(users)
    await minutes(60)
    assert scene.attention() == []
    assert len(scene.rows("users")) == 40


@played()
async def test_one_row_that_is_refused_takes_no_neighbor_into_attention(scene: Scene) -> None:
    """One write to `users` in each delivery of a message of 20 fails."""
    users = await scene.start(20)
    scene.refuse(lambda site: site.startswith("table.users.upsert"), 1, 22, 43, 64, 85)
    scene.queue(users)
    await minutes(60)
    assert len(scene.attention()) <= 1


@played(seeds=range(5))
async def test_a_key_sent_five_times_at_once_mails_everybody_once(scene: Scene) -> None:
    """Five equal requests with one Idempotency-Key and mails, before the first one's answer."""
    names = tuple(user.id for user in await scene.start(60))
    request = MoveRequest(users=names, options=MoveOptions(send_email=True))
    for number in range(5):
        scene.host.spawn(ask(scene.host, scene.rules, "key", request, list(names)))
        await asyncio.sleep(0.3 * number)
    await minutes(60)
    assert scene.broken("4 mails", "4 key") == []


@played(seeds=range(20))
async def test_who_is_listed_twice_at_once_is_on_a_list(scene: Scene) -> None:
    """One attempt lists a user as due, another as needing attention, at the same time."""
    (user,) = scene.users(1)
    now = Clock().now()
    due = Waiting(user.id, WaitReason.FAILURE, "away", now, now + timedelta(hours=1), now)
    attention = Waiting(user.id, WaitReason.FAILURE, "away", now, now, now, True)
    apps = [
        scene.world.app(Process(name, Clock()), settings()).adapters.waiting
        for name in ("one", "other")
    ]
    await asyncio.gather(apps[0].save_waiting(due), apps[1].save_waiting(attention))
    assert scene.rows("waiting")


@played()
async def test_one_claim_that_fails_delays_nobody_else(scene: Scene) -> None:
    """40 users wait and are due; storage refuses one of the claims."""
    users = scene.users(40, ready=False)
    scene.begin()
    scene.queue(users)
    await asyncio.sleep(50)
    for user in users:
        user.change("microsoft", ready=True)
    scene.refuse(
        lambda site: site.startswith("table.waiting.") and not site.endswith((".get", ".query")), 10
    )
    await minutes(15)
    assert len(scene.not_moved()) <= 1


@played()
async def test_a_row_of_a_later_version_stops_nobody_else(scene: Scene) -> None:
    """After a rollback the list may hold a cause that this version does not know."""
    users = scene.users(5, ready=False)
    scene.begin()
    scene.queue(users)
    await asyncio.sleep(50)
    for user in users:
        user.change("microsoft", ready=True)
    for keys, row in scene.world.account.tables["waiting"].items():
        if keys[1] == users[0].id:
            row["cause"] = "a cause of next year"
    await minutes(15)
    assert len(scene.not_moved()) <= 1


@played(seeds=range(4))
async def test_a_run_over_a_provider_has_a_result_of_everybody(scene: Scene) -> None:
    """Page 0 fails in the middle, one user is moved by hand, and page 0 comes again."""
    users = await scene.start(101)
    scene.refuse(lambda site: site == "table.requests.insert", 2)
    await ask(scene.host, scene.rules, "key", MoveRequest(provider="BT"), [])
    await asyncio.sleep(25)
    users[0].change("person", entries=(MICROSOFT_ENTRY,))
    await minutes(60)
    assert [run["state"] for run in scene.rows("runs") if run["cause"] == "request"] == ["finished"]
    assert scene.not_moved() == []


@played()
async def test_who_is_throttled_inside_a_batch_is_tried_again(scene: Scene) -> None:
    """Graph answers some users of a batch with 429 while a request by name is carried out."""
    names = tuple(user.id for user in await scene.start(40))
    scene.world.graph.awkward = 1.0
    await ask(scene.host, scene.rules, "key", MoveRequest(users=names), list(names))
    await asyncio.sleep(20)
    scene.world.graph.awkward = 0.0
    await minutes(55)
    assert scene.not_moved() == []


@played()
async def test_a_late_report_that_a_user_was_removed_drops_nobody(scene: Scene) -> None:
    """Delta reports again that a user was deleted, long after the user was restored."""
    (user,) = await scene.start(1, ready=False)
    scene.queue([user])
    await minutes(1)
    scene.people.changes.append((user.id, True, False))
    await minutes(9)
    assert scene.rows("waiting") != []


@played()
async def test_a_move_that_was_refused_makes_no_later_one_ours(scene: Scene) -> None:
    """The service rejects a set; then a person moves the user by hand."""
    (user,) = await scene.start(1)
    scene.world.teams.refuses[user.id] = "Forbidden"
    scene.queue([user])
    await asyncio.sleep(30)
    user.change("person", entries=(MICROSOFT_ENTRY,))
    await minutes(30)
    assert [row["outcome"] for row in scene.rows("users")] == ["already_microsoft"]


@played()
async def test_a_message_that_comes_again_leaves_the_result_of_a_move(scene: Scene) -> None:
    """The same message is delivered twice, the second time long after the move."""
    users = await scene.start(3)
    scene.queue(users, "20261123T000000Z-sweep-00000000")
    scene.queue(users, "20261123T000000Z-sweep-00000000", delay=300)
    await minutes(10)
    assert [row["outcome"] for row in scene.rows("runresults")] == ["moved"] * 3


@played()
async def test_a_sweep_that_pauses_is_not_forgotten_when_another_begins(scene: Scene) -> None:
    """An interrupted sweep waits for its time; the next sweep takes its place, and it never ends."""
    await scene.start(5)
    scene.outage("teams", 0, 7250)
    for _ in range(2):
        if instance := scene.host.any():
            await scene.host.run(instance, lambda app: app.sweeper.sweep())
    await minutes(4 * 60)
    assert {run["state"] for run in scene.rows("runs")} <= {"finished", "failed"}


@played(seeds=range(5))
async def test_four_runs_at_once_over_the_same_users_change_and_mail_each_once(
    scene: Scene,
) -> None:
    """Attack 8: four requests with keys of their own; `moved` is counted once for each user."""
    users = scene.users(6) + scene.users(4, entries=())
    request = MoveRequest(
        users=tuple(user.id for user in users), options=MoveOptions(send_email=True)
    )
    scene.begin()
    await minutes(1)
    for number in range(4):
        scene.host.spawn(ask(scene.host, scene.rules, f"key-{number}", request, []))
    await minutes(30)
    changes = [(change.person.id, change.mailed) for change, _ in scene.rules.sets]
    assert sorted(changes) == [(user.id, True) for user in scene.people]
    outcomes = Counter(row["outcome"] for row in scene.rows("runresults"))
    assert outcomes == {"moved": 10, "already_microsoft": 30}
    assert {row["state"] for row in scene.rows("runs")} == {"finished"}


@pytest.mark.parametrize("fault", [Fault.CRASH_BEFORE, Fault.CRASH_AFTER])
@played()
async def test_who_is_being_changed_by_somebody_who_dies_is_changed_by_another(
    scene: Scene, fault: Fault
) -> None:
    """The claim of an attempt that was killed before its set, or after it, ends by itself."""
    (user,) = await scene.start(1)
    scene.strike("teams.set", fault)
    scene.queue([user])
    await asyncio.sleep(2)
    scene.queue([user])
    await minutes(5)
    assert scene.not_moved() == []
    assert [row["outcome"] for row in scene.rows("users")] == ["moved"]
    assert len(scene.rules.sets) == 1


@played()
async def test_a_request_that_could_not_be_queued_says_so(scene: Scene) -> None:
    """The queue is away while requests come; nobody asks again: each says what to do."""
    names = tuple(user.id for user in await scene.start(3))
    scene.outage("queue", 0, 3600)
    requests = [MoveRequest(users=names, dry_run=dry_run) for dry_run in (False, True)]
    for request in requests:
        await scene.attempt(request, f"key {request.dry_run}")
    await minutes(70)
    assert {row["state"] for row in scene.rows("runs")} == {"interrupted"}
    assert all("send the request again" in row["reason"] for row in scene.rows("runs"))
    for request in requests:
        await scene.attempt(request, f"key {request.dry_run}")
    await minutes(10)
    assert {row["state"] for row in scene.rows("runs")} == {"finished"}


@played()
async def test_a_request_that_is_repeated_to_an_app_in_report_mode_changes_nobody(
    scene: Scene,
) -> None:
    """The first call of its key got no answer in mode move, the second comes after the change."""
    names = tuple(user.id for user in await scene.start(3))
    scene.outage("queue", 0, 120)
    await scene.attempt(MoveRequest(users=names), "key")
    await minutes(3)
    reporter = scene.world.app(Process("reporter", Clock(), "report"), settings(mode="report"))
    run = await reporter.move_requests.accept(MoveRequest(users=names), "key")
    assert run.mode is Mode.REPORT
    await minutes(10)
    assert scene.rules.sets == []
    assert [row["state"] for row in scene.rows("runs")] == ["finished"]


@played()
async def test_a_notification_that_an_attempt_overtook_is_left_out(scene: Scene) -> None:
    """One attempt per change: what came before the attempt needs no other, what came after it does."""
    reads: list[str] = []

    def note(site: str) -> bool:
        reads.extend([site] if site.casefold() == "graph.users" else [])
        return False

    users = scene.users(40, licensed=False)
    scene.refuse(note)
    scene.queue(users)
    scene.queue(users, delay=60)  # notified at once, delivered later
    await minutes(0.5)
    scene.begin()
    await minutes(0.25)
    scene.people.license(users[0], "person", licensed=True)
    scene.queue(users[:1])
    await minutes(1)
    assert len(scene.not_moved()) == 39
    assert len(reads) == 2 + 1
    assert scene.rules.broken == []


@played()
async def test_the_runs_are_true_after_hours_in_which_every_other_call_failed(scene: Scene) -> None:
    """55 % of 503s, then none: each run ends, and its results and counts say of each user what is so."""
    rng = random.Random(0.55)

    def fails(site: str) -> bool:
        called = not site.startswith(("table", "queue"))
        return called and not scene.dice.calm and rng.random() < 0.55

    ready = [user.id for user in scene.users(12)]
    scene.refuse(fails)
    await scene.start(2, entries=(MICROSOFT_ENTRY,))
    if instance := scene.host.any():
        await scene.host.run(instance, lambda app: app.sweeper.sweep())
    await minutes(60)
    scene.dice.calm = True
    await minutes(5 * 60)
    assert scene.world.gate.struck[Fault.REFUSE] > 20
    assert scene.not_moved() == []
    assert [row for row in scene.rows("waiting") if row["list"] != "settled"] == []
    assert scene.broken("14 final", "14 results", "14 runs end") == []
    first, later = sorted(scene.rows("runs"), key=lambda run: str(run["RowKey"]))
    results = [row for row in scene.rows("runresults") if row["PartitionKey"] == first["RowKey"]]
    assert {row["RowKey"]: row["outcome"] for row in results} == dict.fromkeys(ready, "moved")
    names = ("exact_state", "count_queued", "count_moved", "count_failed")
    assert [[run.get(name) or 0 for name in names] for run in (first, later)] == [
        ["finished", 12, 12, 0],
        ["finished", 0, 0, 0],
    ]
