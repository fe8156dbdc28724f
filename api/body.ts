import type { MiddlewareHandler } from "hono";
import { Problem } from "./problem.ts";

/** Accepts only bodies of these types in UTF-8, so that every character is stored unchanged. */
export const bodyOf =
  (...types: string[]): MiddlewareHandler =>
  async (c, next) => {
    const encoding = c.req.header("Content-Encoding")?.trim() ?? "identity";
    if (encoding.toLowerCase() !== "identity")
      throw new Problem(415, "Content-Encoding is not supported; send the body uncompressed", {
        headers: { "Accept-Encoding": "identity" },
      });
    const [type = "", ...parameters] = (c.req.header("Content-Type") ?? "").split(";");
    if (!types.includes(type.trim().toLowerCase()))
      throw new Problem(415, `the Content-Type must be ${types.join(" or ")}`, {
        headers: { [c.req.method === "PATCH" ? "Accept-Patch" : "Accept"]: types.join(", ") },
      });
    const charset = /^\s*charset\s*=\s*"?([^"\s]*)/i.exec(parameters.find((each) => /charset/i.test(each)) ?? "")?.[1];
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
