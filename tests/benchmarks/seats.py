"""Five hundred buyers for three hundred seats; and whether a pool's size is felt."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from libs.chassis.database import create_engine, session_factory
from libs.chassis.ids import new_id
from libs.contracts.orders import OrderedLine, OrderPaid
from libs.messaging.work import work_factory
from services.licensing.handlers.pools import grant_paid_seats
from tests.benchmarks.bench import LARGE_POOL, SMALL_POOL, Bench, by_turns
from tests.benchmarks.load import Answer, drive, request
from tests.benchmarks.people import Person
from tests.benchmarks.table import Figure

BUYERS_AT_ONCE = 50
CONNECTIONS = 8
RUSH, LARGE = "bench-rush", "bench-large"
MOST_ASKINGS = 20
SAME = 0.2


class TooManySeats(Exception):
    """More or fewer seats were given than there were."""


def skus(rounds: int) -> list[str]:
    """The products that the measurements need: a pool of one hundred seats is used up by one round."""
    return [RUSH, LARGE, *(_small(number) for number in range(rounds))]


def measure(bench: Bench) -> list[Figure]:
    """The rush, then assignments a second from small pools and from a large one."""
    grant(bench, {RUSH: bench.size.seats, LARGE: LARGE_POOL})
    grant(bench, {_small(number): SMALL_POOL for number in range(bench.size.rounds)})
    return [_rush(bench), *_pools(bench)]


def _rush(bench: Bench) -> Figure:
    buyers = bench.people.everybody[: bench.size.buyers]
    path = f"{bench.of_organisation}/assignments"
    asking, given, refused = list(buyers), 0, 0
    seconds = 0.0
    for _ in range(MOST_ASKINGS):
        # the key makes asking again safe where the installation was too busy to answer
        asked = [
            request("POST", path, token=bench.people.manager, body=_wish(RUSH, buyer), key=f"rush-{buyer.login}")
            for buyer in asking
        ]
        run = drive(bench.port, asked, connections=BUYERS_AT_ONCE).require(201, 409, 503)
        seconds += run.seconds
        given += sum(answer.status == 201 for answer in run.answers)
        refused += sum(_is_sold_out(answer) for answer in run.answers)
        asking = [asking[answer.place] for answer in run.answers if answer.status == 503]
        if not asking:
            break
    bench.installation.settle()
    _check_rush(bench, given, refused)
    return Figure(
        what=f"{len(buyers):,} buyers for {bench.size.seats:,} seats, {BUYERS_AT_ONCE} at once",
        value=given,
        unit="seats given",
        aim=f"exactly {bench.size.seats}",
        met=True,
        note=f"{refused} told that no seat is left, in {seconds:.1f} s",
    )


def _check_rush(bench: Bench, given: int, refused: int) -> None:
    with bench.installation.connect("licensing") as licensing:
        told = licensing.execute(
            "SELECT count(*), count(DISTINCT seat_id), count(DISTINCT account_id) FROM assignments WHERE sku = %s",
            [RUSH],
        ).fetchone()
        taken = licensing.execute(
            "SELECT count(assignment_id) FROM seats JOIN seat_pools ON seat_pools.id = pool_id WHERE sku = %s", [RUSH]
        ).fetchone()
    wanted = bench.size.seats
    if (given, refused, told, taken) != (wanted, bench.size.buyers - wanted, (wanted,) * 3, (wanted,)):
        raise TooManySeats(f"{given} given, {refused} refused, {told} assignments, {taken} seats taken of {wanted}")


def _pools(bench: Bench) -> list[Figure]:
    rounds = iter(range(bench.size.rounds))
    people = [_slice(bench, number) for number in range(bench.size.rounds)]
    turn = 0

    def small() -> float:
        nonlocal turn
        turn = next(rounds)
        return rate(_small(turn))

    def rate(sku: str) -> float:
        path = f"{bench.of_organisation}/assignments"
        asked = [request("POST", path, token=bench.people.manager, body=_wish(sku, one)) for one in people[turn]]
        run = drive(bench.port, asked, connections=CONNECTIONS).require(201)
        bench.installation.settle()
        return run.per_second

    few, many = by_turns(bench.size.rounds, small, lambda: rate(LARGE))
    return [
        Figure(
            what=f"Assignments from a pool of {LARGE_POOL:,} seats",
            value=many,
            unit="assignments/s",
            yardstick=few,
            yardstick_is=f"from a pool of {SMALL_POOL}",
            aim="same within 20 %",
            met=abs(many / few - 1) <= SAME,
        )
    ]


def _slice(bench: Bench, number: int) -> Sequence[Person]:
    """Other people in each round: nobody can hold two seats of one product."""
    size = bench.size.assignments
    start = number * size % len(bench.people.everybody)
    return bench.people.everybody[start : start + size]


def grant(bench: Bench, wanted: dict[str, int]) -> None:
    """Give the organisation seats as a paid order does."""
    engine = create_engine(bench.installation.url("licensing"))
    with bench.installation.connect("licensing") as licensing:
        products: dict[str, UUID] = dict(licensing.execute("SELECT sku, product_id FROM products").fetchall())
    try:
        with work_factory(session_factory(engine))() as work:
            lines = [
                OrderedLine(
                    line_id=new_id(),
                    product_id=products[sku],
                    sku=sku,
                    kind="seats",
                    quantity=seats,
                    validity_months=12,
                )
                for sku, seats in wanted.items()
            ]
            grant_paid_seats(
                work,
                OrderPaid(
                    order_id=new_id(),
                    number="bench",
                    organisation_id=bench.people.organisation_id,
                    placed_by=bench.people.manager_id,
                    lines=lines,
                    paid_at=datetime.now(UTC),
                ),
            )
    finally:
        engine.dispose()


def _wish(sku: str, person: Person) -> dict[str, object]:
    return {"sku": sku, "people": [{"account_id": str(person.account_id)}]}


def _is_sold_out(answer: Answer) -> bool:
    return answer.status == 409 and answer.json()["code"] == "not_enough_seats"


def _small(number: int) -> str:
    return f"bench-small-{number}"
