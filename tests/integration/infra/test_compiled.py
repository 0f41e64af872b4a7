"""What the real compiler finds in seeded mistakes, and how the predictions follow the source.

Compiling takes seconds, so each group of mistakes is made in one copy and compiled once.
"""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from infra import predictions
from infra.checks import compiled, functions, kql, predicted, roles, rules, settings
from infra.compiler import CompilerError, ask, find
from tests.seeding import ROOT, Mistake, copy

API, STORAGE, MAIN = "infra/app/api.bicep", "infra/app/storage.bicep", "infra/main.bicep"
ROLES, ALERTS = "infra/app/roles.bicep", "infra/app/alerts.bicep"
WAY = "infra/predicted/private-network.bicepparam"

_no_compiler = pytest.mark.skipif(find() is None, reason="no Bicep compiler: BICEP or the PATH")


def needs_compiler[T: Callable[..., None]](test: T) -> T:
    """Mark a test that compiles: it takes half a minute of two cores, and `make check` compiles, too."""
    marked: T = pytest.mark.large(_no_compiler(test))
    return marked


# fmt: off
REFUSED = [
    Mistake("a misspelled property", "", STORAGE,
            "allowSharedKeyAccess:", "allowSharedKeyAcess:", 'Did you mean "allowSharedKeyAccess"'),
    Mistake("a property of another resource", "", "infra/app/monitoring.bicep",
            "    retentionInDays:", "    accessTier: 'Hot'\n    retentionInDays:", "BCP037 at accessTier"),
    Mistake("a wrong type", "", API, "httpsOnly: true", "httpsOnly: 'yes'", "BCP036"),
    Mistake("a parameter out of its range", "", WAY,
            "httpAlwaysReady = 1", "httpAlwaysReady = 9", "at 9:"),
    Mistake("a parameter of the wrong kind", "", WAY,
            "deleteLock = true", "deleteLock = 'yes'", "'yes'"),
    Mistake("a parameter that is not there", "", WAY,
            "alertEmail =", "alertMail =", "alertMail"),
    Mistake("a module that may not be there", "", MAIN,
            "network!.outputs.id", "network.outputs.id", "BCP318"),
    Mistake("a role of the wrong name", "", ROLES,
            "  roleIds.storageTableDataContributor\n", "  roleIds.storageTables\n", "storageTables"),
    Mistake("an old API version", "", "infra/app/identity.bicep",
            "@2024-11-30", "@2023-01-31", "use-recent-api-versions"),
    Mistake("a file that is not formatted", "", "infra/app/network.bicep",
            "  location: location\n", "  location:   location\n", "Run bicep format"),
]
PREDICTED = [
    Mistake("a missing setting", "", MAIN,
            "ACP_CLOUD: cloud\n", "ACP_CLOUDS: cloud\n", "ACP_CLOUD is not set"),
    Mistake("an unknown setting", "", MAIN,
            "      ACP_LOG_USERS:", "      ACP_LOG_USER:", "ACP_LOG_USER is no setting of the app"),
    Mistake("a role too many", "", ROLES,
            "  ? [\n", "  ? [\n      roleIds.storageBlobDataOwner\n",
            "the operator gets Storage Blob Data Owner"),
    Mistake("a role too few", "", ROLES,
            "  roleIds.storageTableDataContributor\n", "",
            "the app gets Storage Table Data Contributor on the storage account in 0 of 8"),
    Mistake("a public container", "", STORAGE,
            "publicAccess: 'None'", "publicAccess: 'Blob'", "publicAccess is 'Blob'"),
    Mistake("an alert's measure that is not in the answer", "", ALERTS,
            "measure: 'hours_left'", "measure: 'days_left'", "measures days_left"),
    Mistake("a queue without its poison queue", "", STORAGE,
            "  '${queueName}-requests-poison'\n", "", "moves-requests-poison is not made"),
]
# fmt: on


@pytest.fixture(scope="module")
def refusals(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What the compiler's check says of a copy with all of `REFUSED`."""
    folder = copy(tmp_path_factory.mktemp("refused"))
    for mistake in REFUSED:
        mistake.seed(folder)
    return [str(one) for one in compiled.check(folder)]


@needs_compiler
@pytest.mark.parametrize("mistake", REFUSED, ids=lambda mistake: mistake.what)
def test_the_compiler_refuses_it(refusals: list[str], mistake: Mistake) -> None:
    """File, line and value of each mistake are named, in one line."""
    assert mistake.found(refusals), refusals
    assert all("\n" not in one for one in refusals)


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What the other checks say of a copy with all of `PREDICTED`, after `make plan` there."""
    folder = copy(tmp_path_factory.mktemp("predicted"))
    for mistake in PREDICTED:
        mistake.seed(folder)
    command = find()
    assert command is not None
    predictions.write(folder, command)
    checks = (functions.check, kql.check, predicted.check, roles.check, rules.check, settings.check)
    return [str(one) for check in checks for one in check(folder)]


@needs_compiler
@pytest.mark.parametrize("mistake", PREDICTED, ids=lambda mistake: mistake.what)
def test_a_mistake_in_the_source_is_predicted(findings: list[str], mistake: Mistake) -> None:
    """What a change of the source would deploy is what the checks see, at the line of the source."""
    assert mistake.found(findings), findings


@needs_compiler
def test_the_committed_predictions_are_what_the_compiler_predicts() -> None:
    """No error, no warning, nothing to format, and every resource as committed."""
    assert compiled.check(ROOT) == []


@needs_compiler
def test_a_stale_prediction_is_named_with_its_resource(tmp_path: Path) -> None:
    """The compiler's check says which resource the committed prediction has otherwise."""
    folder = copy(tmp_path)
    change = Mistake("", "", STORAGE, "'Standard_LRS'", "'Standard_ZRS'", "")
    change.seed(folder)
    (first, *_) = (str(one) for one in compiled.check(folder))
    assert first.startswith(
        "infra/predicted/default.snapshot.json: the compiler predicts otherwise:"
    )
    assert "Microsoft.Storage/storageAccounts st" in first


def test_a_compiler_that_does_not_run_is_named(tmp_path: Path) -> None:
    """A program that is no compiler, or none at all, is an error, never a pass."""
    mute = tmp_path / "bicep"
    mute.write_text("#!/bin/sh\nexit 69\n")
    mute.chmod(0o755)
    for command in (str(mute), str(tmp_path / "absent")):
        with pytest.raises(CompilerError, match=command):
            ask(command, [("version", ROOT)])


def test_predictions_do_not_name_this_machine() -> None:
    """A prediction is the same wherever it is made."""
    for path in (ROOT / "infra" / "predicted").iterdir():
        assert str(ROOT) not in path.read_text(encoding="utf-8")


def test_every_way_has_its_snapshot_and_nothing_else_has() -> None:
    """A parameter file and its prediction come and go together."""
    snapshots = (ROOT / "infra" / "predicted").glob("*.snapshot.json")
    stems = {path.name.removesuffix(".snapshot.json") for path in snapshots}
    assert stems == {way.stem for way in predictions.ways(ROOT)}


def test_predictions_are_complete() -> None:
    """The compiler could predict every resource: no diagnostics, and no name left to run time."""
    for way in predictions.ways(ROOT):
        snapshot = json.loads(way.with_suffix(".snapshot.json").read_text(encoding="utf-8"))
        assert snapshot["diagnostics"] == []
        assignments = [one for one in snapshot["predictedResources"] if "roleAss" in one["type"]]
        assert [one["name"] for one in assignments if one["name"].startswith("[")] == []
