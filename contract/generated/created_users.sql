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
