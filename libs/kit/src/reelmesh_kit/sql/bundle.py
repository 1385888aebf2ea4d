"""Several questions in one round trip, compiled once.

A decision needs rows of many tables. On PostgreSQL a bundle is one statement, so its answers are of one moment; on
SQLite, where a round trip costs nothing, it is a statement for each question.
"""

import functools
import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import sqlalchemy
from sqlalchemy.ext import compiler
from sqlalchemy.sql import elements

from reelmesh_kit.sql import values
from reelmesh_kit.sql.columns import Instant

Columns = dict[str, Any]
# What a statement was compiled to: its text, and the names of its parameters in their order.
_Text = tuple[str, tuple[str, ...]]


class Parameter(elements.ColumnElement[Any]):
    """A value that is given with each question; whatever else a question compares with is a part of its text."""

    inherit_cache = True

    def __init__(self, name: str, type_: sqlalchemy.types.TypeEngine[Any]) -> None:
        """Name it."""
        self.type = type_
        self.bind = sqlalchemy.bindparam(name, type_=type_, required=False)


def parameter(name: str, type_: type[sqlalchemy.types.TypeEngine[Any]]) -> sqlalchemy.ColumnElement[Any]:
    """Return a parameter of a bundle's questions."""
    return Parameter(name, type_())


@compiler.compiles(Parameter)
def _parameter(element: Parameter, compiled: Any, **options: Any) -> str:
    return compiled.process(element.bind, **{**options, "literal_binds": False})


class Now(elements.ColumnElement[Any]):
    """The time of the transaction, as a question may compare with it."""

    inherit_cache = True
    type = Instant()
    parameter = parameter("now", Instant)


def now() -> sqlalchemy.ColumnElement[Any]:
    """Return the time of the transaction for a question: PostgreSQL knows it, SQLite is told."""
    return Now()


@compiler.compiles(Now, "postgresql")
def _now_of_the_server(_element: Now, compiled: Any, **options: Any) -> str:
    return compiled.process(sqlalchemy.func.now(), **options)


@compiler.compiles(Now, "sqlite")
def _now_as_told(element: Now, compiled: Any, **options: Any) -> str:
    return compiled.process(element.parameter, **options)


class Ago(elements.ColumnElement[Any]):
    """A time so many seconds before that of the transaction."""

    inherit_cache = True
    type = Instant()

    def __init__(self, parameter: str) -> None:
        """Take the name of the parameter."""
        self.seconds = Parameter(parameter, sqlalchemy.Double())


def ago(parameter: str) -> sqlalchemy.ColumnElement[Any]:
    """Return the time so many seconds ago, as a parameter says; with less than none it is yet to come."""
    return Ago(parameter)


@compiler.compiles(Ago, "postgresql")
def _ago_of_the_server(element: Ago, compiled: Any, **options: Any) -> str:
    seconds = compiled.process(element.seconds, **options)
    return f"({compiled.process(sqlalchemy.func.now(), **options)} - make_interval(secs => {seconds}))"


@compiler.compiles(Ago, "sqlite")
def _ago_as_told(element: Ago, compiled: Any, **options: Any) -> str:
    told, seconds = compiled.process(Now.parameter, **options), compiled.process(element.seconds, **options)
    return f"({told} - CAST({seconds} * 1000000 AS INTEGER))"


class Server(elements.ColumnElement[str]):
    """Which server this is, in a word that changes with every promotion and every restore to a point in time."""

    inherit_cache = True
    type = sqlalchemy.Text()


def server() -> sqlalchemy.ColumnElement[str]:
    """Return which server answers: PostgreSQL's system identifier and timeline; SQLite's files are all the same.

    Only a primary has one: a standby refuses the question as a server that is starting does.
    """
    return Server()


@compiler.compiles(Server, "postgresql")
def _system_and_timeline(_element: Server, _compiled: Any, **_options: Any) -> str:
    # The control file tells the timeline only some time after a promotion, the name of the current WAL file at once.
    timeline = "left(pg_walfile_name(pg_current_wal_insert_lsn()), 8)"
    return f"(SELECT system_identifier::text FROM pg_control_system()) || '/' || {timeline}"  # noqa: S608 - constants


@compiler.compiles(Server, "sqlite")
def _embedded(_element: Server, _compiled: Any, **_options: Any) -> str:
    return "'sqlite'"


class Among(elements.ColumnElement[bool]):
    """Whether an id is among those of one list parameter, so that the text stays the same whatever their number."""

    inherit_cache = True
    type = sqlalchemy.Boolean()
    # Or SQLite is asked whether it equals 1, and reads everything to find out.
    _is_implicitly_boolean = True

    def __init__(self, column: sqlalchemy.Column[Any], parameter: str) -> None:
        """Take a column of ids and the name of the parameter."""
        self.column = column
        self.parameter = Parameter(parameter, sqlalchemy.ARRAY(sqlalchemy.Uuid()))


def among(column: sqlalchemy.Column[Any], parameter: str) -> sqlalchemy.ColumnElement[bool]:
    """Return the condition that an id is among those of a list parameter."""
    return Among(column, parameter)


@compiler.compiles(Among, "postgresql")
def _among_an_array(element: Among, compiled: Any, **options: Any) -> str:
    return f"{compiled.process(element.column, **options)} = ANY({compiled.process(element.parameter, **options)})"


@compiler.compiles(Among, "sqlite")
def _among_json(element: Among, compiled: Any, **options: Any) -> str:
    listed = compiled.process(Parameter(element.parameter.bind.key, sqlalchemy.Text()), **options)
    return f"{compiled.process(element.column, **options)} IN (SELECT value FROM json_each({listed}))"  # noqa: S608


class Answering(Protocol):
    """What runs a text with parameters and returns all rows."""

    def __call__(self, text: str, parameters: tuple[Any, ...], /) -> Sequence[Sequence[Any]]:
        """Run it."""
        ...


class Bundle:
    """Named selects with parameters made by `parameter`. Their columns are those of tables, or counts."""

    def __init__(self, **questions: sqlalchemy.Select[*tuple[Any, ...]]) -> None:
        """Take the questions; parameters of the same name have the same value in all of them."""
        self._questions = questions

    def ask(
        self, dialect: str, answering: Answering, parameters: Mapping[str, Any]
    ) -> tuple[Any, dict[str, list[Columns]]]:
        """Return PostgreSQL's time (None for SQLite, which is told `now`), and the rows of each question by column."""
        if dialect == "postgresql":
            return self._ask_at_once(answering, parameters)
        return None, {
            name: _rows(_answer(answering, text, parameters, dialect), self._readers(name, dialect))
            for name, text in self._texts.items()
        }

    def _ask_at_once(self, answering: Answering, parameters: Mapping[str, Any]) -> tuple[Any, dict[str, list[Columns]]]:
        (row,) = _answer(answering, self._text_of_all, parameters, "postgresql")
        return row[0], {
            name: _rows(json.loads(packed) if packed else (), self._readers(name, "postgresql"))
            for name, packed in zip(self._questions, row[1:], strict=True)
        }

    @functools.cached_property
    def _texts(self) -> dict[str, _Text]:
        return {name: _compiled(question, "sqlite") for name, question in self._questions.items()}

    @functools.cached_property
    def _text_of_all(self) -> _Text:
        answers = [_packed(name, question) for name, question in self._questions.items()]
        return _compiled(sqlalchemy.select(now().label("now"), *answers), "postgresql")

    @functools.cache  # noqa: B019 - bundles are constants of modules
    def _readers(self, name: str, dialect: str) -> Sequence[tuple[str, values.Convert | None]]:
        return [(column.name, values.reader(column.type, dialect)) for column in self._questions[name].selected_columns]


def _packed(name: str, question: sqlalchemy.Select[*tuple[Any, ...]]) -> sqlalchemy.Label[Any]:
    """Return a question as one column: an array of its rows, each an array of its columns."""
    rows = question.subquery(f"of_{name}")
    array = sqlalchemy.func.json_agg(sqlalchemy.func.json_build_array(*rows.c))
    return sqlalchemy.cast(sqlalchemy.select(array).scalar_subquery(), sqlalchemy.Text).label(name)


def _compiled(statement: sqlalchemy.Select[*tuple[Any, ...]], dialect: str) -> _Text:
    # Constants stand in the text: a prepared plan may use an index that covers some states only if it sees them.
    compiled: Any = statement.compile(dialect=values.DIALECTS[dialect], compile_kwargs={"literal_binds": True})
    return str(compiled), tuple(compiled.positiontup or ())


def _answer(answering: Answering, text: _Text, parameters: Mapping[str, Any], dialect: str) -> Sequence[Sequence[Any]]:
    statement, wanted = text
    return answering(statement, tuple(values.bound(parameters[name], dialect) for name in wanted))


def _rows(found: Sequence[Sequence[Any]], readers: Sequence[tuple[str, values.Convert | None]]) -> list[Columns]:
    return [
        {
            name: value if read is None or value is None else read(value)
            for (name, read), value in zip(readers, row, strict=True)
        }
        for row in found
    ]
