"""Which order a transfer pays, through slips of people and banks."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy import select

from libs.chassis import references
from libs.contracts.orders import BankStatementView, OrderView
from services.orders.model import BankTransaction
from tests.support.builders.orders import LICENCE, TRAINING, Buyer, Shop
from tests.support.builders.statements import Transfer, camt, mt940

LOOK_ALIKES = str.maketrans("RFABEKMHOPCTX", "РФАВЕКМНОРСТХ")
SLIPS = 1_000


def _grouped(text: str, chance: random.Random) -> str:
    size = chance.choice((2, 3, 4, 5))
    separator = chance.choice((" ", "  ", "-", "/", ".", "\u00a0"))
    return separator.join(text[start : start + size] for start in range(0, len(text), size))


def _glued(text: str, chance: random.Random) -> str:
    before, after = ("ПРОФОРМА", "plashtane", "OBUCHENIE 15 CHASA", "фактура"), ("BG", "ОТ", "ot 20.11")
    return f"{chance.choice(before)}{text}{chance.choice(after)}"


def _letters_for_digits(text: str, chance: random.Random) -> str:
    wrong = {"0": "OО", "1": "Il", "5": "S", "8": "B", "3": "З"}
    places = [place for place, digit in enumerate(text) if place > 1 and digit in wrong]
    for place in chance.sample(places, min(2, len(places))):
        text = text[:place] + chance.choice(wrong[text[place]]) + text[place + 1 :]
    return text


def _one_digit_wrong(text: str, chance: random.Random) -> str:
    place = chance.randrange(2, len(text))
    return text[:place] + chance.choice([digit for digit in "0123456789" if digit != text[place]]) + text[place + 1 :]


def _two_digits_swapped(text: str, chance: random.Random) -> str:
    places = [place for place in range(2, len(text) - 1) if text[place] != text[place + 1]]
    place = chance.choice(places)
    return text[:place] + text[place + 1] + text[place] + text[place + 2 :]


SOUND: dict[str, Callable[[OrderView, random.Random], str]] = {
    "as given": lambda order, chance: order.payment.reference,
    "lower case": lambda order, chance: order.payment.reference.lower(),
    "grouped": lambda order, chance: _grouped(order.payment.reference, chance),
    "cyrillic letters": lambda order, chance: order.payment.reference.translate(LOOK_ALIKES),
    "cyrillic letters, small": lambda order, chance: order.payment.reference.translate(LOOK_ALIKES).lower(),
    "glued to words": lambda order, chance: _glued(order.payment.reference, chance),
    "without RF": lambda order, chance: order.payment.reference[2:],
    "letters for digits": lambda order, chance: _letters_for_digits(order.payment.reference, chance),
    "order number": lambda order, chance: f"поръчка {order.number}",
    "order number, squeezed": lambda order, chance: f"плащане{order.number.replace('-', '')}",
    "order number, spaced": lambda order, chance: f"по проформа {order.number.replace('-', ' - ')} от 20.11.2026",
}
DAMAGED: dict[str, Callable[[OrderView, random.Random], str]] = {
    "one digit wrong": lambda order, chance: _one_digit_wrong(order.payment.reference, chance),
    "two digits swapped": lambda order, chance: _two_digits_swapped(order.payment.reference, chance),
    "wrong digit in the number": lambda order, chance: _one_digit_wrong(f"No{order.number.replace('-', '')}", chance),
    "nothing but a word": lambda order, chance: "обучение",
}


@pytest.mark.story("INS-06")
@pytest.mark.parametrize("form", ["camt", "mt940"])
def test_thousand_slips_match_no_wrong_order_and_nearly_every_right_one(shop: Shop, form: str) -> None:
    chance = random.Random(20_261_121)
    buyers = [shop.buyer(f"Застрахователен брокер {name} ООД") for name in _NAMES]
    accounts = {buyer.organisation_id: _iban(index) for index, buyer in enumerate(buyers)}
    _let_the_payers_be_known(shop, buyers, accounts)
    slips = SLIPS // 2
    # Sums repeat on purpose: the sum alone must not tell orders apart.
    orders = [
        shop.order(chance.choice(buyers), (LICENCE, chance.randint(1, 12)), (TRAINING, chance.randint(1, 8)))
        for _ in range(slips)
    ]
    written = [(order, *_write(order, chance)) for order in orders]
    transfers = [
        Transfer(
            amount=order.gross.amount,
            texts=_wrap(text, chance),
            bank_reference=f"R{index:05d}",
            payer=next(buyer.name for buyer in buyers if buyer.organisation_id == order.organisation_id),
            payer_iban=accounts[order.organisation_id],
        )
        for index, (order, _, text) in enumerate(written)
    ]
    content = camt(transfers, statement_id="slips") if form == "camt" else mt940(transfers, encoding="utf-8")

    statement = shop.statement(content)

    assert (statement.state, statement.entries) == ("done", slips)
    paid = _paid_by_position(shop, statement)
    right, left, wrong = Counter[str](), Counter[str](), []
    for position, (order, kind, text) in enumerate(written, start=1):
        if position not in paid:
            left[kind] += 1
        elif paid[position] == order.id:
            right[kind] += 1
        else:
            wrong.append((order.number, kind, text))
    assert wrong == []
    assert sum(left[kind] for kind in SOUND) <= 0.01 * slips, left
    assert statement.matched == sum(right.values()) > 0.95 * slips, left


def _paid_by_position(shop: Shop, statement: BankStatementView) -> dict[int, UUID]:
    wanted = select(BankTransaction.position, BankTransaction.order_id).where(
        BankTransaction.statement_id == statement.id, BankTransaction.state == "matched"
    )
    with shop.database.sessions() as session:
        return {row.position: row.order_id for row in session.execute(wanted)}


def _write(order: OrderView, chance: random.Random) -> tuple[str, str]:
    kinds = SOUND if chance.random() < 0.85 else DAMAGED
    kind = chance.choice(list(kinds))
    return kind, kinds[kind](order, chance)


def _wrap(text: str, chance: random.Random) -> list[str]:
    if chance.random() < 0.5:
        return [text]
    at = chance.randrange(1, max(2, len(text)))
    return [text[:at], text[at:]]


def _let_the_payers_be_known(shop: Shop, buyers: list[Buyer], accounts: dict[object, str]) -> None:
    first = [(buyer, shop.order(buyer)) for buyer in buyers]
    shop.statement(
        camt(
            [
                Transfer(
                    amount=order.gross.amount,
                    structured=order.payment.reference,
                    payer=buyer.name,
                    payer_iban=accounts[buyer.organisation_id],
                )
                for buyer, order in first
            ],
            statement_id="first",
        )
    )
    assert all(shop.look(order).state == "paid" for _, order in first)


def _iban(index: int) -> str:
    bban = f"UNCR7000{index:010d}"
    digits = "".join(str(int(character, 36)) for character in f"{bban}BG00")
    return f"BG{98 - int(digits) % 97:02d}{bban}"


_NAMES = [
    f"{first} {second}"
    for first in ("Сигурност", "Доверие", "Опора", "Щит", "Хоризонт", "Компас", "Европа", "Балкан", "Дунав", "Тракия")
    for second in ("", "Консулт", "Плюс", "Груп")
]


def test_slip_that_is_another_orders_number_pays_neither(shop: Shop) -> None:
    right, other = shop.order(shop.buyer("Първа фирма ООД")), shop.order(shop.buyer("Втора фирма ООД"))
    shop.statement(camt([Transfer(amount="57.60", texts=[other.number], payer="Първа фирма ООД", payer_iban="")]))
    assert [shop.look(order).paid.amount for order in (right, other)] == [0, 0]
    [queued] = shop.transactions("unmatched")
    assert right.number in queued.suggestions


def test_number_alone_pays_where_it_is_the_only_order_of_that_sum(shop: Shop) -> None:
    order = shop.order(shop.buyer())
    shop.statement(camt([Transfer(amount="57.60", texts=[order.number], payer="Иван Иванов", payer_iban="")]))
    assert shop.look(order).state == "paid"


def test_part_payment_by_number_pays_where_the_payer_is_the_buyer(shop: Shop) -> None:
    order = shop.order(shop.buyer("Примерен брокер ООД"), (TRAINING, 2))
    shop.statement(camt([Transfer(amount="10.00", texts=[order.number], payer="PRIMEREN BROKER OOD", payer_iban="")]))
    assert shop.look(order).state == "under_paid"


def test_end_to_end_id_names_the_order_where_the_texts_do_not(shop: Shop) -> None:
    order = shop.order(shop.buyer())
    shop.statement(camt([Transfer(amount="57.60", texts=["обучение"], end_to_end_id=order.payment.reference)]))
    [matched] = shop.transactions("matched")
    assert (matched.order_number, matched.matched_by) == (order.number, "end_to_end_id")


def test_structured_reference_is_trusted_before_the_text(shop: Shop) -> None:
    structured, told = shop.order(shop.buyer()), shop.order(shop.buyer())
    shop.statement(
        camt([Transfer(amount="57.60", structured=structured.payment.reference, texts=[told.payment.reference])])
    )
    assert (shop.look(structured).state, shop.look(told).state) == ("paid", "awaiting_payment")


def test_two_references_in_one_text_are_for_a_person(shop: Shop) -> None:
    one, two = shop.order(shop.buyer()), shop.order(shop.buyer())
    shop.statement(camt([Transfer(amount="115.20", texts=[one.payment.reference, two.payment.reference])]))
    [queued] = shop.transactions("unmatched")
    assert (queued.why, set(queued.suggestions)) == ("ambiguous", {one.number, two.number})


def test_sound_reference_of_no_order_is_not_guessed_at(shop: Shop) -> None:
    shop.order(shop.buyer())
    reference = references.make_reference("2031000009")
    shop.statement(camt([Transfer(amount="57.60", texts=[reference])]))
    [queued] = shop.transactions("unmatched")
    assert queued.why == "unknown_reference"


def test_payer_alone_pays_the_one_open_order_of_that_sum(shop: Shop) -> None:
    buyer = shop.buyer()
    first = shop.order(buyer)
    shop.statement(camt([Transfer(amount="57.60", texts=[first.payment.reference])], statement_id="1"))
    second = shop.order(buyer)
    shop.statement(camt([Transfer(amount="57.60", texts=["обучение"])], statement_id="2"))
    assert shop.look(second).state == "paid"
    third, fourth = shop.order(buyer), shop.order(buyer)
    shop.statement(camt([Transfer(amount="57.60", texts=["обучение"])], statement_id="3"))
    assert {shop.look(third).state, shop.look(fourth).state} == {"awaiting_payment"}
    assert [queued.why for queued in shop.transactions("unmatched")] == ["ambiguous"]


def test_name_alone_is_a_suggestion_and_no_payment(shop: Shop) -> None:
    order = shop.order(shop.buyer())
    shop.statement(camt([Transfer(amount="57.60", texts=["обучение"], payer_iban="")]))
    [queued] = shop.transactions("unmatched")
    assert (queued.why, queued.suggestions) == ("no_reference", [order.number])
    assert shop.look(order).paid.amount == Decimal("0.00")


def test_booking_of_several_payments_is_for_a_person(shop: Shop) -> None:
    order = shop.order(shop.buyer())
    content = camt([Transfer(amount="57.60", texts=[order.payment.reference])]).replace(
        b"<NtryDtls>", b"<NtryDtls><Btch><NbOfTxs>3</NbOfTxs></Btch>"
    )
    batch = content.replace(b"<TxDtls>", b"<!--").replace(b"</TxDtls>", b"-->")
    shop.statement(batch)
    assert [queued.why for queued in shop.transactions("unmatched")] == ["collective"]
    assert shop.look(order).state == "awaiting_payment"
