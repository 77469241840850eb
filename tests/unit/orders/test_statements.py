"""Statement files: what is read of good ones, and why bad ones are refused."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.orders.adapters.bank_statements import Entry, OwnAccounts, Reason, StatementFault, read_statement
from services.orders.adapters.bank_statements.mt940 import account_number, parse_details
from tests.support.builders.statements import OUR_IBAN, PAYER_IBAN, Transfer, camt, mt940

OURS = OwnAccounts({OUR_IBAN: "EUR"})


def entries(content: bytes, own: OwnAccounts = OURS, *, max_bytes: int = 50_000_000) -> list[Entry]:
    return list(read_statement(io.BytesIO(content), own, max_bytes=max_bytes))


def refusal(content: bytes, own: OwnAccounts = OURS, *, max_bytes: int = 50_000_000) -> StatementFault:
    with pytest.raises(StatementFault) as fault:
        entries(content, own, max_bytes=max_bytes)
    return fault.value


def read_or_refused(content: bytes) -> bool:
    """Anything but a refusal by a reason leaves through the test."""
    try:
        return all(entry.account == OUR_IBAN for entry in entries(content))
    except StatementFault as fault:
        return fault.reason in Reason


GOOD = Transfer(
    amount="115.20",
    texts=["Плащане", "RF552026000147"],
    structured="RF552026000147",
    bank_reference="B1",
    end_to_end_id="E1",
)


@pytest.mark.parametrize("version", ["02", "04", "08", "13"])
def test_camt_of_any_version_gives_the_same_entry(version: str) -> None:
    [entry] = entries(camt([GOOD], version=version))
    assert entry == Entry(
        position=1,
        place=1,
        account=OUR_IBAN,
        statement_number="S-1",
        amount=Decimal("115.20"),
        currency="EUR",
        credit=True,
        booked_on=date(2026, 11, 20),
        valued_on=date(2026, 11, 20),
        bank_reference="B1",
        end_to_end_id="E1",
        structured_reference="RF552026000147",
        payer_name="Примерен брокер ООД",
        payer_iban=PAYER_IBAN,
        remittance=("Плащане", "RF552026000147"),
    )


@pytest.mark.parametrize(("delimiter", "code"), [("?", "166"), ("?", ""), ("+", "000"), ("+", ""), ("^", "")])
@pytest.mark.parametrize("encoding", ["utf-8", "cp1251"])
def test_mt940_of_any_bank_gives_payer_and_purpose(delimiter: str, code: str, encoding: str) -> None:
    long_name = "Застрахователен брокер Сигурност и Партньори ООД"
    transfer = Transfer(amount="115.20", texts=["Плащане по проформа RF55 2026 0001 47"], payer=long_name)
    [entry] = entries(mt940([transfer], delimiter=delimiter, code=code, encoding=encoding))
    assert (entry.amount, entry.credit, entry.payer_iban) == (Decimal("115.20"), True, PAYER_IBAN)
    assert "".join((entry.payer_name or "").split()) == "".join(long_name.split())
    assert "".join("".join(entry.remittance).split()) == "ПлащанепопроформаRF552026000147"
    assert "nothing of the last transfer" not in " ".join(entry.remittance)


def test_free_text_keeps_its_lines() -> None:
    text = "получен превод от Примерен брокер, обучение на служители RF552026000147"
    [entry] = entries(mt940([Transfer(texts=[text])], delimiter=""))
    assert "".join(entry.remittance) == text
    assert (entry.payer_name, entry.payer_iban) == (None, None)


def test_plus_of_a_telephone_number_is_no_field() -> None:
    details = parse_details(["000+20тел. +359888123456+32Фирма"])
    assert (details.purpose, details.name) == (("тел. +359888123456",), "Фирма")


def test_fields_out_of_order_are_put_in_order() -> None:
    assert parse_details(["+22три+20едно+21две"]).purpose == ("едно", "две", "три")


def test_end_to_end_id_ends_with_its_field() -> None:
    details = parse_details(["166?00GUTSCHRIFT?20EREF+E2E-147?21SVWZ+Training?22 for staff?32Payer"])
    assert details.end_to_end_id == "E2E-147"


@pytest.mark.parametrize(
    "lines",
    [
        [":20:X", ":61:261120C1,00NTRFNONREF", ":62F:C261120EUR1,00"],
        [":20:X", ":28C:1/1", ":60F:C261120EUR1,00", ":62F:C261120EUR1,00"],
        [
            ":20:X",
            f":25:{OUR_IBAN}",
            ":60F:C261120EUR1,00",
            ":61:261120C1,00NTRFA",
            *["x"] * 300,
            ":62F:C261120EUR1,00",
        ],
        [":20:X", f":25:{OUR_IBAN}", ":60F:C261120EUR1,00", ":61:2611200230C1,00NTRFA", ":62F:C261120EUR1,00"],
    ],
)
def test_tags_out_of_place_are_malformed(lines: list[str]) -> None:
    assert refusal("\r\n".join(lines).encode()).reason is Reason.MALFORMED


def test_envelope_of_the_network_is_passed_over() -> None:
    inner = mt940([Transfer(bank_reference="B1")], encoding="utf-8").decode().replace("\r\n-", "\r\n-}")
    [entry] = entries(f"{{1:F01BNBGBGSD0000}}{{2:I940}}{{4:\r\n{inner}".encode())
    assert entry.bank_reference == "B1"


@pytest.mark.parametrize(
    ("valued", "booked", "expected"),
    [
        ("261231", "0102", date(2027, 1, 2)),
        ("270101", "1231", date(2026, 12, 31)),
        ("261120", "1121", date(2026, 11, 21)),
        ("240229", "0229", date(2024, 2, 29)),
        ("261120", "", date(2026, 11, 20)),
    ],
)
def test_booking_day_lies_in_the_year_next_to_the_value_day(valued: str, booked: str, expected: date) -> None:
    lines = [":20:X", f":25:{OUR_IBAN}", ":28C:1/1", ":60F:C261119EUR1,00", f":61:{valued}{booked}C1,00NTRFNONREF"]
    [entry] = entries("\r\n".join([*lines, ":62F:C261120EUR2,00", ""]).encode())
    assert entry.booked_on == expected


@pytest.mark.parametrize(
    ("mark", "credit", "is_reversal"),
    [("C", True, False), ("D", False, False), ("RC", False, True), ("RD", True, True)],
)
def test_reversal_goes_the_other_way(mark: str, credit: bool, is_reversal: bool) -> None:
    lines = [":20:X", f":25:{OUR_IBAN}EUR", ":28C:1/1", ":60F:C261119EUR1,00", f":61:261120{mark}R1,00NTRFNONREF//B"]
    [entry] = entries("\n".join([*lines, ":62F:C261120EUR2,00"]).encode())
    assert (entry.credit, entry.reversal, entry.bank_reference) == (credit, is_reversal, "B")


@pytest.mark.parametrize(
    "text", [OUR_IBAN, f"{OUR_IBAN}EUR", f"BNBGBGSD/{OUR_IBAN}", "BG80 BNBG 9661 1020 3456 78", OUR_IBAN.lower()]
)
def test_account_is_found_however_the_bank_writes_it(text: str) -> None:
    assert account_number(text) == OUR_IBAN


TWO = [Transfer(bank_reference="B1"), Transfer(bank_reference="B2")]
XML = camt(TWO)
ENTITY = b'<!DOCTYPE Document [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
LAUGHS = b'<!DOCTYPE d [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]>'


def _with_prolog(declaration: bytes) -> bytes:
    return XML.replace(b"<Document", declaration + b"<Document", 1)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", Reason.NOT_A_STATEMENT),
        (b"hello", Reason.NOT_A_STATEMENT),
        (b"%PDF-1.7 \x00\x01\x02", Reason.NOT_A_STATEMENT),
        (b"PK\x03\x04\x14\x00", Reason.NOT_A_STATEMENT),
        (b"<html><body>Error</body></html>", Reason.NOT_A_STATEMENT),
        (b"<!DOCTYPE html><html></html>", Reason.NOT_A_STATEMENT),
        (b"<", Reason.NOT_A_STATEMENT),
        (b"<invoice><amount>1</amount></invoice>", Reason.NOT_A_STATEMENT),
        (
            XML.replace(b"BkToCstmrStmt", b"BkToCstmrDbtCdtNtfctn").replace(b"camt.053", b"camt.054"),
            Reason.NOT_A_STATEMENT,
        ),
        (XML[: len(XML) // 2], Reason.TRUNCATED),
        (XML[:-3], Reason.TRUNCATED),
        (XML[:250], Reason.TRUNCATED),
        (XML.replace(b"</Ntry>", b"</Entry>", 1), Reason.MALFORMED),
        (XML.replace(b">57.60<", b">57,60<", 1), Reason.MALFORMED),
        (XML.replace(b">57.60<", b">57.605<", 1), Reason.MALFORMED),
        (XML.replace(b">57.60<", b">NaN<", 1), Reason.MALFORMED),
        (XML.replace(b"CRDT", b"PLUS", 1), Reason.MALFORMED),
        (XML.replace(b"2026-11-20</Dt>", b"2026-13-20</Dt>", 1), Reason.MALFORMED),
        (XML.replace(b"<Acct>", b"<Account>").replace(b"</Acct>", b"</Account>"), Reason.MALFORMED),
        (_with_prolog(ENTITY), Reason.FORBIDDEN_ENTITY),
        (_with_prolog(ENTITY).replace("Примерен".encode(), b"&x;"), Reason.FORBIDDEN_ENTITY),
        (_with_prolog(LAUGHS).replace("Примерен".encode(), b"&c;"), Reason.FORBIDDEN_ENTITY),
        (_with_prolog(b"<!--" + b"x" * 70_000 + b"-->" + ENTITY), Reason.FORBIDDEN_ENTITY),
        (_with_prolog(ENTITY).decode().replace("UTF-8", "UTF-16").encode("utf-16"), Reason.FORBIDDEN_ENTITY),
        (camt(TWO, currency="USD"), Reason.WRONG_CURRENCY),
        (camt([Transfer(), Transfer(currency="BGN")]), Reason.WRONG_CURRENCY),
        (camt(TWO, iban=PAYER_IBAN), Reason.UNKNOWN_ACCOUNT),
        (camt([], iban=PAYER_IBAN), Reason.UNKNOWN_ACCOUNT),
        (mt940(TWO)[:200], Reason.TRUNCATED),
        (mt940(TWO, closed=False), Reason.TRUNCATED),
        (mt940(TWO).replace(b"C57,60", b"X57,60", 1), Reason.MALFORMED),
        (mt940(TWO).replace(b":60F:C", b":60F:Z", 1), Reason.MALFORMED),
        (mt940(TWO).replace(b":61:261120", b":61:261320", 1), Reason.MALFORMED),
        (mt940(TWO, iban=PAYER_IBAN), Reason.UNKNOWN_ACCOUNT),
        (mt940(TWO, currency="BGN"), Reason.WRONG_CURRENCY),
        (b":20:ONLY\r\n", Reason.TRUNCATED),
    ],
)
def test_bad_file_is_refused_for_a_reason_a_clerk_understands(content: bytes, reason: Reason) -> None:
    assert refusal(content).reason is reason


def test_sixty_megabytes_are_refused_before_they_are_read() -> None:
    class Untouchable(io.BytesIO):
        def read(self, *_: object) -> bytes:
            raise AssertionError("the file was read")

    with pytest.raises(StatementFault) as fault:
        list(read_statement(Untouchable(bytes(60_000_000)), OURS))
    assert fault.value.reason is Reason.TOO_LARGE


def test_stream_of_unknown_length_is_cut_off() -> None:
    class Endless(io.RawIOBase):
        def __init__(self) -> None:
            self._parts: Iterator[bytes] = self._written()

        def _written(self) -> Iterator[bytes]:
            head, _, tail = camt([Transfer()]).partition(b"<Ntry>")
            entry = b"<Ntry>" + tail.partition(b"</Ntry>")[0] + b"</Ntry>"
            yield head
            while True:
                yield entry

        def seekable(self) -> bool:
            return False

        def read(self, _size: int = -1) -> bytes:
            return next(self._parts)

    with pytest.raises(StatementFault) as fault:
        list(read_statement(Endless(), OURS, max_bytes=1_000_000))  # type: ignore[arg-type]
    assert fault.value.reason is Reason.TOO_LARGE


def test_fault_says_the_line() -> None:
    assert refusal(XML.replace(b"</Ntry>\n<Ntry>", b"</Ntry>\n<Ntry", 1)).line == 4
    assert refusal(mt940(TWO).replace(b"C57,60", b"X57,60", 1)).line == 5


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    assert read_or_refused(content)


@given(st.integers(0, len(XML)), st.binary(min_size=1, max_size=6))
def test_damaged_camt_is_read_or_refused(place: int, noise: bytes) -> None:
    assert read_or_refused(XML[:place] + noise + XML[place + len(noise) :])


@given(st.integers(0, 600), st.binary(min_size=1, max_size=6))
def test_damaged_mt940_is_read_or_refused(place: int, noise: bytes) -> None:
    content = mt940(TWO)
    assert read_or_refused(content[:place] + noise + content[place + len(noise) :])


def test_same_booking_has_the_same_key_in_another_file() -> None:
    [day] = entries(camt([GOOD], statement_id="day", version="02"))
    _, week = entries(camt([Transfer(), GOOD], statement_id="week", version="08"))
    assert day.key == week.key


def test_true_payments_that_are_alike_have_keys_of_their_own() -> None:
    same = Transfer()
    keys = {entry.key for entry in entries(camt([same, same]))}
    assert len(keys) == 2
    assert keys == {entry.key for entry in entries(camt([same, same]))}


def test_another_payers_transfer_is_another_one_though_the_bank_repeats_the_statements_number() -> None:
    [first] = entries(camt([Transfer()], statement_id="1"))
    [second] = entries(camt([Transfer(payer_iban="BG80BNBG96611020345678")], statement_id="1"))
    assert first.key != second.key


def test_details_of_one_booking_are_told_apart() -> None:
    detail = (
        b'<TxDtls><Refs><AcctSvcrRef>B1</AcctSvcrRef></Refs><Amt Ccy="EUR">50.00</Amt>'
        b"<RmtInf><Ustrd>%b</Ustrd></RmtInf></TxDtls>"
    )
    whole = camt([Transfer(amount="100.00", bank_reference="B1")])
    start, end = whole.index(b"<TxDtls>"), whole.index(b"</NtryDtls>")
    two = entries(whole[:start] + detail % b"one" + detail % b"two" + whole[end:])
    assert [(entry.amount, entry.remittance, entry.collective) for entry in two] == [
        (Decimal("50.00"), ("one",), False),
        (Decimal("50.00"), ("two",), False),
    ]
    assert len({entry.key for entry in two}) == 2
    [three] = entries(whole[:start] + detail % b"one" * 3 + whole[end:])
    assert (three.amount, three.collective) == (Decimal("100.00"), True)


def test_bookings_that_are_not_final_are_left_out() -> None:
    assert entries(camt(TWO, version="08").replace(b"BOOK", b"PDNG", 1))[0].bank_reference == "B2"


def test_statement_without_a_booking_is_good_and_empty() -> None:
    assert entries(camt([])) == []
    assert entries(mt940([])) == []


def test_memory_stays_flat_over_forty_thousand_bookings() -> None:
    one = camt([Transfer(texts=["Плащане RF552026000147"], bank_reference="B")])
    head, _, rest = one.partition(b"<Ntry>")
    body, _, foot = rest.partition(b"</Ntry>\n")
    entry = b"<Ntry>" + body + b"</Ntry>\n"

    class Long(io.RawIOBase):
        def __init__(self, count: int) -> None:
            self._parts = iter([head, *[entry * 100] * (count // 100), foot])

        def seekable(self) -> bool:
            return False

        def read(self, _size: int = -1) -> bytes:
            return next(self._parts, b"")

    process = psutil.Process()
    stream = read_statement(Long(40_000), OURS)  # type: ignore[arg-type]
    for _ in range(1_000):
        next(stream)
    before = process.memory_info().rss
    assert sum(1 for _ in stream) == 39_000
    assert process.memory_info().rss - before < 20_000_000
