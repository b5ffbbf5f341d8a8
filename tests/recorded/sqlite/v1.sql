PRAGMA application_id = 1280068944;
PRAGMA user_version = 1;
BEGIN TRANSACTION;
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
            ) WITHOUT ROWID
            ;
INSERT INTO "keys" VALUES('key_bare','9b828d53402d6e332ef05a2fe03063b359192571ba99fcd3b85074f46a72fd7e','sk-llmproxy-bare',NULL,NULL,0,1699999999.0,NULL,NULL);
INSERT INTO "keys" VALUES('key_full','a18b869b2e81c0c529552a3c4fa5c92ed08b98a4e146aed778d71d27517f83ac','sk-llmproxy-full','équipe','["a,\"b", "gpt-4"]',1,1700000000.5,2000000000.5,NULL);
INSERT INTO "keys" VALUES('key_revoked','4bb47f186df233e48b09d241ee4defb821add0c35ac8311469fe1522c6813dd5','sk-llmproxy-revo','p','[]',0,1700000001.0,NULL,1700000002.5);
CREATE TABLE migrations (
              version INTEGER PRIMARY KEY,
              name TEXT NOT NULL,
              applied_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))
            );
INSERT INTO "migrations" VALUES(1,'models and keys','2025-01-01T00:00:00Z');
CREATE TABLE models (
              number INTEGER PRIMARY KEY, -- the order of registration
              id TEXT NOT NULL UNIQUE,
              document TEXT NOT NULL, -- JSON object, fields in the order they were written
              etag TEXT NOT NULL,
              updated_at REAL NOT NULL -- unix seconds
            );
INSERT INTO "models" VALUES(2,'gpt-mini','{"id":"gpt-mini","code":"mini","name":"GPT mini","provider":"OpenAI","model_type":"OpenAI","projects":["équipe"],"private":true,"parameters":{"model":"gpt-5-mini"},"costs":{"input":0.001,"output":0.002},"operations":["ChatCompletion"]}','4691cc6a3a3e942cfe4f58a85f0b1643',1700000000.25);
INSERT INTO "models" VALUES(3,'odd ''id''','{"name":"it''s \"日本\"\n","id":"odd ''id''","provider":"Local","model_type":"Echo","free":true,"operations":["ChatCompletion"],"big":1000000000000000000000000000000,"deep":{"a":[1,1.5,-0.25,null,true,{}]}}','809ebd24315e374d76d7aa57dba8173c',1700000000.25);
INSERT INTO "models" VALUES(4,'last','{"id":"last","provider":"Local","model_type":"Echo","free":true,"operations":["ChatCompletion"]}','1779f5f9137d1a665918eee2d7469260',1700000100.0);
COMMIT;
