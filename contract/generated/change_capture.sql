CREATE TABLE IF NOT EXISTS created_users (
  id uuid PRIMARY KEY,
  first_name text NOT NULL,
  last_name text NOT NULL,
  gender text,
  email text NOT NULL,
  username text NOT NULL,
  phone text,
  address text,
  post_code text,
  dob timestamptz,
  registered_date timestamptz,
  picture text,
  "timestamp" timestamptz NOT NULL
);

ALTER TABLE created_users REPLICA IDENTITY FULL;

CREATE OR REPLACE FUNCTION created_users_touch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW."timestamp" := date_trunc('milliseconds', clock_timestamp());
  RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER created_users_touch BEFORE UPDATE ON created_users FOR EACH ROW
WHEN (NEW IS DISTINCT FROM OLD AND NEW."timestamp" IS NOT DISTINCT FROM OLD."timestamp")
EXECUTE FUNCTION created_users_touch();

CREATE OR REPLACE FUNCTION created_users_truncate() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
BEGIN
  DELETE FROM created_users;
  RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER created_users_truncate BEFORE TRUNCATE ON created_users FOR EACH STATEMENT
EXECUTE FUNCTION created_users_truncate();

CREATE TABLE IF NOT EXISTS change_capture_heartbeat (
  id boolean PRIMARY KEY DEFAULT true CHECK (id),
  beat_at timestamptz NOT NULL
);
INSERT INTO change_capture_heartbeat (beat_at) VALUES (now()) ON CONFLICT (id) DO NOTHING;

GRANT USAGE ON SCHEMA public TO debezium;
GRANT SELECT ON created_users TO debezium;
GRANT SELECT, UPDATE ON change_capture_heartbeat TO debezium;

DROP PUBLICATION IF EXISTS user_changes;
CREATE PUBLICATION user_changes FOR TABLE created_users, change_capture_heartbeat WITH (publish = 'insert, update, delete');
