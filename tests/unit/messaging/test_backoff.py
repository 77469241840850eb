"""Pauses between attempts."""

from libs.messaging.backoff import Backoff


def test_pauses_double_up_to_the_longest_and_begin_small_again_after_a_success() -> None:
    backoff = Backoff(first=1, most=4)

    pauses = [backoff.next() for _ in range(5)]
    backoff.reset()

    for pause, middle in zip([*pauses, backoff.next()], [1, 2, 4, 4, 4, 1], strict=True):
        assert 0.75 * middle <= pause <= 1.25 * middle
