"""Which modules a person takes: the hours add up, and they stay as they were at the moment of the choice."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from libs.contracts.base import LocalText
from libs.contracts.licensing import ChosenModule


class ChoiceRefused(Exception):
    """A choice that breaks the product's rule; ``code`` and ``params`` say how."""

    def __init__(self, code: str, **params: Any) -> None:
        self.code = code
        self.params = params
        super().__init__(code)


@dataclass(frozen=True, kw_only=True)
class Choosable:
    """A module on offer; ``minutes`` of 60 to the hour."""

    code: str
    name: LocalText
    minutes: int

    def freeze(self) -> ChosenModule:
        """The module as it is at this moment."""
        return ChosenModule(code=self.code, name=dict(self.name), minutes=self.minutes)


@dataclass(frozen=True, kw_only=True)
class ModuleRule:
    """What a product asks of a choice: nothing, or ``minutes_required`` met as ``exact`` or ``at_least``."""

    modules: Sequence[Choosable]
    choose: bool
    minutes_required: int
    hours_rule: str

    def select(self, codes: Sequence[str]) -> list[ChosenModule]:
        """The frozen modules of a choice, in the catalogue's order; raises :class:`ChoiceRefused`."""
        if not self.choose:
            if codes:
                raise ChoiceRefused("no_choice")
            return [module.freeze() for module in self.modules]
        self._check_codes(codes)
        chosen = [module.freeze() for module in self.modules if module.code in set(codes)]
        self._check_minutes(sum(module.minutes for module in chosen))
        return chosen

    def _check_codes(self, codes: Sequence[str]) -> None:
        if not codes:
            raise ChoiceRefused("modules_not_chosen", have=0, required=self.minutes_required)
        on_offer = {module.code for module in self.modules}
        for code, times in Counter(codes).items():
            if code not in on_offer:
                raise ChoiceRefused("unknown_module", module=code)
            if times > 1:
                raise ChoiceRefused("repeated_module", module=code)

    def _check_minutes(self, have: int) -> None:
        met = have >= self.minutes_required if self.hours_rule == "at_least" else have == self.minutes_required
        if not met:
            raise ChoiceRefused("wrong_hours", have=have, required=self.minutes_required, rule=self.hours_rule)
