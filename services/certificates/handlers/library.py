"""Takes trainings into the library; a changed text becomes a new edition and leaves begun modules as they are."""

from collections.abc import Sequence

from sqlalchemy import delete, func, select

from libs.messaging.work import Work
from services.certificates.adapters.content_files import ModuleFile, TrainingFile
from services.certificates.model import LibraryEntry, ModuleText, Training


def load_trainings(work: Work, trainings: Sequence[TrainingFile]) -> int:
    """Make the library what the files say; the number of new editions, 0 where nothing changed."""
    work.session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended("library", 0))))
    before = work.session.scalar(select(func.count()).select_from(ModuleText)) or 0
    work.session.execute(delete(Training).where(Training.sku.not_in([one.sku for one in trainings])))
    for position, told in enumerate(trainings):
        training = work.session.merge(
            Training(sku=told.sku, position=position, name=told.name, outside=told.outside, modules=[])
        )
        work.session.flush()
        training.modules = [_entry(work, told.sku, place, module) for place, module in enumerate(told.modules)]
        work.session.flush()
    return (work.session.scalar(select(func.count()).select_from(ModuleText)) or 0) - before


def _entry(work: Work, sku: str, position: int, told: ModuleFile) -> LibraryEntry:
    return LibraryEntry(
        sku=sku,
        code=told.code,
        position=position,
        minutes=told.minutes,
        name=told.name,
        summary=told.summary,
        text_id=_edition(work, sku, told).id,
    )


def _edition(work: Work, sku: str, told: ModuleFile) -> ModuleText:
    latest = work.session.scalars(
        select(ModuleText)
        .where(ModuleText.sku == sku, ModuleText.code == told.code)
        .order_by(ModuleText.edition.desc())
        .limit(1)
    ).first()
    if latest and latest.digest == told.digest:
        return latest
    text = ModuleText(
        sku=sku,
        code=told.code,
        edition=latest.edition + 1 if latest else 1,
        markdown=told.markdown,
        questions=told.questions,
        digest=told.digest,
        loaded_at=work.now(),
    )
    work.session.add(text)
    work.session.flush()
    return text
