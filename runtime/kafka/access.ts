import net from "node:net";
import tls from "node:tls";
// @ts-expect-error: kafkajs declares no types for its inner files
import Broker from "kafkajs/src/broker";
import { AccessError, accessErrorIn, named } from "../access-error.ts";
import { messageOf } from "../lifecycle.ts";
import { speaksTls, tlsRefusal } from "../tls.ts";

/** What a broker is asked with: kafkajs's own pool of connections to it. */
interface Pool {
  host: string;
  port: number;
  ssl?: (tls.ConnectionOptions & { caFile?: string }) | null;
  sasl?: { mechanism: string } | null;
}

/**
 * Makes kafkajs end at once, with an AccessError, where waiting does not help. It would retry an unknown authority, and say
 * no more than "Closed connection" of a broker that speaks TLS, or that needs a login.
 */
export function patchAccess() {
  const { connect } = Broker.prototype;
  Broker.prototype.connect = async function (this: { connectionPool: Pool }) {
    try {
      return await connect.call(this);
    } catch (error) {
      throw (await whyRefused(error, this.connectionPool)) ?? error;
    }
  };
}

interface KafkaError {
  name?: string;
  type?: string;
  message: string;
}

/** The AccessError that an error of connecting means; undefined if waiting may help. */
export async function whyRefused(error: unknown, { host, port, ssl, sasl }: Pool): Promise<AccessError | undefined> {
  const server = `Kafka at ${host}:${port}`;
  const { name, type, message } = error as KafkaError;
  const asked = { server, group: "kafka" as const, files: filesIn(ssl) };
  const known = accessErrorIn(error) ?? tlsRefusal(error, asked);
  if (known) return known;
  const refusal = (what: string, cure: string) => new AccessError(`${server}: ${what}`, cure, { cause: error });
  if (name === "KafkaJSSASLAuthenticationError") return wrongLogin(refusal, sasl?.mechanism, message);
  if (type !== "ILLEGAL_SASL_STATE" && type !== "UNSUPPORTED_SASL_MECHANISM" && !isClosed(error)) return undefined;
  return whyClosed({ host, port, ssl, sasl }, refusal);
}

type Refuse = (what: string, cure: string) => AccessError;

function wrongLogin(refusal: Refuse, mechanism = "", message: string): AccessError {
  const keys =
    mechanism.toLowerCase() === "oauthbearer"
      ? ["oauthTokenUrl", "oauthClientId", "oauthScope"]
      : ["saslUsername", "saslPassword"];
  const why = message.replace(/^SASL \S+ authentication failed: /, "").slice(0, 200);
  return refusal(
    `it refuses the login (${mechanism.toUpperCase()}): ${why}`,
    `correct ${keys.map((key) => named(`kafka.${key}`)).join(", ")} or ${named("kafka.saslMechanism")}`,
  );
}

/** Asks a broker that closes connections what it wants: TLS, no TLS, a login or none. */
async function whyClosed({ host, port, ssl, sasl }: Pool, refusal: Refuse): Promise<AccessError | undefined> {
  const wants = await askForLogin(host, port, ssl ? { ...ssl, rejectUnauthorized: false } : undefined);
  if (wants === undefined && ssl && (await askForLogin(host, port)) !== undefined)
    return refusal("it does not speak TLS on this port", `set ${named("kafka.tls")} to false, or correct the port`);
  if (wants === undefined && !ssl && (await speaksTls(host, port)))
    return refusal("it speaks TLS on this port", `set ${named("kafka.tls")} to true`);
  if (wants && sasl && wants.length > 0 && !wants.includes(sasl.mechanism.toUpperCase()))
    return refusal(
      `it has no login by ${sasl.mechanism.toUpperCase()}, only by ${wants.join(", ")}`,
      `set ${named("kafka.saslMechanism")} to one of these`,
    );
  if (wants && wants.length > 0 && !sasl)
    return refusal(`it needs a login (${wants.join(", ")})`, `set ${named("kafka.saslMechanism")}`);
  if (wants?.length === 0 && sasl)
    return refusal(
      "it takes no login on this port",
      `set ${named("kafka.saslMechanism")} to none, or correct the port`,
    );
  return undefined;
}

const isClosed = (error: unknown) =>
  error instanceof Error &&
  (error.name === "KafkaJSConnectionClosedError" ||
    /closed|ECONNRESET|EPIPE|socket hang up|TLS connection was established/i.test(messageOf(error)));

const filesIn = (ssl: Pool["ssl"]) => ({
  caFile: ssl?.ca === undefined ? undefined : "kafka.caFile",
  certificateFile: ssl?.cert === undefined ? undefined : "kafka.certificateFile",
  serverName: ssl?.servername,
});

const illegalSaslState = 34;

/**
 * The mechanisms by which a broker lets clients log in, none if it takes no login; undefined if it gives no valid answer.
 * It is asked for one that does not exist (request SaslHandshake, kafka.apache.org/protocol), which is no attempt to log in.
 */
function askForLogin(host: string, port: number, options?: tls.ConnectionOptions, withinMs = 3_000) {
  const { promise, resolve } = Promise.withResolvers<string[] | undefined>();
  const request = Buffer.from([0, 0, 0, 12, 0, 17, 0, 1, 0, 0, 0, 0, 255, 255, 0, 0]);
  const onOpen = () => socket.write(request);
  const socket = options ? tls.connect({ ...options, host, port }, onOpen) : net.connect({ host, port }, onOpen);
  const timer = setTimeout(() => resolve(undefined), withinMs);
  let answer = Buffer.alloc(0);
  socket.on("data", (data: Buffer) => {
    answer = Buffer.concat([answer, data]);
    if (answer.length >= 4 && answer.length >= 4 + answer.readInt32BE(0)) resolve(mechanismsIn(answer));
  });
  socket.once("error", () => resolve(undefined));
  socket.once("close", () => resolve(undefined));
  return promise.finally(() => {
    clearTimeout(timer);
    socket.destroy();
  });
}

/** The mechanisms in an answer: size, correlation id, error, and an array of strings. */
function mechanismsIn(answer: Buffer): string[] | undefined {
  try {
    if (answer.readInt32BE(4) !== 0) return undefined;
    if (answer.readInt16BE(8) === illegalSaslState) return [];
    const names: string[] = [];
    let at = 14;
    for (let left = answer.readInt32BE(10); left > 0; left--) {
      const end = at + 2 + answer.readInt16BE(at);
      names.push(answer.toString("utf8", at + 2, end));
      at = end;
    }
    return names.length > 0 ? names : undefined;
  } catch {
    return undefined; // another protocol's answer
  }
}
