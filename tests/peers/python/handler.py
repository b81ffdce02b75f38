"""GET /accounts/{id}: verifies the token, reads the row."""

import json
import os
from urllib.parse import unquote, urlsplit

import boto3
import jwt
import psycopg
from psycopg.rows import dict_row

secret = boto3.client("secretsmanager").get_secret_value(SecretId=os.environ["SECRETS_ARN"])
url = urlsplit(json.loads(secret["SecretString"])["DATABASE_URL"])
connection = psycopg.connect(
    host=url.hostname,
    port=url.port,
    user=url.username,
    password=unquote(url.password),
    dbname=url.path[1:],
    sslmode="verify-full",
    sslrootcert=os.environ["DATABASE_CA_FILE"],
    autocommit=True,
    row_factory=dict_row,
)

keys = {
    row["kid"]: jwt.PyJWK({"kty": "EC", "crv": "P-256", "x": row["x"], "y": row["y"], "alg": "ES256"})
    for row in connection.execute("SELECT kid, x, y FROM signing_keys")
}

READ = """SELECT id, name, owner, status, metadata, version, created_at, updated_at
  FROM accounts WHERE tenant_id = %s AND id = %s AND deleted_at IS NULL"""


def reply(status, body):
    headers = {"content-type": "application/json"}
    return {"statusCode": status, "headers": headers, "body": json.dumps(body, default=str)}


def handler(event, context=None):
    token = event["headers"].get("Authorization", "").removeprefix("Bearer ")
    try:
        key = keys[jwt.get_unverified_header(token)["kid"]]
        claims = jwt.decode(token, key, algorithms=["ES256"], issuer="holdfast", audience="holdfast", leeway=60)
    except (KeyError, jwt.InvalidTokenError):
        return reply(401, {"code": "unauthenticated"})
    identifier = event["path"].rsplit("/", 1)[-1]
    row = connection.execute(READ, (claims["tenant"], identifier), prepare=True).fetchone()
    return reply(200, row) if row else reply(404, {"code": "not_found"})
