"""Certificates printed, kept and told of, beside typst alone setting the same pages."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import typst

from libs.chassis.database import create_engine, session_factory
from libs.chassis.ids import new_id
from libs.messaging.work import WorkFactory, work_factory
from services.certificates import settings
from services.certificates.adapters import printing as press
from services.certificates.handlers.printing import print_due
from services.certificates.model import Certificate, Enrolment
from tests.benchmarks.bench import Bench, by_turns
from tests.benchmarks.table import Figure

MODULES = (
    ("Застраховка „Живот“ и спестяване", "Life insurance and saving", 240),
    ("Гражданска отговорност на автомобилистите", "Motor third-party liability", 180),
    ("Имуществено застраховане", "Property insurance", 180),
    ("Изисквания и потребности на клиента", "Demands and needs of the customer", 120),
    ("Мерки срещу изпирането на пари", "Measures against money laundering", 90),
    ("Защита на личните данни", "Protection of personal data", 90),
)


def measure(bench: Bench) -> list[Figure]:
    """Certificates a second by the service's own job, on a database that no other process prints from."""
    database = bench.installation.scratch_database("certificates")
    engine = create_engine(bench.installation.url("certificates", database))
    open_work = work_factory(session_factory(engine))
    fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(press.FONTS)])
    compiler = typst.Compiler(str(press.TEMPLATES / "certificate.typ"), root=str(press.TEMPLATES), font_paths=fonts)
    numbers = iter(range(1, 1_000_000))

    def fresh() -> list[int]:
        return [next(numbers) for _ in range(bench.size.certificates)]

    def ours() -> float:
        _enter(open_work, fresh())
        return bench.size.certificates / _print_all(open_work, bench.size.certificates)

    def bare() -> float:
        # other certificates than ours: typst remembers what it has set once
        pages = [_inputs(certificate) for _, certificate in map(_certificate, fresh())]
        began = time.perf_counter()
        for inputs in pages:
            compiler.compile(
                format="pdf",
                sys_inputs=inputs,
                pdf_standards="a-3b",
                timestamp=datetime.now(UTC).replace(microsecond=0),
            )
        return len(pages) / (time.perf_counter() - began)

    try:
        figure, yardstick = by_turns(bench.size.rounds, ours, bare)
    finally:
        engine.dispose()
    return [
        Figure(
            what="Certificates printed, kept and told of",
            value=figure,
            unit="certificates/s",
            yardstick=yardstick,
            yardstick_is="typst alone, one compiler, the same page",
            least=0.7,
        )
    ]


def _print_all(open_work: WorkFactory, expected: int) -> float:
    began = time.perf_counter()
    more = True
    while more:
        with open_work() as work:
            more = bool(print_due(work))
    took = time.perf_counter() - began
    with open_work() as work:
        left = work.session.query(Certificate).filter(Certificate.state == "issuing").count()
    if left:
        raise AssertionError(f"{left} of {expected} certificates were not printed")
    return took


def _enter(open_work: WorkFactory, numbers: Sequence[int]) -> None:
    with open_work() as work:
        for enrolment, certificate in map(_certificate, numbers):
            work.session.add(enrolment)
            work.session.flush()
            work.session.add(certificate)


def _certificate(number: int) -> tuple[Enrolment, Certificate]:
    now = datetime.now(UTC)
    enrolment = Enrolment(
        id=new_id(),
        account_id=new_id(),
        organisation_id=new_id(),
        sku="maintenance-15h",
        training_sku="maintenance-15h",
        training={"bg": "Поддържащо обучение, 15 часа", "en": "Maintenance training, 15 hours"},
        state="passed",
        assigned_at=now - timedelta(days=9),
        valid_until=date(2099, 12, 31),
        begun_at=now - timedelta(days=8),
        passed_at=now,
    )
    certificate = Certificate.issue(enrolment, f"C-2099-{number:06d}", now=now)
    certificate.modules = [{"name": {"bg": bg, "en": en}, "minutes": minutes} for bg, en, minutes in MODULES]
    certificate.minutes, certificate.tested = sum(minutes for *_, minutes in MODULES), True
    certificate.name_holder(f"Мария Пример-{number}", "bg")
    return enrolment, certificate


def _inputs(certificate: Certificate) -> dict[str, str]:
    """What the service hands to typst."""
    chosen = settings.settings()
    url = press.check_url(chosen.public_url, certificate.check_code)
    data = press._data(certificate, settings.operator(), chosen, url)
    return {"data": json.dumps(data, ensure_ascii=False), "qr": press._qr(url)}
