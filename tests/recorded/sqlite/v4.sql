PRAGMA application_id = 1280068944;
PRAGMA user_version = 4;
BEGIN TRANSACTION;
CREATE TABLE changes (
              seq INTEGER PRIMARY KEY AUTOINCREMENT, -- never used twice: sqlite.org/autoinc.html
              kind TEXT NOT NULL, -- the table
              id TEXT NOT NULL -- of a row that was added, changed or deleted
            );
INSERT INTO "changes" VALUES(1,'models','gpt-mini');
INSERT INTO "changes" VALUES(2,'models','odd ''id''');
INSERT INTO "changes" VALUES(3,'models','last');
INSERT INTO "changes" VALUES(4,'projects','équipe');
INSERT INTO "changes" VALUES(5,'keys','key_bare');
INSERT INTO "changes" VALUES(6,'keys','key_full');
INSERT INTO "changes" VALUES(7,'keys','key_revoked');
CREATE TABLE journal_positions (
      source TEXT PRIMARY KEY NOT NULL, -- a journal file
      taken INTEGER NOT NULL, -- up to this byte its rows are here
      ended INTEGER NOT NULL CHECK (ended IN (0, 1)), -- and it holds no more
      at REAL NOT NULL -- when that was written
    ) WITHOUT ROWID
    ;
CREATE TABLE keys (
              id TEXT PRIMARY KEY NOT NULL,
              digest TEXT NOT NULL UNIQUE, -- SHA-256 of the key, hex
              prefix TEXT NOT NULL,
              project TEXT,
              models TEXT, -- JSON array of codes or ids; NULL = all
              admin INTEGER NOT NULL CHECK (admin IN (0, 1)),
              created_at REAL NOT NULL, -- unix seconds, as all times here
              expires_at REAL,
              revoked_at REAL
            , replaces TEXT, limits TEXT) WITHOUT ROWID
            ;
INSERT INTO "keys" VALUES('key_bare','9b828d53402d6e332ef05a2fe03063b359192571ba99fcd3b85074f46a72fd7e','sk-llmproxy-bare',NULL,NULL,0,1699999999.0,NULL,NULL,NULL,NULL);
INSERT INTO "keys" VALUES('key_full','a18b869b2e81c0c529552a3c4fa5c92ed08b98a4e146aed778d71d27517f83ac','sk-llmproxy-full','équipe','["a,\"b", "gpt-4"]',1,1700000000.5,2000000000.5,NULL,NULL,NULL);
INSERT INTO "keys" VALUES('key_revoked','4bb47f186df233e48b09d241ee4defb821add0c35ac8311469fe1522c6813dd5','sk-llmproxy-revo','p','[]',0,1700000001.0,NULL,1700000002.5,NULL,NULL);
CREATE TABLE migrations (
              version INTEGER PRIMARY KEY,
              name TEXT NOT NULL,
              applied_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))
            );
INSERT INTO "migrations" VALUES(1,'models and keys','2026-11-26T04:46:12Z');
INSERT INTO "migrations" VALUES(2,'signing key','2026-11-26T04:46:12Z');
INSERT INTO "migrations" VALUES(3,'projects and a log of changes','2026-11-26T04:46:12Z');
INSERT INTO "migrations" VALUES(4,'usage, and limits of keys','2026-11-26T04:46:12Z');
CREATE TABLE models (
              number INTEGER PRIMARY KEY, -- the order of registration
              id TEXT NOT NULL UNIQUE,
              document TEXT NOT NULL, -- JSON object, fields in the order they were written
              etag TEXT NOT NULL,
              updated_at REAL NOT NULL -- unix seconds
            );
INSERT INTO "models" VALUES(1,'gpt-mini','{"id":"gpt-mini","code":"mini","name":"GPT mini","provider":"OpenAI","model_type":"OpenAI","projects":["équipe"],"private":true,"parameters":{"model":"gpt-5-mini"},"costs":{"input":0.001,"output":0.002},"operations":["ChatCompletion"]}','4691cc6a3a3e942cfe4f58a85f0b1643',1700000000.25);
INSERT INTO "models" VALUES(2,'odd ''id''','{"name":"it''s \"日本\"\n","id":"odd ''id''","provider":"Local","model_type":"Echo","free":true,"operations":["ChatCompletion"],"big":1000000000000000000000000000000,"deep":{"a":[1,1.5,-0.25,null,true,{}]}}','809ebd24315e374d76d7aa57dba8173c',1700000000.25);
INSERT INTO "models" VALUES(3,'last','{"id":"last","provider":"Local","model_type":"Echo","free":true,"operations":["ChatCompletion"]}','1779f5f9137d1a665918eee2d7469260',1700000100.0);
CREATE TABLE projects (
              number INTEGER PRIMARY KEY, -- the order of registration
              id TEXT NOT NULL UNIQUE,
              document TEXT NOT NULL, -- JSON object, fields in the order they were written
              etag TEXT NOT NULL,
              updated_at REAL NOT NULL -- unix seconds
            );
INSERT INTO "projects" VALUES(1,'équipe','{"id":"équipe"}','1c5ec3e1c1428a81a3999548580abae1',1700000000.25);
CREATE TABLE signing_keys (
              purpose TEXT PRIMARY KEY NOT NULL,
              key BLOB NOT NULL -- random bytes, made once and the same for every worker
            ) WITHOUT ROWID
            ;
INSERT INTO "signing_keys" VALUES('seals',X'000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F');
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
    );
CREATE TABLE usage_kept (kept_from INTEGER NOT NULL);
INSERT INTO "usage_kept" VALUES(0);
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
    ;
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
    ;
CREATE INDEX keys_by_age ON keys (created_at, id);
CREATE TRIGGER models_inserted AFTER INSERT ON models
        BEGIN INSERT INTO changes (kind, id) SELECT 'models', NEW.id; END;
CREATE TRIGGER models_updated AFTER UPDATE ON models
        BEGIN INSERT INTO changes (kind, id) SELECT 'models', OLD.id WHERE OLD.id <> NEW.id; INSERT INTO changes (kind, id) SELECT 'models', NEW.id; END;
CREATE TRIGGER models_deleted AFTER DELETE ON models
        BEGIN INSERT INTO changes (kind, id) SELECT 'models', OLD.id; END;
CREATE TRIGGER projects_inserted AFTER INSERT ON projects
        BEGIN INSERT INTO changes (kind, id) SELECT 'projects', NEW.id; END;
CREATE TRIGGER projects_updated AFTER UPDATE ON projects
        BEGIN INSERT INTO changes (kind, id) SELECT 'projects', OLD.id WHERE OLD.id <> NEW.id; INSERT INTO changes (kind, id) SELECT 'projects', NEW.id; END;
CREATE TRIGGER projects_deleted AFTER DELETE ON projects
        BEGIN INSERT INTO changes (kind, id) SELECT 'projects', OLD.id; END;
CREATE TRIGGER keys_inserted AFTER INSERT ON keys
        BEGIN INSERT INTO changes (kind, id) SELECT 'keys', NEW.id; END;
CREATE TRIGGER keys_updated AFTER UPDATE ON keys
        BEGIN INSERT INTO changes (kind, id) SELECT 'keys', OLD.id WHERE OLD.id <> NEW.id; INSERT INTO changes (kind, id) SELECT 'keys', NEW.id; END;
CREATE TRIGGER keys_deleted AFTER DELETE ON keys
        BEGIN INSERT INTO changes (kind, id) SELECT 'keys', OLD.id; END;
CREATE TRIGGER models_new_etag AFTER UPDATE OF document ON models
        WHEN NEW.document IS NOT OLD.document AND NEW.etag IS OLD.etag
        BEGIN UPDATE models SET etag = lower(hex(randomblob(16))) WHERE number = NEW.number; END;
CREATE TRIGGER projects_new_etag AFTER UPDATE OF document ON projects
        WHEN NEW.document IS NOT OLD.document AND NEW.etag IS OLD.etag
        BEGIN UPDATE projects SET etag = lower(hex(randomblob(16))) WHERE number = NEW.number; END;
CREATE INDEX usage_by_time ON usage (at);
CREATE INDEX usage_by_project ON usage (project, at);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('changes',7);
COMMIT;
