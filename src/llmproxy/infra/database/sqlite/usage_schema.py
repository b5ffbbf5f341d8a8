"""The tables of the ledger: steps 4 and 5 of the schema (see `migrations`), never edited either.

Times are unix seconds, money is in nano-units (1e-9) of `currency`. In `usage_steps` and
`usage_months` an empty text stands for none, because a primary key holds no NULL.
"""

from typing import Final

USAGE_SCHEMA: Final = (
    """
    CREATE TABLE usage (
      number INTEGER PRIMARY KEY, -- in the order in which they came
      request_id TEXT NOT NULL UNIQUE,
      at REAL NOT NULL, -- when the call was admitted
      key TEXT NOT NULL,
      project TEXT,
      model TEXT NOT NULL, -- its code
      operation TEXT NOT NULL,
      deployment TEXT, -- id of the document that answered
      outcome TEXT NOT NULL,
      status INTEGER,
      error TEXT,
      attempts TEXT NOT NULL, -- JSON array of objects
      input_tokens INTEGER NOT NULL,
      cache_read_tokens INTEGER NOT NULL,
      cache_write_tokens INTEGER NOT NULL,
      output_tokens INTEGER NOT NULL,
      reasoning_tokens INTEGER NOT NULL,
      audio_input_tokens INTEGER NOT NULL,
      audio_output_tokens INTEGER NOT NULL,
      image_input_tokens INTEGER NOT NULL,
      image_output_tokens INTEGER NOT NULL,
      cache_write_1h_tokens INTEGER NOT NULL,
      images INTEGER NOT NULL,
      characters INTEGER NOT NULL,
      audio_ms INTEGER NOT NULL,
      estimated INTEGER NOT NULL,
      cost_nano INTEGER NOT NULL,
      currency TEXT NOT NULL,
      counted INTEGER NOT NULL, -- 1 when limits count it as a request
      duration_s REAL NOT NULL,
      first_content_s REAL,
      overhead_s REAL NOT NULL,
      stream INTEGER NOT NULL,
      tags TEXT -- JSON array of texts; NULL = none
    )
    """,
    "CREATE INDEX usage_by_time ON usage (at)",
    "CREATE INDEX usage_by_project ON usage (project, at)",
    """
    CREATE TABLE usage_steps (
      at INTEGER NOT NULL, -- a quarter of an hour begins
      project TEXT NOT NULL,
      key TEXT NOT NULL,
      model TEXT NOT NULL,
      deployment TEXT NOT NULL,
      operation TEXT NOT NULL,
      outcome TEXT NOT NULL,
      currency TEXT NOT NULL,
      requests INTEGER NOT NULL,
      counted INTEGER NOT NULL,
      estimated INTEGER NOT NULL,
      input_tokens INTEGER NOT NULL, -- all that went in
      cached_input_tokens INTEGER NOT NULL,
      output_tokens INTEGER NOT NULL, -- all that came out
      reasoning_tokens INTEGER NOT NULL,
      images INTEGER NOT NULL,
      characters INTEGER NOT NULL,
      audio_ms INTEGER NOT NULL,
      cost_whole INTEGER NOT NULL, -- of the currency's units: sums of nano-units may pass 2**63
      cost_nano INTEGER NOT NULL, -- beside them
      PRIMARY KEY (at, project, key, model, deployment, operation, outcome, currency)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE usage_months (
      kind TEXT NOT NULL, -- key, project, model or deployment
      name TEXT NOT NULL,
      currency TEXT NOT NULL,
      at INTEGER NOT NULL, -- a calendar month (UTC) begins
      counted INTEGER NOT NULL,
      tokens INTEGER NOT NULL,
      cost_whole INTEGER NOT NULL,
      cost_nano INTEGER NOT NULL,
      PRIMARY KEY (kind, name, currency, at)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE journal_positions (
      source TEXT PRIMARY KEY NOT NULL, -- a journal file
      taken INTEGER NOT NULL, -- up to this byte its rows are here
      ended INTEGER NOT NULL CHECK (ended IN (0, 1)), -- and it holds no more
      at REAL NOT NULL -- when that was written
    ) WITHOUT ROWID
    """,
    # Single calls before this time are deleted; their sums stay.
    "CREATE TABLE usage_kept (kept_from INTEGER NOT NULL)",
    "INSERT INTO usage_kept (kept_from) VALUES (0)",
    "ALTER TABLE keys ADD COLUMN limits TEXT",  # JSON object; NULL = none
)

USAGE_BY_TIME: Final = (
    # A call is known by its time and its id. Ids are random: an index of them alone has a page to
    # write for nearly every row, and one behind the time stands for that of the time as well.
    USAGE_SCHEMA[0].replace("usage (", "usage_5 (").replace(" UNIQUE", ""),
    "INSERT INTO usage_5 SELECT * FROM usage",
    "DROP TABLE usage",
    "ALTER TABLE usage_5 RENAME TO usage",
    "CREATE UNIQUE INDEX usage_by_time ON usage (at, request_id)",
    "CREATE INDEX usage_by_project ON usage (project, at)",
)
