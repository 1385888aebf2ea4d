"""Messages between services over NATS: work that is kept until done, events that are kept for a while, and notes.

The record of work is SQL; the bus only carries it. Whatever the bus forgets is published again by who keeps the record.
"""

from reelmesh_kit.bus.client import Bus, Depth, connect
from reelmesh_kit.bus.letters import DeadLetter
from reelmesh_kit.bus.listening import Note
from reelmesh_kit.bus.server import NatsServer, nats_server
from reelmesh_kit.bus.words import Again, Delivery, Done, Message, Poison, Result

__all__ = [
    "Again",
    "Bus",
    "DeadLetter",
    "Delivery",
    "Depth",
    "Done",
    "Message",
    "NatsServer",
    "Note",
    "Poison",
    "Result",
    "connect",
    "nats_server",
]
