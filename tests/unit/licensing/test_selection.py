"""Which modules a person may take."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.licensing.model import ChoiceRefused, Choosable, ModuleRule

HOURS_15 = 900


def offered(*minutes: int) -> list[Choosable]:
    return [
        Choosable(code=f"M{number}", name={"en": f"Module {number}"}, minutes=length)
        for number, length in enumerate(minutes, start=1)
    ]


def rule(*minutes: int, hours_rule: str = "exact", required: int = HOURS_15, choose: bool = True) -> ModuleRule:
    return ModuleRule(modules=offered(*minutes), choose=choose, minutes_required=required, hours_rule=hours_rule)


@pytest.mark.story("INS-30", "INS-31")
@pytest.mark.parametrize(
    ("last_module", "hours_rule", "allowed"),
    [
        (299, "exact", False),
        (300, "exact", True),
        (301, "exact", False),
        (299, "at_least", False),
        (300, "at_least", True),
        (301, "at_least", True),
    ],
    ids=["14:59 exact", "15:00 exact", "15:01 exact", "14:59 at least", "15:00 at least", "15:01 at least"],
)
def test_hours_are_held_against_the_rule_to_the_minute(last_module: int, hours_rule: str, allowed: bool) -> None:
    choice = rule(300, 300, last_module, hours_rule=hours_rule)

    if allowed:
        assert sum(module.minutes for module in choice.select(["M1", "M2", "M3"])) == 600 + last_module
    else:
        with pytest.raises(ChoiceRefused) as refusal:
            choice.select(["M1", "M2", "M3"])
        assert refusal.value.code == "wrong_hours"
        assert refusal.value.params == {"have": 600 + last_module, "required": HOURS_15, "rule": hours_rule}


@pytest.mark.story("INS-33")
def test_a_training_without_a_choice_takes_all_modules() -> None:
    taken = rule(60, 90, 45, choose=False).select([])

    assert [module.code for module in taken] == ["M1", "M2", "M3"]


def test_a_choice_where_there_is_none_to_make_is_refused() -> None:
    with pytest.raises(ChoiceRefused) as refusal:
        rule(60, 90, choose=False).select(["M1"])
    assert refusal.value.code == "no_choice"


def test_no_choice_at_all_is_told_apart_from_wrong_hours() -> None:
    with pytest.raises(ChoiceRefused) as refusal:
        rule(900).select([])
    assert refusal.value.code == "modules_not_chosen"
    assert refusal.value.params == {"have": 0, "required": HOURS_15}


def test_an_unknown_module_is_named() -> None:
    with pytest.raises(ChoiceRefused) as refusal:
        rule(900).select(["M1", "M9"])
    assert (refusal.value.code, refusal.value.params) == ("unknown_module", {"module": "M9"})


def test_a_module_ticked_twice_does_not_count_twice() -> None:
    with pytest.raises(ChoiceRefused) as refusal:
        rule(450).select(["M1", "M1"])
    assert (refusal.value.code, refusal.value.params) == ("repeated_module", {"module": "M1"})


lengths = st.lists(st.integers(min_value=1, max_value=600), min_size=1, max_size=8)


@given(lengths, st.data())
def test_a_choice_is_allowed_if_and_only_if_its_minutes_keep_the_rule(minutes: list[int], data: st.DataObject) -> None:
    codes = [module.code for module in offered(*minutes)]
    chosen = data.draw(st.lists(st.sampled_from(codes), min_size=1, unique=True))
    hours_rule = data.draw(st.sampled_from(["exact", "at_least"]))
    have = sum(minutes[int(code[1:]) - 1] for code in chosen)
    # drawn around the sum, so that both answers come often
    required = data.draw(st.integers(min_value=max(1, have - 2), max_value=have + 2))
    keeps = have == required if hours_rule == "exact" else have >= required

    choice = rule(*minutes, hours_rule=hours_rule, required=required)

    if keeps:
        assert {module.code for module in choice.select(chosen)} == set(chosen)
    else:
        with pytest.raises(ChoiceRefused) as refusal:
            choice.select(chosen)
        assert refusal.value.params["have"] == have


@given(lengths, st.data())
def test_the_order_of_ticking_does_not_matter(minutes: list[int], data: st.DataObject) -> None:
    codes = [module.code for module in offered(*minutes)]
    choice = rule(*minutes, hours_rule="at_least", required=1)

    assert choice.select(data.draw(st.permutations(codes))) == choice.select(codes)


@given(lengths, st.integers(min_value=1, max_value=2000))
def test_whatever_is_let_through_has_exactly_the_required_minutes(minutes: list[int], required: int) -> None:
    choice = rule(*minutes, required=required)
    codes = [module.code for module in choice.modules]
    for size in range(1, min(len(codes), 4) + 1):
        for chosen in combinations(codes, size):
            try:
                taken = choice.select(chosen)
            except ChoiceRefused:
                continue
            assert sum(module.minutes for module in taken) == required
