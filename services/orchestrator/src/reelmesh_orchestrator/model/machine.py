"""A state machine as a table: what is not in it is refused."""

import enum
from collections.abc import Mapping
from typing import Generic, TypeVar

State = TypeVar("State", bound=enum.StrEnum)
Event = TypeVar("Event", bound=enum.StrEnum)


class RefusedError(Exception):
    """The table has no such move."""

    def __init__(self, machine: str, state: enum.StrEnum, event: enum.StrEnum) -> None:
        """Name machine, state and event."""
        super().__init__(f"{machine}: {event} has no meaning in {state}")
        self.machine = machine
        self.state = state
        self.event = event


class Machine(Generic[State, Event]):
    """Which event moves which state where."""

    def __init__(self, name: str, table: Mapping[State, Mapping[Event, State]]) -> None:
        """Take the whole table: every state has a row, possibly empty."""
        self.name = name
        self.table = table

    def after(self, state: State, event: Event) -> State:
        """Return the state that `event` leads to.

        Raises:
            RefusedError: the table has no such move.
        """
        try:
            return self.table[state][event]
        except KeyError:
            raise RefusedError(self.name, state, event) from None

    def allows(self, state: State, event: Event) -> bool:
        """Tell whether `event` moves `state`."""
        return event in self.table[state]

    def diagram(self) -> str:
        """Return the table as a Mermaid state diagram, for the docs."""
        lines = ["stateDiagram-v2"]
        for state, row in self.table.items():
            lines += [f"    {state} --> {target}: {event}" for event, target in row.items()]
        return "\n".join(lines) + "\n"
