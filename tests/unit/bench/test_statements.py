"""Counts of SQL, as the databases tell them."""

from bench import statements

LOG = """\
2026-11-21 15:00:00.000 UTC [7] LOG:  statement: BEGIN;
2026-11-21 15:00:00.001 UTC [7] LOG:  execute __asyncpg_stmt_2__: SELECT a FROM b WHERE c = $1
2026-11-21 15:00:00.001 UTC [7] DETAIL:  parameters: $1 = 'LOG:  statement: DELETE'
2026-11-21 15:00:00.002 UTC [7] LOG:  execute <unnamed>: insert INTO b
\t(a) VALUES ($1)
2026-11-21 15:00:00.003 UTC [7] LOG:  statement: COMMIT;
2026-11-21 15:00:00.004 UTC [8] LOG:  checkpoint starting: time
"""


def test_the_log_of_postgresql_tells_what_ran() -> None:
    assert statements.logged(LOG) == {"BEGIN": 1, "SELECT": 1, "INSERT": 1, "COMMIT": 1}


def test_what_frames_statements_is_told_apart_from_them() -> None:
    words = {"BEGIN": 6, "SELECT": 20, "INSERT": 10, "COMMIT": 4, "ROLLBACK": 2}
    assert statements.per_job(words, 2) == {
        "statements": 15.0,
        "commits": 2.0,
        "pieces of work": 2.0,
        "SELECT": 10.0,
        "INSERT": 5.0,
    }


def test_pieces_of_work_that_share_a_commit_are_counted_by_their_savepoints() -> None:
    words = {"BEGIN": 1, "SAVEPOINT": 8, "UPDATE": 8, "RELEASE": 8, "COMMIT": 1}
    assert statements.per_job(words, 4) == {"statements": 2.0, "commits": 0.25, "pieces of work": 2.0, "UPDATE": 2.0}
