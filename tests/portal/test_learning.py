"""Learning: own trainings with their modules and tests, the public library, the organisation's results."""

from typing import Any
from uuid import uuid4

import pytest

from gateway.clients.certificates import CertificatesClient
from libs.contracts.certificates import (
    Answer,
    ArchiveProgressed,
    Library,
    LibraryModule,
    LibraryTraining,
    Results,
    TestResult,
    Trainings,
)
from libs.contracts.errors import Conflict, Fault, Invalid, NotFound
from tests.portal.fakes import principal
from tests.portal.support import Page, Portal, Visitor
from tests.portal.views import StandIn, archive, content, document, enrolment, result, text, then

MANAGER = principal("manager")
LIBRARY = Library(
    items=[
        LibraryTraining(
            sku="maintenance-15h",
            name=text("Maintenance training, 15 hours"),
            modules=[LibraryModule(code="a", name=text("Motor"), summary=text("Third-party liability."), minutes=180)],
        )
    ]
)


def school(portal: Portal, **answers: Any) -> StandIn:
    """The portal with this behaviour of the certificates service."""
    stand_in = StandIn(**answers)
    portal.answers(CertificatesClient, stand_in)
    return stand_in


def member(portal: Portal, language: str = "en") -> Visitor:
    return portal.signed_in(principal("member"), language)


def manager(portal: Portal, language: str = "en") -> Visitor:
    return portal.signed_in(MANAGER, language)


def outcome(passed: bool = True, **others: Any) -> TestResult:
    values: dict[str, Any] = {
        "enrolment_id": uuid4(),
        "code": "m1",
        "score": 100 if passed else 50,
        "pass_mark": 80,
        "passed": passed,
        "wrong": [] if passed else ["q2"],
        "training_passed": False,
    }
    return TestResult(**values | others)


# --- the library ------------------------------------------------------------------------------------------------


@pytest.mark.story("INS-28")
def test_anyone_may_read_about_the_modules_in_the_library(portal: Portal) -> None:
    school(portal, list_library=LIBRARY)
    page = portal.visitor().open("/library")
    assert page.one("h2#maintenance-15h").get_text() == "Maintenance training, 15 hours"
    assert "Motor Third-party liability. 3:00 hours" in page.text


def test_an_empty_library_is_a_page(portal: Portal) -> None:
    school(portal, list_library=Library(items=[]))
    assert "No trainings yet" in portal.visitor().open("/library").text


# --- own trainings ----------------------------------------------------------------------------------------------


@pytest.mark.story("INS-35", "INS-36")
def test_own_trainings_are_listed_in_every_state_with_what_to_do_next(portal: Portal) -> None:
    shown = [
        enrolment("assigned", ("open", "open")),
        enrolment("begun"),
        enrolment("passed", ("passed",), certificate_number="C-2026-00042-7"),
        enrolment("passed", ("passed",)),
        enrolment("withdrawn"),
    ]
    school(portal, list_my_trainings=Trainings(items=shown))
    page = member(portal).open("/trainings")
    sections = page.soup.select("main section")
    assert [s.select_one(".badge").get_text(strip=True) for s in sections] == [  # type: ignore[union-attr]
        "Not begun", "Under way", "Passed", "Passed", "Taken back",
    ]  # fmt: skip
    assert page.buttons() == ["Begin", "Continue", "Certificate (PDF)", "Look at the certificate"]
    assert page.links("main")["Certificate (PDF)"] == "/certificates/C-2026-00042-7.pdf"
    assert "Your certificate is being made." in page.text


def test_who_has_no_training_is_shown_the_library(portal: Portal) -> None:
    school(portal, list_my_trainings=Trainings(items=[]))
    assert member(portal).open("/trainings").links("main .empty") == {"Look around the library": "/library"}


@pytest.mark.story("INS-35")
def test_a_training_shows_exactly_its_modules_and_the_next_one(portal: Portal) -> None:
    training = enrolment("begun", ("passed", "failed", "read", "open"))
    school(portal, get_my_training=training)
    page = member(portal).open(f"/trainings/{training.id}")
    names = [row.get_text(" ", strip=True) for row in page.soup.select("tbody th")]
    assert names == ["Module 1", "Module 2", "Module 3", "Module 4"]
    assert page.links("main")["Continue: Module 2"] == f"/trainings/{training.id}/m2"


@pytest.mark.parametrize("number", [None, "C-2026-00042-7"])
def test_a_passed_training_says_where_its_certificate_is(portal: Portal, number: str | None) -> None:
    training = enrolment("passed", ("passed",), certificate_number=number)
    school(portal, get_my_training=training)
    page = member(portal).open(f"/trainings/{training.id}")
    if number:
        assert page.links("main")[f"Your certificate {number}"] == f"/certificates/{number}"
    else:
        assert "Your certificate is being made." in page.text


def test_the_text_of_a_module_leads_to_its_test(portal: Portal) -> None:
    module = content()
    stand_in = school(portal, get_module=module)
    page = member(portal).open(f"/trainings/{module.enrolment_id}/m1")
    assert page.one("article.prose h2").get_text() == "Risk"
    assert page.links("main")["To the test"] == f"/trainings/{module.enrolment_id}/m1/test"
    assert stand_in.told("get_module") == [((module.enrolment_id, "m1", "en"), {})]


def test_a_passed_module_leads_on(portal: Portal) -> None:
    module = content(state="passed", next_code="m2")
    school(portal, get_module=module)
    page = member(portal).open(f"/trainings/{module.enrolment_id}/m1")
    assert page.links("main")["Next module"] == f"/trainings/{module.enrolment_id}/m2"
    assert "To the test" not in page.buttons()


def hand_in(portal: Portal, answers: dict[str, str], status: int = 200, **behaviour: Any) -> tuple[Page, StandIn]:
    module = behaviour.pop("module", None) or content()
    stand_in = school(portal, **{"get_module": module} | behaviour)
    visitor = member(portal)
    page = visitor.open(f"/trainings/{module.enrolment_id}/m1/test")
    return visitor.send(page, answers, status=status), stand_in


def test_a_test_is_handed_in_and_its_outcome_told(portal: Portal) -> None:
    page, stand_in = hand_in(portal, {"q1": "0", "q2": "1"}, submit_test=outcome(next_code="m2"))
    assert page.heading == "Module passed"
    assert "100 % · to pass: 80 %" in page.text
    ((_, code, answers), _) = stand_in.told("submit_test")[0]
    assert code == "m1"
    assert answers == [Answer(question_id="q1", choice=0), Answer(question_id="q2", choice=1)]
    assert page.links("main")["Next module"].endswith("/m2")


def test_a_failed_test_names_the_questions_to_read_up_on(portal: Portal) -> None:
    page, _ = hand_in(portal, {"q1": "0", "q2": "0"}, submit_test=outcome(passed=False))
    assert page.heading == "Not passed yet"
    assert [item.get_text() for item in page.soup.select("main h2 + ul li")] == ["What is a premium?"]
    assert page.buttons() == ["Read the module again", "Try the test again"]


def test_the_last_module_passes_the_training(portal: Portal) -> None:
    page, _ = hand_in(portal, {"q1": "0", "q2": "1"}, submit_test=outcome(training_passed=True))
    assert page.heading == "You have passed the training"


@pytest.mark.parametrize("typed", ["", "2", "-1", "²", "٣", "x"])
def test_a_question_without_a_choice_is_told_beside_it(portal: Portal, typed: str) -> None:
    page, stand_in = hand_in(portal, {"q1": "0", "q2": typed}, status=422)
    assert page.links("#faults") == {"2. Please answer this question.": "#q2"}
    question = page.one("#q2")
    assert page.one(f"#{question['aria-describedby']}").get_text(strip=True) == "Please answer this question."
    assert page.one("#q1-0").has_attr("checked")
    assert stand_in.told("submit_test") == []


def test_answers_that_the_service_misses_are_asked_for(portal: Portal) -> None:
    refusal = Invalid(faults=[Fault(field="answers", code="answer_missing")])
    page, _ = hand_in(portal, {"q1": "0", "q2": "1"}, status=422, submit_test=refusal)
    assert len(page.faults) == 2


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("module_not_read", "Please read the module before its test."),
        ("training_expired", "The time for this training is over."),
    ],
)
def test_a_test_that_cannot_be_taken_now_says_why_on_the_training(portal: Portal, code: str, words: str) -> None:
    page, _ = hand_in(portal, {"q1": "0", "q2": "1"}, submit_test=Conflict(code), get_my_training=enrolment())
    assert page.path.startswith("/trainings/")
    assert words in page.text


@pytest.mark.story("INS-37")
@pytest.mark.parametrize("path", ["/trainings/{id}", "/trainings/{id}/m1", "/trainings/{id}/m1/test"])
def test_somebody_elses_training_is_not_there(portal: Portal, path: str) -> None:
    school(portal, get_my_training=NotFound(), get_module=NotFound())
    page = member(portal).open(path.format(id=uuid4()), status=404)
    assert page.heading == "We could not find this page"


# --- results ----------------------------------------------------------------------------------------------------


@pytest.mark.story("INS-40", "INS-41", "INS-42", "INS-43")
def test_management_leads_to_a_table_of_results_whose_last_column_is_the_certificate(portal: Portal) -> None:
    rows = [result(), result("begun"), result("assigned"), result("withdrawn"), result(certificate_state="revoked")]
    stand_in = school(portal, list_results=Results(items=rows, total=5, next_page_token="next"))
    visitor = manager(portal)
    page = visitor.open(visitor.open("/management").links(".side-menu")["Results and certificates"])
    assert page.soup.select("thead th")[-1].get_text(strip=True) == "Certificate"
    last = [row.select("td")[-1].get_text(" ", strip=True) for row in page.soup.select("tbody tr")]
    assert last == ["C-2026-00042-7", "–", "–", "–", "C-2026-00042-7 revoked"]
    assert page.links("tbody")["C-2026-00042-7"] == "/certificates/C-2026-00042-7"
    ((asked,), _) = stand_in.told("list_results")[0]
    assert (asked.organisation_id, asked.state) == (MANAGER.organisation_id, "")


@pytest.mark.parametrize(("asked", "passed_on"), [("begun", "begun"), ("<b>", ""), ("", "")])
def test_the_results_are_narrowed_by_state(portal: Portal, asked: str, passed_on: str) -> None:
    stand_in = school(portal, list_results=Results(items=[], total=0))
    page = manager(portal).open(f"/management/trainings?state={asked}&page_token=some")
    ((request,), _) = stand_in.told("list_results")[0]
    assert (request.state, request.page_token) == (passed_on, "some")
    assert ("Nothing here" if asked else "No trainings yet") in page.text


def test_all_certificates_are_asked_for_as_one_file_and_the_page_goes_on_by_itself(portal: Portal) -> None:
    packing = archive()
    stand_in = school(
        portal,
        list_results=Results(items=[result()], total=1),
        request_archive=packing,
        get_archive=then(packing, archive("ready", id=packing.id), archive("failed", id=packing.id)),
    )
    visitor = manager(portal)
    page = visitor.send(visitor.open("/management/trainings"), action="archive")
    assert stand_in.told("request_archive") == [((MANAGER.organisation_id,), {})]
    assert page.path == f"/management/trainings/archive/{packing.id}"
    assert page.one("[data-live]")["data-live"] == f"{page.path}/events"
    assert page.one("noscript meta")["http-equiv"] == "refresh"
    ready = visitor.open(page.path)
    assert "The file holds 12 certificates. 2 people have none yet and stand in its list." in ready.text
    assert ready.links("main")["Download (ZIP)"] == f"{page.path}.zip"
    assert ready.soup.select("noscript meta, [data-live]") == []
    assert "The file could not be made." in visitor.open(page.path).text


def test_the_waiting_page_is_told_when_the_file_is_there(portal: Portal) -> None:
    packing = archive()
    school(portal, get_archive=then(packing, packing, archive("ready", id=packing.id)))
    answer = manager(portal).client.get(f"/management/trainings/archive/{packing.id}/events")
    assert answer.mimetype == "text/event-stream"
    assert answer.get_data(as_text=True).endswith("event: settled\ndata: {}\n\n")
    assert ArchiveProgressed in portal.bus.listeners


def test_the_file_is_streamed_once_it_is_there(portal: Portal) -> None:
    file = document("certificates/archives/1.zip", "certificates.zip")
    portal.app.extensions["documents"].put(file.key, b"PK\3\4")
    ready = archive("ready", document=file)
    school(portal, get_archive=then(ready, archive()))
    visitor = manager(portal)
    answer = visitor.client.get(f"/management/trainings/archive/{ready.id}.zip")
    assert answer.data == b"PK\3\4"
    assert answer.headers["Content-Disposition"] == "attachment; filename=certificates.zip"
    visitor.open(f"/management/trainings/archive/{ready.id}.zip", status=404)


@pytest.mark.story("INS-39")
@pytest.mark.parametrize("end", ["", "/events", ".zip"])
def test_a_file_of_another_organisation_is_not_there(portal: Portal, end: str) -> None:
    school(portal, get_archive=NotFound())
    manager(portal).open(f"/management/trainings/archive/{uuid4()}{end}", status=404)


def test_results_are_for_managers(portal: Portal) -> None:
    school(portal)
    member(portal).open("/management/trainings", status=403)
    assert portal.visitor().open("/management/trainings").heading == "Sign in"
    assert portal.visitor().open("/trainings").heading == "Sign in"


def test_the_pages_are_good_pages_in_bulgarian_too(portal: Portal) -> None:
    training, module = enrolment(), content()
    school(
        portal,
        list_library=LIBRARY,
        list_my_trainings=Trainings(items=[training]),
        get_my_training=training,
        get_module=module,
        list_results=Results(items=[result()], total=1),
        get_archive=archive("ready"),
    )
    visitor = manager(portal, "bg")
    for path in ("/library", "/trainings", "/trainings/{id}", "/trainings/{id}/m1", "/trainings/{id}/m1/test",
                 "/management/trainings", "/management/trainings/archive/{id}"):  # fmt: skip
        visitor.open(path.format(id=uuid4()))
