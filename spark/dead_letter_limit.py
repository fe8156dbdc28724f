"""
Tells a bad deployment, which would divert a whole topic, from records that are bad: the limits of the consumer
(consumer/dead-letter-limit.ts), over the batches of one query since the last one without a dead letter.
"""

from collections import deque
from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass, field

from faults import FinalError

#: Over how many of a partition's last records the share is taken; before so many were seen there is none.
WINDOW_RECORDS = 1_000


@dataclass
class _Counts:
    up_to: int = -1
    in_a_row: int = 0
    recent: deque[bool] = field(default_factory=lambda: deque(maxlen=WINDOW_RECORDS))


class DeadLetterLimit:
    def __init__(self, topic: str, max_in_a_row: int, max_share: float) -> None:
        self._topic = topic
        self._max_in_a_row = max_in_a_row
        self._max_share = max_share
        self._partitions: dict[int, _Counts] = {}

    def reset(self) -> None:
        """After a batch without a dead letter."""
        self._partitions = {}

    def check(self, outcomes: Iterable[tuple[int, int, bool]]) -> None:
        """
        Counts the records of a batch: partition, offset, and whether each is a dead letter. Raises FinalError where the
        limit would be exceeded, and then counts none: none of the dead letters may be sent.
        """
        partitions = deepcopy(self._partitions)
        for partition, offset, is_dead in sorted(outcomes):
            counts = partitions.setdefault(partition, _Counts())
            if offset <= counts.up_to:
                continue  # of a batch that is run again
            counts.up_to = offset
            counts.in_a_row = counts.in_a_row + 1 if is_dead else 0
            counts.recent.append(is_dead)
            if is_dead and (limit := self._reached(counts)):
                raise FinalError(
                    f"topic {self._topic}, partition {partition}: too many dead letters, {limit}, the last of them at "
                    f"offset {offset}. Fix what writes these records or what reads them, or raise that limit, and start "
                    "the job again"
                )
        self._partitions = partitions

    def _reached(self, counts: _Counts) -> str | None:
        if counts.in_a_row > self._max_in_a_row:
            return f"more than {self._max_in_a_row} in a row (consumer.maxDeadLettersInARow)"
        if len(counts.recent) == WINDOW_RECORDS and sum(counts.recent) > self._max_share * WINDOW_RECORDS:
            return (
                f"more than {self._max_share * 100:g} % of the last {WINDOW_RECORDS} records "
                "(consumer.maxDeadLetterShare)"
            )
        return None
