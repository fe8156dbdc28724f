"""The route that bench/api.ts compares with: one user by id, with Flask and the Python driver.

The same table, the same prepared statement and consistency, the same JSON as the API's /get-user/{id}.
"""

import os
from datetime import UTC, datetime

from cassandra import ConsistencyLevel
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile
from cassandra.query import dict_factory
from flask import Flask, abort, jsonify

host, _, port = os.environ["CASSANDRA_CONTACT_POINTS"].partition(":")
profile = ExecutionProfile(consistency_level=ConsistencyLevel.LOCAL_QUORUM, row_factory=dict_factory)
cluster = Cluster([host], port=int(port or 9042), execution_profiles={EXEC_PROFILE_DEFAULT: profile})
session = cluster.connect(os.environ["CASSANDRA_KEYSPACE"])
find = session.prepare("SELECT * FROM created_users WHERE id = ?")

app = Flask(__name__)


def plain(value: object) -> object:
    """Formats times as JavaScript does; leaves other values unchanged."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return value


@app.get("/get-user/<uuid:user_id>")
def get_user(user_id):
    row = session.execute(find, (user_id,)).one()
    if row is None:
        abort(404)
    return jsonify({name: plain(value) for name, value in row.items()})
