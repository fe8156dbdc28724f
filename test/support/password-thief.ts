import { createHash, createHmac, pbkdf2Sync, randomBytes } from "node:crypto";
import { openRecorder, type Recorder } from "./recorder.ts";

/** How PostgreSQL asks for a password. */
export type Method = "cleartext" | "md5" | "scram";

export interface Thief extends Recorder {
  /** The number of clients asked for their password. */
  asked: () => number;
  /** Whether a client has sent this password or proof of knowing it. */
  knows: (password: string, role: string) => boolean;
}

/** A server that implements just enough of PostgreSQL's protocol to ask clients for their password. */
export async function askForPasswords(method: Method): Promise<Thief> {
  const exchanges: { first: string; challenge: string; final: string }[] = [];
  const salt = Buffer.from("salt");
  const nonce = randomBytes(12).toString("base64");
  let asked = 0;

  const recorder = await openRecorder((bytes, client) => {
    const text = bytes.toString("latin1");
    const [, first, theirs] = /n,,(n=.*,r=(.*))$/.exec(text) ?? [];
    if (first) {
      const challenge = `r=${theirs}${nonce},s=${salt.toString("base64")},i=4096`;
      exchanges.push({ first, challenge, final: "" });
      client.write(authentication(numbered(11, Buffer.from(challenge))));
    } else if (text.startsWith("p")) {
      const exchange = exchanges.at(-1);
      if (exchange) exchange.final = text;
      client.end();
    } else if (bytes.length === 8) {
      client.write("N"); // the client requests TLS; refuse it
    } else {
      asked++;
      client.write(authentication(questions[method](salt)));
    }
  });
  return {
    ...recorder,
    asked: () => asked,
    knows(password, role) {
      const md5 = `md5${hash(Buffer.concat([Buffer.from(hash(password + role)), salt]))}`;
      const bytes = recorder.received();
      if (bytes.includes(password) || bytes.includes(md5)) return true;
      return exchanges.some(({ first, challenge, final }) => provesScram(first, challenge, final, password, salt));
    },
  };
}

const numbered = (number: number, data: Buffer) => {
  const code = Buffer.alloc(4);
  code.writeInt32BE(number);
  return Buffer.concat([code, data]);
};

const questions: Record<Method, (salt: Buffer) => Buffer> = {
  cleartext: () => numbered(3, Buffer.alloc(0)),
  md5: (salt) => numbered(5, salt),
  scram: () => numbered(10, Buffer.from("SCRAM-SHA-256\0\0")),
};

const authentication = (body: Buffer) =>
  Buffer.concat([Buffer.from("R"), numbered(body.length + 4, Buffer.alloc(0)), body]);

const hash = (data: string | Buffer) => createHash("md5").update(data).digest("hex");

/** RFC 5802: whether the proof in the client's final message matches this password. */
function provesScram(first: string, challenge: string, final: string, password: string, salt: Buffer): boolean {
  const [, withoutProof, proof] = /(c=.*),p=(.*)$/.exec(final) ?? [];
  const hmac = (key: Buffer, text: string) => createHmac("sha256", key).update(text).digest();
  const clientKey = hmac(pbkdf2Sync(password, salt, 4096, 32, "sha256"), "Client Key");
  const storedKey = createHash("sha256").update(clientKey).digest();
  const signature = hmac(storedKey, `${first},${challenge},${withoutProof}`);
  return Buffer.from(clientKey.map((byte, at) => byte ^ (signature[at] ?? 0))).toString("base64") === proof;
}
