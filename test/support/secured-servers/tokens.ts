import { passwords } from "./passwords.ts";

/** An issuer of tokens without a signature, as Kafka accepts in tests. */
export function serveTokens() {
  const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      const login = `Basic ${btoa(`pipeline:${passwords.pipeline}`)}`;
      const body = new URLSearchParams(await request.text());
      if (request.headers.get("authorization") !== login || body.get("grant_type") !== "client_credentials")
        return Response.json({ error: "invalid_client" }, { status: 401 });
      const now = Math.floor(Date.now() / 1_000);
      const claims = {
        sub: "pipeline",
        iat: now,
        exp: now + 60,
        ...(body.has("scope") && { scope: body.get("scope") }),
      };
      return Response.json({ access_token: `${encoded({ alg: "none" })}.${encoded(claims)}.`, expires_in: 60 });
    },
  });
}
