import type { MiddlewareHandler } from "hono";
import { Problem } from "./problem.ts";

/** Accepts only UTF-8 bodies, so that every character is stored unchanged. */
export const utf8Body: MiddlewareHandler = async (c, next) => {
  const encoding = c.req.header("Content-Encoding")?.trim() ?? "identity";
  if (encoding.toLowerCase() !== "identity")
    throw new Problem(415, "Content-Encoding is not supported; send the body uncompressed", {
      headers: { "Accept-Encoding": "identity" },
    });
  const charset = /;\s*charset\s*=\s*"?([^";\s]*)/i.exec(c.req.header("Content-Type") ?? "")?.[1];
  if (charset !== undefined && charset.toLowerCase() !== "utf-8")
    throw new Problem(415, "the charset is not UTF-8, which JSON requires");
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
