"""The choice of people and, for some trainings, of modules for each of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict

from gateway.faults import sentence, sentence_of
from gateway.i18n import hours
from libs.contracts.errors import ServiceError
from libs.contracts.identity import PersonView
from libs.contracts.licensing import Assignee, LicenceView


@dataclass
class Choice:
    """One person with the modules ticked for them."""

    person: PersonView
    modules: list[str] = field(default_factory=list)
    fault: str = ""

    @property
    def name(self) -> str:
        """The name of the field of their modules."""
        return f"modules-{self.person.account_id}"

    @property
    def assignee(self) -> Assignee:
        """What is asked of the service."""
        return Assignee(account_id=self.person.account_id, modules=self.modules)


@dataclass
class Choices:
    """Everybody who was ticked; ``general`` holds what is wrong with no one in particular."""

    licence: LicenceView
    people: list[Choice]
    general: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, licence: LicenceView, people: Sequence[PersonView], typed: "MultiDict[str, str]") -> "Choices":
        """Those of the people who are ticked in the form, with their modules."""
        ticked = set(typed.getlist("person"))
        chosen = [Choice(person) for person in people if str(person.account_id) in ticked]
        for choice in chosen:
            choice.modules = typed.getlist(choice.name)
        choices = cls(licence, chosen)
        if not ticked:
            choices.general.append(sentence("nobody_chosen"))
        elif len(chosen) < len(ticked):
            choices.general.append(sentence("stranger_chosen"))
        return choices

    def ids(self) -> set[UUID]:
        """The accounts that are ticked."""
        return {choice.person.account_id for choice in self.people}

    def minutes(self, choice: Choice) -> int:
        """How long the modules of one person take together."""
        return sum(module.minutes for module in self.licence.modules if module.code in choice.modules)

    def balance(self, choice: Choice) -> str:
        """What is missing from the hours asked for, or too much of them."""
        gap = self.licence.minutes_required - self.minutes(choice)
        if gap > 0:
            return str(_("%(hours)s hours are missing", hours=hours(gap)))
        if gap < 0 and self.licence.hours_rule == "exact":
            return str(_("%(hours)s hours are too much", hours=hours(-gap)))
        return str(_("The hours are right"))

    def fits(self, choice: Choice) -> bool:
        """Whether the hours shown for one person are what is asked for."""
        gap = self.licence.minutes_required - self.minutes(choice)
        return gap <= 0 if self.licence.hours_rule == "at_least" else gap == 0

    @property
    def complete(self) -> bool:
        """Whether the choice can be confirmed."""
        return bool(self.people) and all(self.fits(choice) for choice in self.people)

    def show(self, error: ServiceError) -> None:
        """Put what the service refused beside the people it concerns."""
        for fault in error.faults:
            parts = fault.field.split(".")
            if len(parts) > 1 and parts[0] == "people" and parts[1].isdigit() and int(parts[1]) < len(self.people):
                self.people[int(parts[1])].fault = sentence(fault.code, fault.params)
            else:
                self.general.append(sentence(fault.code, fault.params))
        if not error.faults:
            self.general.append(sentence_of(error))

    @property
    def faulty(self) -> bool:
        """Whether anything is wrong."""
        return bool(self.general) or any(choice.fault for choice in self.people)

    def summary(self) -> list[tuple[str, str]]:
        """Address and sentence of each fault for the top of the page."""
        people = [
            (f"#person-{c.person.account_id}", f"{c.person.given_name} {c.person.family_name}: {c.fault}")
            for c in self.people
            if c.fault
        ]
        return [*(("#people", text) for text in self.general), *people]
