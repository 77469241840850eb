"""EIK/BULSTAT, the number of a Bulgarian legal body: 9 digits, or 13 for a branch, each with its check digit."""

from stdnum.bg import vat

BRANCH_WEIGHTS = (2, 7, 3, 5)
BRANCH_SECOND_WEIGHTS = (4, 9, 5, 7)


def is_valid_eik(number: str) -> bool:
    """Whether the number is well formed; whether such a body exists is another question."""
    if not (number.isascii() and number.isdigit()):
        return False
    if len(number) == 13:
        return bool(vat.is_valid(number[:9])) and _branch_check_digit(number[8:12]) == int(number[12])
    return len(number) == 9 and bool(vat.is_valid(number))


def _branch_check_digit(digits: str) -> int:
    """Weighted sum modulo 11; a 10 is summed again with the second weights, and a second 10 counts as 0."""
    for weights in (BRANCH_WEIGHTS, BRANCH_SECOND_WEIGHTS):
        remainder = sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=True)) % 11
        if remainder < 10:
            return remainder
    return 0
