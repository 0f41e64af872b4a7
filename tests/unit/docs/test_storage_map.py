"""docs/storage.md is read out of the code: nobody who writes a table is missing from it."""

from docs import storage_map
from shared.domain.stored import BY_NAME
from shared.settings.queues import Queues
from shared.storage.tables import Table
from tests.unit.shared.storage.test_writers import BLIND, GUARDED, WRITERS


def test_the_verbs_are_those_of_the_table() -> None:
    """Whatever writes counts as writing, and every other public method of a table as reading."""
    public = {name for name in vars(Table) if not name.startswith("_")}
    assert storage_map.WRITES == GUARDED | BLIND
    assert public - storage_map.WRITES - {"decode"} == storage_map.READS


def test_every_table_and_queue_is_on_the_page_with_its_users() -> None:
    """None without writer and reader, and all that the app has."""
    tables, queues = storage_map.tables(), storage_map.queues()
    assert set(tables) == set(BY_NAME)
    assert [name for name, its in tables.items() if not (its.writers and its.readers)] == []
    assert set(queues) == {"moves", "requests", "upkeep", "events"}
    assert len(list(Queues.named("moves", events=True))) == len(queues)
    takers = {name: its.takers for name, its in queues.items()}
    assert takers == {
        "moves": {"functions/moves"},
        "requests": {"functions/moves"},
        "upkeep": {"functions/timers"},
        "events": {"functions/queued_events"},
    }


def test_who_writes_is_found_wherever_it_stands() -> None:
    """Through a port, through a port in a helper's parameter, and two tables behind one port."""
    tables = storage_map.tables()
    assert tables["users"].writers == {"moving/recording"}
    assert "run_changes" in tables["runs"].writers
    assert "admin/reasons" in tables["state"].writers
    assert "moving/batch" in tables["runresults"].writers
    assert "moving/batch" not in tables["runs"].writers
    assert "http/runs" in tables["runresults"].readers


def test_every_write_of_the_storage_is_known_to_the_page() -> None:
    """Each method of a table's class that writes counts as writing, the cleaners' aside."""
    writing = {
        method
        for uses in storage_map.adapters().values()
        for method, tables in uses.items()
        if any(writes for _, writes in tables)
    }
    of_tables = {
        method
        for module, method in (writer.split(".") for writer in WRITERS)
        if module not in ("leftovers", "personal")
    }
    assert of_tables - writing == set()
