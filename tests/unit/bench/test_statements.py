"""Counts of SQL, as the databases tell them."""

from bench import statements

LOG = """\
2026-11-21 15:00:00.000 UTC [7] LOG:  statement: BEGIN;
2026-11-21 15:00:00.001 UTC [7] LOG:  execute __asyncpg_stmt_2__: SELECT a FROM b WHERE c = $1 FOR UPDATE
2026-11-21 15:00:00.001 UTC [7] DETAIL:  parameters: $1 = 'LOG:  statement: DELETE FROM b'
2026-11-21 15:00:00.001 UTC [8] LOG:  statement: BEGIN ISOLATION LEVEL REPEATABLE READ;
2026-11-21 15:00:00.002 UTC [7] LOG:  execute <unnamed>: insert
\tINTO b (a) VALUES ($1)
2026-11-21 15:00:00.002 UTC [9] LOG:  execute __asyncpg_stmt_4__: WITH new AS (INSERT INTO b VALUES ($1)) SELECT 1
2026-11-21 15:00:00.002 UTC [9] LOG:  execute __asyncpg_stmt_5__: WITH old AS (SELECT a FROM b) SELECT a FROM old
2026-11-21 15:00:00.003 UTC [8] LOG:  execute __asyncpg_stmt_1__: SELECT 1
2026-11-21 15:00:00.003 UTC [8] LOG:  statement: ROLLBACK;
2026-11-21 15:00:00.003 UTC [7] LOG:  statement: COMMIT;
2026-11-21 15:00:00.004 UTC [8] LOG:  checkpoint starting: time
"""


def test_the_log_of_postgresql_tells_what_ran() -> None:
    words = statements.logged(LOG).words
    assert words == {"BEGIN": 2, "SELECT": 2, "INSERT": 1, "WITH": 2, "ROLLBACK": 1, "COMMIT": 1}


def test_transactions_are_told_by_whether_they_wrote_also_where_a_statement_is_one_by_itself() -> None:
    tally = statements.logged(LOG)
    assert (tally.writing, tally.reading, tally.pieces) == (2, 2, 2)


def test_what_was_rolled_back_has_written_nothing() -> None:
    undone = LOG.replace("COMMIT;", "ROLLBACK;")
    assert (statements.logged(undone).writing, statements.logged(undone).reading) == (1, 3)


def test_the_trace_of_sqlite_has_pieces_of_work_that_share_a_transaction() -> None:
    tally = statements.traced({"BEGIN": 4, "SAVEPOINT": 8, "UPDATE": 8, "RELEASE": 8, "COMMIT": 1, "ROLLBACK": 1})
    assert (tally.writing, tally.reading, tally.pieces) == (1, 3, 8)


def test_what_frames_statements_is_told_apart_from_them() -> None:
    tally = statements.traced({"BEGIN": 6, "INSERT": 10, "SELECT": 20, "SAVEPOINT": 4, "COMMIT": 4, "ROLLBACK": 2})
    assert tally.per_job(2) == {
        "statements": 15.0,
        "writing transactions": 2.0,
        "reading transactions": 1.0,
        "pieces of work": 2.0,
        "SELECT": 10.0,
        "INSERT": 5.0,
    }
