import { writeFileSync } from "node:fs";
import { passwords } from "./passwords.ts";

/** An issuer of signed tokens for the client `pipeline`; `keys` is the file from which Kafka takes the public key. */
export async function serveTokens(keys: string) {
  const algorithm = {
    name: "RSASSA-PKCS1-v1_5",
    hash: "SHA-256",
    modulusLength: 2_048,
    publicExponent: Buffer.from([1, 0, 1]),
  };
  const { privateKey, publicKey } = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const header = { alg: "RS256", kid: "test" };
  const jwk = { ...(await crypto.subtle.exportKey("jwk", publicKey)), ...header, use: "sig" };
  writeFileSync(keys, JSON.stringify({ keys: [jwk] }));

  const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const signed = async (claims: object) => {
    const text = `${encoded(header)}.${encoded(claims)}`;
    const signature = await crypto.subtle.sign(algorithm, privateKey, Buffer.from(text));
    return `${text}.${Buffer.from(signature).toString("base64url")}`;
  };
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
        aud: "kafka",
        iss: "tests",
        iat: now,
        exp: now + 60,
        ...(body.has("scope") && { scope: body.get("scope") }),
      };
      return Response.json({ access_token: await signed(claims), expires_in: 60 });
    },
  });
}
