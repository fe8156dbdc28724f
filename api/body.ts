import type { MiddlewareHandler } from "hono";
import { Problem } from "./errors.ts";

/** Lets a body pass that is UTF-8 and nothing else, so that no character of it is changed before it is stored. */
export const utf8Body: MiddlewareHandler = async (c, next) => {
  const encoding = c.req.header("Content-Encoding")?.trim() ?? "identity";
  if (encoding.toLowerCase() !== "identity")
    throw new Problem(415, "the body has a Content-Encoding, which is not taken here; send it as it is", {
      headers: { "Accept-Encoding": "identity" },
    });
  const charset = /;\s*charset\s*=\s*"?([^";\s]*)/i.exec(c.req.header("Content-Type") ?? "")?.[1];
  if (charset !== undefined && charset.toLowerCase() !== "utf-8")
    throw new Problem(415, "the body has a charset other than UTF-8, which JSON is always in");
  if (!isUtf8(await c.req.arrayBuffer())) throw new Problem(400, "the body is not UTF-8");
  await next();
};

const utf8 = new TextDecoder("utf-8", { fatal: true });

function isUtf8(bytes: ArrayBuffer): boolean {
  try {
    utf8.decode(bytes);
    return true;
  } catch {
    return false;
  }
}
