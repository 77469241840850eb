"""A certificate that is printed later stays under the id of the request that earned it."""

from __future__ import annotations

from libs.contracts.certificates import CertificateIssued
from tests.support.builders.certificates import Academy


def test_certificates_printed_together_carry_each_its_own_id(academy: Academy) -> None:
    for name in ("first", "second"):
        enrolment_id = academy.pass_training(academy.learner())
        academy.hear(academy.passed(enrolment_id))
        with academy.database.engine.begin() as connection:
            connection.exec_driver_sql(
                "UPDATE certificates SET correlation_id = %s WHERE correlation_id = 'test'", (name,)
            )
    academy.print_all()
    with academy.database.engine.connect() as connection:
        rows = connection.exec_driver_sql(
            "SELECT correlation_id FROM outbox WHERE type = %s ORDER BY position", (CertificateIssued.TYPE,)
        )
        assert [row.correlation_id for row in rows] == ["first", "second"]
