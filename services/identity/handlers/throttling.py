"""Slowing down guesses: a try of a name is counted before it is looked at, so that parallel tries gain nothing."""

import hashlib
import hmac
import ipaddress
from datetime import timedelta

from sqlalchemy import case, delete, select, text, update
from sqlalchemy.dialects.postgresql import insert

from libs.messaging.work import Work
from services.identity.model import Throttle
from services.identity.model.throttle import Leniency
from services.identity.settings import throttle_secret

FORGET_AFTER = timedelta(hours=48)


def key_of(kind: str, *parts: str) -> str:
    """The row of a name or a network, as a keyed hash."""
    return hmac.new(throttle_secret(), "\0".join((kind, *parts)).encode(), hashlib.sha256).hexdigest()


def network_of(address: str) -> str:
    """The network that shares one count: an IPv4 address, or the /64 that one IPv6 household has; '' where unknown."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if isinstance(ip, ipaddress.IPv6Address):
        return str(ip.ipv4_mapped or ipaddress.ip_network((ip, 64), strict=False))
    return str(ip)


def need_not_survive(work: Work) -> None:
    """Do not wait for the disk: a count of failures that a power cut forgets costs nothing."""
    work.session.execute(text("SET LOCAL synchronous_commit TO off"))


def is_open(work: Work, key: str) -> bool:
    """Whether tries under this key are looked at now."""
    closed = select(Throttle.key).where(Throttle.key == key, Throttle.closed_until > work.now())
    return work.session.execute(closed).first() is None


def admit(work: Work, key: str, leniency: Leniency) -> bool:
    """Whether another try is let through now; it counts as failed until it is forgiven."""
    now = work.now()
    forgotten = Throttle.last_failed_at < now - leniency.memory
    counted = (
        insert(Throttle)
        .values(key=key, failures=1, last_failed_at=now, closed_until=now)
        .on_conflict_do_update(
            index_elements=[Throttle.key],
            set_={"failures": case((forgotten, 1), else_=Throttle.failures + 1), "last_failed_at": now},
            where=Throttle.closed_until <= now,
        )
        .returning(Throttle.failures)
    )
    failures = work.session.execute(counted).scalar_one_or_none()
    if failures is None:
        return False
    if delay := leniency.delay(failures):
        work.session.execute(update(Throttle).where(Throttle.key == key).values(closed_until=now + delay))
    return True


def count(work: Work, key: str, leniency: Leniency) -> None:
    """Count a failure after the fact."""
    need_not_survive(work)
    admit(work, key, leniency)


def forgive(work: Work, key: str) -> None:
    """The try was right: the name starts anew."""
    work.session.execute(delete(Throttle).where(Throttle.key == key))


def forget_old(work: Work) -> None:
    """Remove counts that no longer matter."""
    work.session.execute(delete(Throttle).where(Throttle.last_failed_at < work.now() - FORGET_AFTER))
