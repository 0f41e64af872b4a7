"""The HTTP API, through the host: what people ask for happens, and bad requests are told apart."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from cli.main import run
from local.azurite.server import Azurite
from local.waiting import wait_until
from tests.e2e.system import System
from tests.e2e.tenant import MICROSOFT, TIME_LIMIT, Tenant, User


@pytest.fixture(scope="module")
def system(azurite_server: Azurite, folder: Path) -> Iterator[System]:
    """The app on a tenant of its own: these tests move everybody of a provider."""
    with (
        Tenant(folder, users=90, seed=8) as tenant,
        System(azurite_server, tenant, folder) as system,
    ):
        system.wait_until_subscribed()
        yield system


@pytest.fixture(scope="module")
def api(system: System) -> Iterator[httpx.Client]:
    """A client of the API."""
    url = f"{system.host.origin}/api"
    with httpx.Client(base_url=url, timeout=TIME_LIMIT, trust_env=False) as client:
        yield client


def finished(api: httpx.Client, answer: httpx.Response) -> dict[str, Any]:
    """Follow the run that an answer names to its end."""
    assert answer.status_code == 202, answer.text
    where = answer.headers["Location"].removeprefix("/api")
    wait_until(lambda: api.get(where).json()["state"] == "finished", "the run's end", TIME_LIMIT)
    run: dict[str, Any] = api.get(where).json()
    return run


def ready_on(system: System, provider: str) -> list[User]:
    """The licensed, included users of a provider; there are some."""
    found = [
        user
        for user in system.tenant.users()
        if user["provider"] == provider and user["licensed"] and user["included"]
    ]
    assert found
    return found


@pytest.mark.third_parties
def test_named_users_are_moved(system: System, api: httpx.Client) -> None:
    """Ids and addresses, known or not: each gets a result, the licensed ones are moved, no others."""
    moves = [system.tenant.take("third_party"), system.tenant.take("no_provider")]
    stays = system.tenant.take("unlicensed_third_party")
    names = [
        moves[0]["id"],
        f"  {moves[1]['userPrincipalName'].upper()} ",
        stays["id"],
        "no@x.example",
    ]
    with system.changing(*moves):
        run = finished(api, api.post("/moves", json={"users": names}))
    assert run["counts"] == {"users": 4, "moved": 2, "unlicensed": 1, "not_found": 1}
    results = api.get(f"/runs/{run['id']}/results").json()["results"]
    outcomes = {result["id"]: result["outcome"] for result in results}
    assert outcomes == {
        moves[0]["id"]: "moved",
        moves[1]["id"]: "moved",
        stays["id"]: "unlicensed",
        "no@x.example": "not_found",
    }
    assert system.tenant.user(moves[0]["id"])["provider"] == MICROSOFT


@pytest.mark.third_parties
def test_one_user_of_three_names_counts_once(system: System, api: httpx.Client) -> None:
    """K8: in JSON and in a CSV file; the address, the same in capitals with blanks, and the id."""
    user = system.tenant.any_user("third_party")
    names = [user["userPrincipalName"], f" {user['userPrincipalName'].upper()} ", user["id"]]
    text = "\n".join(["UPN", *names])
    kind = {"Content-Type": "text/csv"}
    with system.changing():
        answers = [
            api.post("/moves", json={"users": names, "dry_run": True}),
            api.post("/moves?dry_run=true", content=text, headers=kind),
        ]
        counts = [finished(api, answer)["counts"] for answer in answers]
    assert counts == [{"names": 3, "users": 1, "would_move": 1}] * 2


@pytest.mark.third_parties
@pytest.mark.parametrize("query", ["dry_run=", "dry_run", "dryRun=", "dryRun=true"])
def test_dry_run_that_is_not_understood_is_refused(
    system: System, api: httpx.Client, query: str
) -> None:
    """K1: the host drops empty parameters, as Azure's does; the app reads the address, and refuses."""
    user = system.tenant.any_user("third_party")
    csv_file = {"content": user["id"], "headers": {"Content-Type": "text/csv"}}
    with system.changing():
        answers = [
            api.post(f"/moves?{query}", json={"users": [user["id"]]}),
            api.post(f"/moves?{query}", **csv_file),
            api.post(f"/runs/20261123T120000Z-sweep-1f2e/release?{query}"),
            api.post("/runs/20261123T120000Z-sweep-1f2e/release", json={"dry_run": True}),
            api.post(f"/subscription?{query}"),
        ]
    assert [answer.status_code for answer in answers] == [400] * 5


@pytest.mark.third_parties
def test_dry_run_changes_nothing(system: System, api: httpx.Client) -> None:
    """A dry run over everybody on a third party shows what would happen, as CSV too."""
    with system.changing():
        run = finished(api, api.post("/moves", json={"all_third_party": True, "dry_run": True}))
    moves = run["counts"]["would_move"]
    assert moves > 0
    assert run["side_effects"] == {
        "replaced_conference_ids": moves,
        "replaced_numbers": moves,
        "mails": moves,
        "meetings_sent_again": moves,
        "automatically_send_emails_to_users": True,
        "automatically_migrate_user_meetings": True,
        "automatically_replace_acp_provider": False,
    }
    text = api.get(f"/runs/{run['id']}/results", headers={"Accept": "text/csv"}).text
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == run["counts"]["users"]
    assert {row["provider_before"] for row in rows if row["outcome"] == "would_move"} <= {
        "InterCall",
        "PGi",
        "BT",
    }


@pytest.mark.third_parties
def test_provider_is_moved_once_for_a_key(system: System, api: httpx.Client) -> None:
    """All licensed users of one provider; the same Idempotency-Key again answers with the same run."""
    ready = ready_on(system, "BT")
    body, key = {"provider": "bt"}, {"Idempotency-Key": "once"}
    with system.changing(*ready):
        first = finished(api, api.post("/moves", json=body, headers=key))
        again = finished(api, api.post("/moves", json=body, headers=key))
    assert first["id"] == again["id"]
    assert first["counts"]["moved"] == len(ready)


@pytest.mark.third_parties
def test_users_are_shown(system: System, api: httpx.Client) -> None:
    """License, provider and records of a user; the saved entries; who is ready; who needs help."""
    user = system.tenant.take("third_party")
    moved = finished(api, api.post("/moves", json={"users": [user["id"]]}))
    state = api.get(f"/users/{user['userPrincipalName']}").json()
    assert (state["id"], state["provider"], state["outcome"]) == (user["id"], MICROSOFT, "moved")
    saved = api.get(f"/users/{user['id']}/saved").json()["entries"]
    first = api.get(f"/users/{user['userPrincipalName']}/history?top=1").json()
    assert [each["event"] for each in first["records"]] == ["conference_ids_read"]
    rest = api.get(first["next"].removeprefix("/api")).json()
    told = [(each["event"], each["provider_before"], each["run"]) for each in rest["records"]]
    assert told == [("moved", user["provider"], moved["id"])]
    assert api.get(f"/users/{user['id']}/history?top=0").status_code == 400
    assert [entry["provider"] for entry in saved] == [
        entry["name"] for entry in user["original_entries"]
    ]
    assert api.get("/attention").json() == {"users": []}
    assert "BT" in {each["name"] for each in api.get("/providers").json()["providers"]}
    ready = api.get("/users/ready").json()
    assert sum(ready["by_provider"].values()) == len(ready["users"])
    well = api.post(f"/runs/{moved['id']}/retry", json={"ticket": "INC1"})
    assert (well.status_code, "has no failed user" in well.json()["detail"]) == (409, True)
    newest = api.get("/moves?top=1").json()
    assert [each["id"] for each in newest["runs"]] == [moved["id"]]
    assert api.get("/runs").json()["runs"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"users": []}, "/users"),
        ({"users": ["a@x.example", "not a name"]}, "/users/1"),
        ({"users": "a@x.example"}, "/users"),
        ({"users": ["a@x.example"], "nonsense": 1}, "/nonsense"),
        ({"users": ["a@x.example"], "provider": "BT"}, ""),
        ({}, ""),
        ([], ""),
    ],
)
def test_bad_request_is_told_by_field(api: httpx.Client, body: object, pointer: str) -> None:
    """Each wrong body is a 400 problem whose pointer names the field; nothing begins."""
    answer = api.post("/moves", json=body)
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


@pytest.mark.third_parties
def test_what_does_not_exist_is_404(api: httpx.Client) -> None:
    """Unknown runs, users and providers; ids that are none; and a body that is not JSON."""
    for path in ("/runs/nope", "/runs/..%2F..", "/runs/nope/results", "/users/no@x.example"):
        assert api.get(path).status_code == 404, path
    for decision in ("release", "discard", "cancel"):
        assert api.post(f"/runs/nope/{decision}").status_code == 404
    assert api.get("/users/nobody").status_code == 400
    guest = api.get("/users/a_x.example%23EXT%23@contoso.example")
    assert "'a_x.example#EXT#@contoso.example'" in guest.json()["detail"]
    unknown = api.post("/moves", json={"provider": "Nobody"})
    assert unknown.status_code == 400
    assert "InterCall" in unknown.json()["detail"]
    json_type = {"Content-Type": "application/json"}
    assert api.post("/moves", content=b"{", headers=json_type).status_code == 400
    run = finished(api, api.post("/moves", json={"users": ["no@x.example"], "dry_run": True}))
    for decision in ("release", "discard", "cancel"):
        assert api.post(f"/runs/{run['id']}/{decision}").status_code == 409
    limit = api.post(f"/runs/{run['id']}/release", json={"limit": 0})
    assert [error["pointer"] for error in limit.json()["errors"]] == ["/limit"]
    assert json.loads(api.get("/runs").content)


@pytest.mark.third_parties
def test_a_run_is_cancelled(system: System, api: httpx.Client) -> None:
    """Whoever was moved says so, everybody else is cancelled, and the run stays that way."""
    user = system.tenant.any_user("third_party")
    names = [*(f"no{number}@x.example" for number in range(999)), user["id"]]
    begun = api.post("/moves", json={"users": names, "ticket": "INC7"}).json()
    said = api.post(f"/runs/{begun['id']}/cancel", json={"note": "wrong list"})
    assert (said.status_code, said.json()["state"]) == (200, "cancelled")
    assert said.json()["reason"].endswith("UTC: wrong list")
    where = f"/runs/{begun['id']}"

    def is_told() -> bool:
        counts: dict[str, int] = api.get(where).json()["counts"]
        return sum(counts.values()) - counts["users"] == 1_000

    wait_until(is_told, "everybody has an outcome", TIME_LIMIT)
    run = api.get(where).json()
    assert (run["state"], run["ticket"]) == ("cancelled", "INC7")
    assert run["requested_by"] == run["decided_by"] == "the HTTP API, without a key"
    moved = bool(run["counts"].get("moved"))
    assert system.tenant.user(user["id"])["sets"] - user["sets"] == moved
    assert api.post(f"{where}/release").status_code == 409


def test_web_pages_of_others_begin_nothing(api: httpx.Client) -> None:
    """What a page may send without asking is no JSON; and a page of another origin is told no."""
    body = {"users": ["no@x.example"], "dry_run": True}
    plain = api.post("/moves", content=json.dumps(body), headers={"Content-Type": "text/plain"})
    assert plain.status_code == 415
    foreign = {"Origin": "https://evil.example"}
    assert api.post("/moves", json=body, headers=foreign).status_code == 403
    assert api.post("/subscription", headers=foreign).status_code == 403
    assert api.delete("/users/no@x.example", headers=foreign).status_code == 403


@pytest.mark.third_parties
def test_a_person_is_forgotten(system: System, api: httpx.Client) -> None:
    """Every table is named with its rows; saved entries are gone; who read them before is in the log."""
    user = system.tenant.take("third_party")
    finished(api, api.post("/moves", json={"users": [user["userPrincipalName"]]}))
    assert api.get(f"/users/{user['id']}/saved").json()["entries"]
    wait_until(
        lambda: "conference_ids_read" in system.host.output, "the reading's line", TIME_LIMIT
    )
    assert 'by="the HTTP API, without a key"' in system.host.output
    done = api.delete(f"/users/{user['userPrincipalName']}").json()
    assert done["id"] == user["id"]
    held = {table for table, rows in done["rows"].items() if rows}
    assert {"users", "runresults", "requests", "replacedproviders"} <= held
    assert any("recorded again" in note for note in done["notes"])
    assert api.get(f"/users/{user['id']}/saved").json()["entries"] == []
    assert api.delete("/users/no.such@x.example").status_code == 404


@pytest.mark.third_parties
def test_a_pause_over_http_keeps_users_waiting_and_every_answer_says_so(
    system: System, api: httpx.Client
) -> None:
    """Who would be moved waits; the run's answer and the pause say so; then the user is moved."""
    user = system.tenant.take("microsoft")
    system.tenant.set_by_hand(user, "BT")
    assert api.post("/pause", json={"paused": True}).status_code == 400
    with system.changing():
        paused = api.post("/pause", json={"paused": True, "note": "why"}).json()
        assert (paused["paused"], paused["note"]) == (True, "why")
        assert api.get("/pause").json() == paused
        accepted = api.post("/moves", json={"users": [user["id"]], "expected": 1})
        assert "paused by" in accepted.json()["paused"]
        finished(api, accepted)
        assert system.storage.outcome(user["id"]) == "waiting"
    assert api.post("/pause", json={"paused": False}).json() == {"paused": False}
    with system.changing(user):
        system.wait_for(user, "moved")


@pytest.mark.third_parties
def test_the_command_line_lets_the_app_do_it(
    system: System, capsys: pytest.CaptureFixture[str]
) -> None:
    """`acp move --app`: the app moves the users, the command follows and prints each outcome."""
    user = ready_on(system, "PGi")[0]
    words = f"move --yes --output json --app {system.host.origin} --users".split()
    with system.changing(user):
        status = run([*words, f"{user['id']} no@x.example"])
    assert status == 1
    printed = capsys.readouterr()
    outcomes = {row["id"]: row["outcome"] for row in json.loads(printed.out)}
    assert outcomes == {user["id"]: "moved", "no@x.example": "not_found"}
    assert "finished: 2 of 2 users: users 2" in printed.err


@pytest.mark.parametrize(
    ("address", "status"),
    [("http://127.0.0.1:9", 3), ("http://app.example", 2), ("nonsense", 2), ("http://[", 2)],
)
def test_an_app_that_cannot_be_asked_is_told(
    address: str, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody there: 3; an address to which a key must not be sent, or none at all: 2."""
    assert run(["move", "--users", "a@x.example", "--yes", "--app", address]) == status
    assert capsys.readouterr().err.count("error: ") == 1
