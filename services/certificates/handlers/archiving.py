"""All certificates of an organisation in one ZIP, made in the background, with a list of who has none."""

import tempfile
from typing import BinaryIO
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from libs.chassis.ids import new_id
from libs.chassis.logging import get_logger
from libs.contracts.certificates import ArchiveView, RequestArchive
from libs.messaging.work import Work, WorkFactory
from services.certificates import queries, settings, views
from services.certificates.adapters.packing import Contents, Row, pack
from services.certificates.model import Archive, Certificate, Enrolment
from services.certificates.model.archive import PACKING, WAITING
from services.certificates.projections import Person

ARCHIVE_JOB = "pack archives"
LARGEST = 2 * 1024**3
STEP = 25

log = get_logger(__name__)


def request_archive(work: Work, request: RequestArchive) -> ArchiveView:
    """Ask for an archive; whoever asks again before it is done gets the one that is under way."""
    caller = work.caller
    caller.require_manager_of(request.organisation_id, or_staff=queries.RESULT_READERS)
    unfinished = select(Archive).where(
        Archive.organisation_id == request.organisation_id,
        Archive.requested_by == caller.account_id,
        Archive.state.in_([WAITING, PACKING]),
    )
    if archive := work.session.scalars(unfinished).first():
        return views.archive_view(archive)
    asked = insert(Archive).values(
        id=new_id(), organisation_id=request.organisation_id, requested_by=caller.account_id,
        requested_at=work.now(), state=WAITING, certificates=0, packed=0, missing=0, tries=0, version=1,
    )  # fmt: skip
    # two clicks at once: the second waits here for the first and takes its archive
    work.session.execute(asked.on_conflict_do_nothing())
    work.wake(ARCHIVE_JOB)
    return views.archive_view(work.session.scalars(unfinished).one())


def pack_due(open_work: WorkFactory) -> bool:
    """Pack one archive that waits, or whose worker died; True where there was one."""
    with open_work() as work:
        claimed = _claim(work)
    if claimed is None:
        return False
    archive_id, key, contents = claimed
    try:
        with tempfile.TemporaryFile() as file:
            _pack(open_work, archive_id, contents, file)
            stored = settings.store().put_stream(key, file, limit=LARGEST)
    except Exception:
        log.exception("archive not packed", archive_id=str(archive_id))
        with open_work() as work:
            work.session.get_one(Archive, archive_id, with_for_update=True).stumble(work.now())
    else:
        with open_work() as work:
            work.session.get_one(Archive, archive_id, with_for_update=True).finish(stored, contents.filename)
    return True


def _claim(work: Work) -> tuple[UUID, str, Contents] | None:
    due = (
        select(Archive)
        .where((Archive.state == WAITING) | ((Archive.state == PACKING) & (Archive.leased_until <= work.now())))
        .order_by(Archive.requested_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    archive = work.session.scalars(due).first()
    if archive is None:
        return None
    contents = _contents(work, archive)
    archive.begin(certificates=len(contents.with_certificate), missing=len(contents.without), now=work.now())
    return archive.id, archive.next_key, contents


def _contents(work: Work, archive: Archive) -> Contents:
    asker = work.session.get(Person, archive.requested_by)
    language = "en" if asker and asker.language == "en" else "bg"
    of_organisation = queries.results_of(
        Enrolment.organisation_id == archive.organisation_id, Enrolment.state != "withdrawn"
    )
    rows = [_row(*found) for found in work.session.execute(of_organisation)]
    return Contents(rows=rows, language=language, on=settings.local_date(archive.requested_at))


def _row(enrolment: Enrolment, certificate: Certificate | None, person: Person | None) -> Row:
    return Row(
        result=queries.result_view(enrolment, certificate, person),
        key=certificate.key if certificate and certificate.state == "valid" else None,
        holder=(certificate.holder if certificate else None) or (person.name if person else ""),
    )


def _pack(open_work: WorkFactory, archive_id: UUID, contents: Contents, file: BinaryIO) -> None:
    for packed in pack(contents, settings.store(), file):
        if packed % STEP == 0:
            with open_work() as work:
                work.session.get_one(Archive, archive_id, with_for_update=True).progress(packed, work.now())
    file.seek(0)
