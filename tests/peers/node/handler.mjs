// GET /accounts/{id}: verifies the token, reads the row.
import { readFileSync } from "node:fs";

import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { importJWK, jwtVerify } from "jose";
import pg from "pg";

const secrets = new SecretsManagerClient({});
const response = await secrets.send(new GetSecretValueCommand({ SecretId: process.env.SECRETS_ARN }));
const url = new URL(JSON.parse(response.SecretString).DATABASE_URL);

const client = new pg.Client({
  host: url.hostname,
  port: Number(url.port),
  user: url.username,
  password: decodeURIComponent(url.password),
  database: url.pathname.slice(1),
  ssl: { ca: readFileSync(process.env.DATABASE_CA_FILE, "utf8"), servername: "localhost" },
});
await client.connect();

const { rows } = await client.query("SELECT kid, x, y FROM signing_keys");
const keys = new Map();
for (const { kid, x, y } of rows) keys.set(kid, await importJWK({ kty: "EC", crv: "P-256", x, y }, "ES256"));

const READ = `SELECT id, name, owner, status, metadata, version, created_at, updated_at
  FROM accounts WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL`;

function reply(statusCode, body) {
  return { statusCode, headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
}

export async function handler(event) {
  const token = event.headers.Authorization?.replace(/^Bearer /, "") ?? "";
  let claims;
  try {
    const verified = await jwtVerify(token, (header) => keys.get(header.kid), {
      algorithms: ["ES256"], issuer: "holdfast", audience: "holdfast", typ: "at+jwt", clockTolerance: 60,
    });
    claims = verified.payload;
  } catch {
    return reply(401, { code: "unauthenticated" });
  }
  const id = event.path.split("/").pop();
  const found = await client.query({ name: "read", text: READ, values: [claims.tenant, id] });
  return found.rows.length ? reply(200, found.rows[0]) : reply(404, { code: "not_found" });
}
