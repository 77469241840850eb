"""A small world in one service's database: two organisations, the operator's staff, and a call as any of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, func, select
from sqlalchemy.orm import Session

from libs.chassis.clock import ManualClock
from libs.chassis.ids import new_id
from libs.chassis.principal import Principal, PrincipalSigner, PrincipalVerifier, generate_key_pair
from libs.messaging.answering import Answering, Request
from libs.messaging.rpc import ServiceRpc
from libs.messaging.tables import commands
from libs.messaging.work import Work, WorkFactory, work_factory
from services.certificates.model.numbers import make_number
from tests.support.databases import ServiceDatabase

PRIVATE, PUBLIC = generate_key_pair()
STRANGERS_KEY = generate_key_pair()[0]

ROLE_OF = {
    "member_a": "member",
    "colleague_a": "member",
    "manager_a": "manager",
    "member_b": "member",
    "manager_b": "manager",
    "clerk": "clerk",
    "finance": "finance",
    "official": "official",
    "admin": "admin",
}
ACTORS = tuple(ROLE_OF)
PRETENDERS = ("forged", "altered", "unsigned", "expired")
A, B, ABSENT = "a", "b", "absent"

Things = Mapping[str, str]
Content = Callable[[Things], dict[str, Any]]


def organisation_of(actor: str) -> str | None:
    """``a``, ``b``, or ``None`` for staff."""
    return actor.rpartition("_")[2] if "_" in actor else None


@dataclass(kw_only=True)
class World:
    """One service with things of everybody; a command's effect is undone after each call, so calls are independent.

    ``of_organisation`` and ``own`` hold what requests may name, ``requests`` makes each method's request of them, and
    ``refusals`` names what the state of the world, not a lack of rights, answers to some methods' allowed callers.
    """

    database: ServiceDatabase
    rpc: type[ServiceRpc]
    clock: ManualClock
    principals: Mapping[str, Principal]
    of_organisation: dict[str, dict[str, str]] = field(default_factory=dict)
    own: dict[str, dict[str, str]] = field(default_factory=dict)
    requests: dict[str, Content] = field(default_factory=dict)
    refusals: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._undone: WorkFactory | None = None
        self.answering = Answering(
            self.rpc, open_work=self._open, verifier=PrincipalVerifier(PUBLIC, self.clock), clock=self.clock
        )
        self.methods = {method.name: method for method in self.answering.methods}
        self._tokens = dict(self._sign_all())

    def things(self, owner: str) -> Things:
        """What belongs to somebody and to the organisation that somebody is of; ``absent``: what there is not."""
        if owner == ABSENT:
            return {name: _absent(name, value) for name, value in self.things("member_a").items()}
        organisation = organisation_of(owner)
        return {**(self.of_organisation.get(organisation, {}) if organisation else {}), **self.own.get(owner, {})}

    def request(self, method: str, owner: str) -> dict[str, Any]:
        """The request of a method that names things of this owner."""
        return self.requests[method](self.things(owner))

    def names_something(self, method: str) -> bool:
        """Whether requests differ with the owner of what they name."""
        return self.request(method, "member_a") != self.request(method, "member_b")

    def marks(self, *owners: str, hidden_from: str) -> set[str]:
        """Ids and names of these owners that are not also the viewer's own or everybody's."""
        seen = set(self.things(hidden_from).values())
        return {value for owner in owners for value in self.things(owner).values() if len(value) > 7} - seen

    def ask(
        self, method: str, content: dict[str, Any], *, by: str | None = None, command_id: str | None = None
    ) -> dict[str, Any]:
        """The answer as it goes over the wire."""
        request = Request(
            method=method,
            kwargs={"request": content},
            principal=self._tokens[by] if by else None,
            command_id=command_id,
        )
        if self.methods[method].kind == "query" or self._undone:
            return self.answering.answer(request)
        with self.undone():
            return self.answering.answer(request)

    @contextmanager
    def undone(self) -> Iterator[Connection]:
        """Calls within leave no trace: their transactions are savepoints of one that is rolled back."""
        with self.database.engine.connect() as connection:
            transaction = connection.begin()
            self._undone = work_factory(self._session_on(connection), self.clock)  # type: ignore[arg-type]
            try:
                yield connection
            finally:
                self._undone = None
                if transaction.is_active:  # a refused step of a deed in several steps rolls all of it back
                    transaction.rollback()

    def counts(self, connection: Connection) -> dict[str, int]:
        """Rows of every table but the one of remembered answers."""
        found = connection.exec_driver_sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").scalars()
        tables = [name for name in found if name != commands.name]
        return {
            name: connection.exec_driver_sql(f'SELECT count(*) FROM "{name}"').scalar_one()  # noqa: S608  names of our tables
            for name in tables
        }

    def remembered(self, connection: Connection) -> int:
        """How many answers are kept."""
        return connection.scalar(select(func.count()).select_from(commands)) or 0

    def _session_on(self, connection: Connection) -> Callable[[], Session]:
        return lambda: self.database.sessions(bind=connection, join_transaction_mode="create_savepoint")

    def _open(self, *, read_only: bool = False, **options: Any) -> AbstractContextManager[Work]:
        if self._undone:
            return self._undone(**options)  # a transaction under way cannot become read-only
        return self.database.open_work(read_only=read_only, **options)

    def _sign_all(self) -> Iterator[tuple[str, str]]:
        signer = PrincipalSigner(PRIVATE, self.clock)
        for actor, principal in self.principals.items():
            yield actor, signer.sign(principal)[0]
        mine, theirs = (signer.sign(self.principals[actor])[0].split(".") for actor in ("member_a", "admin"))
        earlier = ManualClock(self.clock.now() - timedelta(minutes=5))
        yield "forged", PrincipalSigner(STRANGERS_KEY, self.clock).sign(self.principals["admin"])[0]
        yield "altered", ".".join([mine[0], theirs[1], mine[2]])
        yield "unsigned", f"eyJhbGciOiJub25lIn0.{theirs[1]}."
        yield "expired", PrincipalSigner(PRIVATE, earlier).sign(self.principals["admin"])[0]


def strangers(organisations: Mapping[str, UUID] | None = None) -> dict[str, Principal]:
    """Everybody, where the service does not know accounts itself."""
    organisations = organisations or {A: new_id(), B: new_id()}
    return {actor: a_principal(actor, organisations.get(organisation_of(actor) or "")) for actor in ACTORS}


def a_principal(
    actor: str, organisation_id: UUID | None, *, account_id: UUID | None = None, session_id: UUID | None = None
) -> Principal:
    """Somebody, signed in."""
    return Principal(
        account_id=account_id or new_id(),
        session_id=session_id or new_id(),
        organisation_id=organisation_id,
        roles=frozenset({ROLE_OF[actor]}),
    )


def _absent(name: str, value: str) -> str:
    if name == "certificate_number":
        return make_number("C", 2026, 999_999)
    try:
        UUID(value)
    except ValueError:
        return value
    return str(new_id())
