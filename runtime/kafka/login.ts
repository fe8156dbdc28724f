import { KafkaJSConnectionError, type SASLOptions } from "kafkajs";
import { AccessError, named } from "../access-error.ts";
import { shownAddress } from "../addresses.ts";
import type { Config } from "../config.ts";
import { messageOf } from "../lifecycle.ts";

type KafkaSettings = Config["kafka"];

/** How kafkajs logs in; undefined without a login. */
export function saslOptions(kafka: KafkaSettings): SASLOptions | undefined {
  const { saslMechanism: mechanism, saslUsername: username = "", saslPassword: password = "" } = kafka;
  if (mechanism === "none") return undefined;
  if (mechanism === "oauthbearer") return { mechanism, oauthBearerProvider: openTokens(kafka) };
  return { mechanism, username, password };
}

/** A token is renewed when this much of its lifetime is left, in milliseconds; kafkajs logs in again 10 s before its end. */
const renewBeforeMs = 60_000;
const withinMs = 10_000;

/**
 * Tokens of the OAuth 2.0 client credentials grant (RFC 6749, 4.4), each until shortly before it expires. A token is in no
 * log and no error.
 */
function openTokens({ oauthTokenUrl = "", oauthClientId = "", oauthClientSecret = "", oauthScope }: KafkaSettings) {
  let token: { value: string; until: number } | undefined;
  let asking: Promise<string> | undefined;
  const login = [oauthClientId, oauthClientSecret].map(encodeURIComponent).join(":");
  const ask = async () => {
    const answer = await fetch(oauthTokenUrl, {
      method: "POST",
      headers: { authorization: `Basic ${btoa(login)}`, accept: "application/json" },
      body: new URLSearchParams({ grant_type: "client_credentials", ...(oauthScope && { scope: oauthScope }) }),
      redirect: "error",
      signal: AbortSignal.timeout(withinMs),
    }).catch((error: unknown) => {
      throw away(oauthTokenUrl, messageOf(error));
    });
    if (!answer.ok) throw await refused(answer, oauthTokenUrl);
    const { access_token, expires_in = 300 } = (await answer.json()) as { access_token?: unknown; expires_in?: number };
    if (typeof access_token !== "string") throw away(oauthTokenUrl, "its answer has no access_token");
    const lifeMs = expires_in * 1_000;
    token = { value: access_token, until: Date.now() + lifeMs - Math.min(renewBeforeMs, lifeMs / 5) };
    return access_token;
  };
  return async () => {
    if (token && Date.now() < token.until) return { value: token.value };
    asking ??= ask().finally(() => {
      asking = undefined;
    });
    return { value: await asking };
  };
}

/** kafkajs retries this. */
const away = (url: string, why: string) =>
  new KafkaJSConnectionError(`no token from ${shownAddress(url)}: ${why}`, {
    broker: shownAddress(url),
    code: "TOKEN",
  });

async function refused(answer: Response, url: string): Promise<Error> {
  const { error } = (await answer.json().catch(() => ({}))) as { error?: unknown };
  const what = `${shownAddress(url)} answers ${answer.status}${typeof error === "string" ? ` (${error})` : ""}`;
  if (answer.status >= 500 || answer.status === 429) return away(url, what);
  return new AccessError(
    `no token for Kafka: ${what}`,
    `correct ${["oauthClientId", "oauthClientSecret", "oauthScope"].map((key) => named(`kafka.${key}`)).join(", ")} or ${named("kafka.oauthTokenUrl")}`,
  );
}
