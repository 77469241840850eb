"""Reads the provider's answers: yes and no as booleans or numbers, ids as text or numbers, keys that may be absent."""

from typing import Any

from services.mfa.adapters.push import Answer, Finding, Receipt, Standing, Unknown

ANSWERS = {
    1: Answer.WAITING,
    2: Answer.APPROVED,
    3: Answer.REFUSED,
    4: Answer.EXPIRED,
    5: Answer.FAILED,
    6: Answer.WITHDRAWN,
    7: Answer.UNDELIVERABLE,
    8: Answer.WRONG_FACE,
    99: Answer.WAITING,
}
LONGEST_ID = 64


def flag(value: Any) -> bool | None:
    """``true``, ``1``, ``"1"`` and their opposites; None for what is absent or neither."""
    if isinstance(value, bool):
        return value
    text = str(value).strip().lower()
    return {"1": True, "true": True, "0": False, "false": False}.get(text)


def number(value: Any) -> int | None:
    """A whole number, also where it is written as text; None for everything else."""
    if isinstance(value, bool):
        return None
    try:
        return int(str(value).strip())
    except ValueError:
        return None


def identifier(value: Any) -> str | None:
    """An id as text; None where it is empty, too long or no id at all."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return None
    text = str(value).strip()
    return text if text and len(text) <= LONGEST_ID and text.isalnum() else None


def read_standing(data: dict[str, Any]) -> Standing:
    """How the person stands; newer answers carry more flags than older ones."""
    registered = flag(data.get("isRegistered"))
    if registered is None:
        raise Unknown("wrong_shape")
    if not registered or flag(data.get("hasConfirmedPhone")) is False:
        return Standing.NOT_REGISTERED
    if not flag(data.get("isIdentified")):
        return Standing.NOT_IDENTIFIED
    if flag(data.get("isReadyToSign")) is False or flag(data.get("isRejected")):
        return Standing.NOT_READY
    return Standing.READY


def read_receipt(data: dict[str, Any]) -> Receipt:
    """The two ids of a push that went out."""
    transaction_id, thread_id = identifier(data.get("transactionID")), identifier(data.get("threadID"))
    if transaction_id is None or thread_id is None:
        raise Unknown("wrong_shape")
    return Receipt(transaction_id=transaction_id, thread_id=thread_id)


def read_finding(data: dict[str, Any]) -> Finding:
    """What became of a push; signed but still being processed counts as waiting."""
    status = number(data.get("status"))
    if status is None:
        raise Unknown("wrong_shape")
    if status not in ANSWERS:
        raise Unknown("unknown_status")
    answer = ANSWERS[status]
    if answer == Answer.APPROVED and flag(data.get("isProcessing")):
        answer = Answer.WAITING
    return Finding(answer=answer, status=status, reject_reason=number(data.get("rejectReason")))
