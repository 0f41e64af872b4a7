"""What `make mutants` counts and asks for."""

from tests.mutants.verdicts import Module, kind, report, share


def test_each_status_has_its_kind() -> None:
    """Only a test that fails, or that hangs, has noticed; what no test runs has not."""
    statuses = (1, 3, 36, -9, 0, 33, None, 2, 99)
    assert [kind(status) for status in statuses] == [
        *["killed"] * 4,
        "survived",
        "uncovered",
        "not run",
        "not run",
        "survived",
    ]


def test_uncovered_mutants_count_and_equivalent_ones_do_not() -> None:
    """Two killed, one uncovered, one that is the same: two of three."""
    module = Module("domain.a", {"1": 1, "2": 1, "3": 33, "4": 0}, frozenset({"4"}))
    assert module.counts() == {"killed": 2, "uncovered": 1, "equivalent": 1}
    assert share(module.counts()) == 2 / 3
    assert module.living() == ["3", "4"]


def test_targets_of_rooms_and_modules() -> None:
    """Domain: all; services: 95 % together, and no module under 90."""

    def module(name: str, killed: int) -> Module:
        return Module(name, {str(number): int(number < killed) for number in range(100)})

    for modules, good in (
        ([module("domain.a", 100)], True),
        ([module("domain.a", 99)], False),
        ([module("services.a", 90), module("services.b", 100)], True),
        ([module("services.a", 90), module("services.b", 99)], False),
        ([module("services.a", 89), *(module(f"services.{n}", 100) for n in range(9))], False),
    ):
        assert report(modules)[1] is good
