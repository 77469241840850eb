"""Sets numbered certificates in type; apart from issuing.py, so that only the worker loads what setting type needs."""

from sqlalchemy import select

from libs.chassis.logging import get_logger
from libs.messaging.work import Work
from services.certificates import settings
from services.certificates.adapters.printing import print_certificate
from services.certificates.model import Certificate

BATCH = 20

log = get_logger(__name__)


def print_due(work: Work) -> bool:
    """Print some numbered certificates and tell of each; True while there may be more."""
    due = (
        select(Certificate)
        .where(Certificate.state == "issuing", Certificate.holder.is_not(None), Certificate.retry_at <= work.now())
        .order_by(Certificate.retry_at)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )
    certificates = work.session.scalars(due).all()
    for certificate in certificates:
        with work.following(certificate.correlation_id):
            _print(work, certificate)
    return len(certificates) == BATCH


def _print(work: Work, certificate: Certificate) -> None:
    try:
        pdf = print_certificate(certificate, settings.operator(), settings.settings())
        stored = settings.store().put(certificate.key, pdf)
    except Exception:
        # one certificate that cannot be printed must not keep the others waiting
        certificate.try_again(work.now())
        log.exception("certificate not printed", certificate_id=str(certificate.id), tries=certificate.tries)
    else:
        certificate.publish(stored)
        log.info("certificate printed", certificate_id=str(certificate.id))
