"""Timed deeds."""

from datetime import timedelta

from libs.messaging.jobs import JobRunner
from libs.messaging.work import Work, WorkFactory
from libs.messaging.worker import Job
from tests.integration.messaging.conftest import Database
from tests.integration.messaging.events import (
    RunWorker,
    ignore,
)
from tests.integration.messaging.example.lending.contracts import BookAdded
from tests.integration.messaging.example.lending.model import Book
from tests.support.eventually import eventually


def test_a_job_runs_again_at_once_while_there_is_more_and_when_it_is_woken(
    database: Database, run_worker: RunWorker
) -> None:
    runs: list[int] = []

    def work_off(work: Work) -> bool:
        runs.append(1)
        return len(runs) in (1, 2)

    run_worker({}, jobs=[Job("work_off", every=timedelta(hours=1), run=work_off)])
    eventually(lambda: len(runs) == 3)

    def woken() -> bool:
        # the listener may still be on its way to the database
        if len(runs) == 3:
            with database.open_work() as work:
                work.wake("work_off")
        return len(runs) > 3

    assert eventually(woken, every=0.3)


def test_a_failing_job_is_rolled_back_and_tried_again(database: Database, run_worker: RunWorker) -> None:
    runs: list[int] = []

    def stumble(work: Work) -> None:
        work.session.add(Book.add(f"Run {len(runs)}"))
        work.session.flush()
        runs.append(1)
        if len(runs) == 1:
            raise RuntimeError("not yet")

    run_worker({BookAdded: ignore}, jobs=[Job("stumble", every=timedelta(hours=1), run=stumble)])

    assert eventually(lambda: [row.title for row in database.all("SELECT title FROM books")] == ["Run 1"])


OPEN_TRANSACTIONS = """
    SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction' AND datname = current_database()
"""


def test_a_job_that_talks_to_others_opens_its_own_units_of_work(database: Database) -> None:
    open_transactions: list[int] = []

    def talk(open_work: WorkFactory) -> None:
        with open_work() as work:
            work.session.add(Book.add("Claimed"))
        open_transactions.append(database.one(OPEN_TRANSACTIONS))
        with open_work() as work:
            work.session.add(Book.add("Recorded"))

    job = Job("talk", every=timedelta(hours=1), run=talk, transactional=False)
    JobRunner(job, database.open_work).run_once()

    assert database.one("SELECT count(*) FROM books") == 2
    assert open_transactions == [0]
