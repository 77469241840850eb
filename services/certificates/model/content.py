"""What can be learnt: trainings, their modules, and every version of a module's text and test."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, ForeignKeyConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from libs.chassis.ids import new_id
from services.certificates.model.base import Base


class Training(Base):
    """A training of the public library.

    ``outside``: it may be taken in another learning system, which reports completed modules for the learner.
    """

    __tablename__ = "trainings"

    sku: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int]
    name: Mapped[dict[str, str]]
    outside: Mapped[bool]
    modules: Mapped[list["LibraryEntry"]] = relationship(
        order_by="LibraryEntry.position", cascade="all, delete-orphan", lazy="selectin"
    )


class LibraryEntry(Base):
    """A module of a training as it is offered now, with the present version of its text."""

    __tablename__ = "library_entries"
    __table_args__ = (ForeignKeyConstraint(["sku"], ["trainings.sku"], ondelete="CASCADE"),)

    sku: Mapped[str] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int]
    minutes: Mapped[int]
    name: Mapped[dict[str, str]]
    summary: Mapped[dict[str, str]]
    text_id: Mapped[UUID] = mapped_column(ForeignKey("module_texts.id"))


class ModuleText(Base):
    """One version of a module's text and test; never changed, because somebody may have learnt from it."""

    __tablename__ = "module_texts"
    __table_args__ = (UniqueConstraint("sku", "code", "edition"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    sku: Mapped[str]
    code: Mapped[str]
    edition: Mapped[int]
    markdown: Mapped[dict[str, str]]
    questions: Mapped[list[Any]]
    digest: Mapped[str]
    loaded_at: Mapped[datetime]
