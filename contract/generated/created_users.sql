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

CREATE TABLE IF NOT EXISTS created_users_deleted (
  id uuid PRIMARY KEY,
  deleted_at timestamptz NOT NULL
);

CREATE TABLE IF NOT EXISTS created_users_forgotten (
  hash bytea PRIMARY KEY,
  forgotten_at timestamptz NOT NULL
);

DO $do$ BEGIN
  IF EXISTS (SELECT FROM pg_trigger WHERE tgrelid = 'created_users'::regclass AND tgname = 'created_users_deleted') THEN
    RETURN;
  END IF;
  PERFORM set_config('search_path', format('%I, pg_temp', current_schema()), true);
  CREATE OR REPLACE FUNCTION created_users_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path FROM CURRENT AS $$
  BEGIN
    IF TG_OP <> 'INSERT' THEN
      INSERT INTO created_users_deleted VALUES (OLD.id, now()) ON CONFLICT (id) DO UPDATE SET deleted_at = excluded.deleted_at;
    END IF;
    IF TG_OP <> 'DELETE' THEN
      DELETE FROM created_users_deleted WHERE id = NEW.id;
    END IF;
    RETURN NULL;
  END $$;
  CREATE TRIGGER created_users_deleted AFTER INSERT OR DELETE OR UPDATE OF id ON created_users FOR EACH ROW
  EXECUTE FUNCTION created_users_deleted();
END $do$;

ALTER TABLE created_users
  ADD COLUMN IF NOT EXISTS gender text,
  ADD COLUMN IF NOT EXISTS phone text,
  ADD COLUMN IF NOT EXISTS address text,
  ADD COLUMN IF NOT EXISTS post_code text,
  ADD COLUMN IF NOT EXISTS dob timestamptz,
  ADD COLUMN IF NOT EXISTS registered_date timestamptz,
  ADD COLUMN IF NOT EXISTS picture text;
