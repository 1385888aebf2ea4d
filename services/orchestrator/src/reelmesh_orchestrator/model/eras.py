"""Eras of the record: what has been seen of it, and whether it still is the record that it was.

Theory of operation. A record goes back when a backup takes its place, or when a standby that lagged does. Then it shows
attempts as unbegun that were submitted and paid. A *mark* is a moment of the record that can be carried elsewhere: the
era, and the highest event in it, by its position and its random id. Workers carry the latest one that they were told,
and storage keeps one. Who holds a mark that the record does not know has seen a future that is lost. The record also
holds who its server was (system identifier and timeline on PostgreSQL): a promoted standby is another one. Either way a
new era begins, and nothing is submitted before lost jobs were looked for. An older era that the record knows about was
looked through when it ended, so that whoever still carries a mark of it tells nothing new.
"""

import dataclasses
import datetime
import enum
import uuid
from collections.abc import Mapping, Sequence

from reelmesh_orchestrator.model.machine import Machine

# What a finder carries in place of a revision has the era in it, above so many bits.
_REVISION_BITS = 40


class EraState(enum.StrEnum):
    """How far an era is."""

    LOOKING = "LOOKING"
    MATCHING = "MATCHING"
    STANDING = "STANDING"


class EraEvent(enum.StrEnum):
    """What moves an era."""

    COUNTED = "COUNTED"
    MATCHED = "MATCHED"
    NEWS = "NEWS"


_S, _E = EraState, EraEvent

MACHINE: Machine[EraState, EraEvent] = Machine(
    "era",
    {
        # Every account was looked through, or is parked.
        _S.LOOKING: {_E.COUNTED: _S.MATCHING},
        # What was found is with the attempts that it belongs to, and the others are free to go on.
        _S.MATCHING: {_E.MATCHED: _S.STANDING, _E.NEWS: _S.MATCHING},
        # Somebody who was not there tells of jobs that nobody knew: they may be of generations that were matched.
        _S.STANDING: {_E.NEWS: _S.MATCHING},
    },
)


@dataclasses.dataclass(frozen=True)
class Mark:
    """A moment of the record, as others carry it. Position 0 is before the first event."""

    era_id: uuid.UUID
    position: int = 0
    event_id: uuid.UUID | None = None


@dataclasses.dataclass(frozen=True)
class Era:
    """A stretch of the record's life in which it did not go back."""

    #: 1 for the first, one more with each time that lost jobs were looked for.
    number: int
    id: uuid.UUID
    state: EraState
    #: What the database said it is when the era began.
    identity: str
    #: What an operator called it; empty when it began by itself.
    name: str
    reason: str
    begin_time: datetime.datetime
    #: When the last event before it was recorded; nothing later is known. None: there was none.
    head_time: datetime.datetime | None = None
    end_time: datetime.datetime | None = None
    #: Events up to this position may have been deleted because they were old.
    pruned_to: int = 0
    #: An era that somebody has seen and that this record has lost.
    lost_era_id: uuid.UUID | None = None
    #: The last generation that was matched, in the order of ids.
    matched_to: uuid.UUID | None = None
    #: Jobs that found their attempts.
    adopted: int = 0
    #: Generations that went on without one.
    freed: int = 0

    def moved(self, event: EraEvent, **changes: object) -> "Era":
        """Return the era after `event`; what was matched so far counts no more.

        Raises:
            machine.RefusedError: the table has no such move.
        """
        return dataclasses.replace(self, state=MACHINE.after(self.state, event), matched_to=None, **changes)  # pyright: ignore[reportArgumentType]

    def heard(self) -> "Era":
        """Return the era after jobs were told that nobody knew; while it is looking they are matched with the rest."""
        return self if self.state is EraState.LOOKING else self.moved(EraEvent.NEWS)

    @property
    def gone_back(self) -> bool:
        """Whether lost jobs were ever looked for: only then can there be jobs that were found."""
        return self.number > 1

    @property
    def open(self) -> bool:
        """Whether lost jobs are being looked for: nothing is submitted meanwhile."""
        return self.state is not EraState.STANDING


@dataclasses.dataclass(frozen=True)
class Standing:
    """What the record says of itself, and about marks that it was asked for: all of one moment."""

    #: None before an orchestrator has ever started on this record.
    era: Era | None
    #: What the database says it is now.
    identity: str
    #: Its highest event: position and id; 0 and None without any.
    head_position: int = 0
    head_event_id: uuid.UUID | None = None
    head_time: datetime.datetime | None = None
    #: Other eras that it knows, or knows to be lost, of those that it was asked for.
    known_eras: frozenset[uuid.UUID] = frozenset()
    #: Ids of events, by position, of those that it was asked for.
    events: Mapping[int, uuid.UUID] = dataclasses.field(default_factory=dict[int, uuid.UUID])
    #: Accounts that were not looked through.
    parked: frozenset[str] = frozenset()

    @property
    def mark(self) -> Mark | None:
        """The present moment, to be carried elsewhere."""
        return Mark(self.era.id, self.head_position, self.head_event_id) if self.era else None

    @property
    def open(self) -> bool:
        """Whether lost jobs are being looked for."""
        return self.era is not None and self.era.open

    @property
    def gone_back(self) -> bool:
        """Whether lost jobs were ever looked for."""
        return self.era is not None and self.era.gone_back


def trouble(standing: Standing, marks: Sequence[Mark]) -> str:
    """Say why the record is not what was seen of it; "" when it is."""
    era = standing.era
    if era is None:
        return ""
    if era.identity != standing.identity:
        return f"the database was {era.identity} and is {standing.identity} now"
    for mark in marks:
        if not _knows(standing, mark):
            return f"somebody has seen era {mark.era_id}, which this record does not know"
        if mark.era_id == era.id and _is_lost(standing, era, mark):
            return (
                f"somebody has seen event {mark.event_id} at position {mark.position}; this record ends at "
                f"{standing.head_position}"
            )
    return ""


def lost_era(standing: Standing, marks: Sequence[Mark]) -> uuid.UUID | None:
    """Return an era that somebody has seen and that the record does not know."""
    return next((mark.era_id for mark in marks if not _knows(standing, mark)), None)


def _knows(standing: Standing, mark: Mark) -> bool:
    return mark.era_id in standing.known_eras or (standing.era is not None and mark.era_id == standing.era.id)


def _is_lost(standing: Standing, era: Era, mark: Mark) -> bool:
    if mark.position <= era.pruned_to:
        return False  # too old to tell, and so is position 0
    return standing.events.get(mark.position) != mark.event_id


def later(one: Mark | None, other: Mark | None) -> Mark | None:
    """Return the mark that tells more, of two by the same speaker: `other` is what was said last."""
    if one is None or other is None:
        return other or one
    return one if one.era_id == other.era_id and one.position > other.position else other


def fence(era: Era | None, revision: int) -> int:
    """Return what a finder carries in place of a revision: those of a lost future are none of this one's."""
    return revision + ((era.number - 1) << _REVISION_BITS if era else 0)
