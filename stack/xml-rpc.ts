/** What supervisor's XML-RPC interface sends and takes. */
export type Value = string | number | boolean | null | Value[] | { [name: string]: Value };

/** A fault that the other side answered with: supervisor's codes are in its `supervisor.xmlrpc.Faults`. */
export class Fault extends Error {
  override name = "Fault";
  constructor(
    readonly code: number,
    message: string,
  ) {
    super(message);
  }
}

/** Calls one method over a unix socket. Throws `Fault` for a refusal, and what fetch throws where nobody listens. */
export async function call(socket: string, method: string, parameters: (string | number | boolean)[]): Promise<Value> {
  const response = await fetch("http://localhost/RPC2", {
    unix: socket,
    method: "POST",
    headers: { "content-type": "text/xml" },
    body: encodeCall(method, parameters),
  });
  if (!response.ok) throw new Error(`supervisor answers ${response.status} to ${method}`);
  return decodeResponse(await response.text());
}

export function encodeCall(method: string, parameters: (string | number | boolean)[]): string {
  const params = parameters.map((value) => `<param><value>${encodeScalar(value)}</value></param>`).join("");
  return `<?xml version="1.0"?><methodCall><methodName>${method}</methodName><params>${params}</params></methodCall>`;
}

function encodeScalar(value: string | number | boolean): string {
  if (typeof value === "boolean") return `<boolean>${value ? 1 : 0}</boolean>`;
  if (typeof value === "number") return `<int>${value}</int>`;
  return `<string>${Bun.escapeHTML(value)}</string>`;
}

/** The value of a response, or the `Fault` it carries. */
export function decodeResponse(xml: string): Value {
  const tokens = [...xml.matchAll(/<[^>]+>|[^<]+/g)].map(([token]) => token).filter((token) => !token.startsWith("<?"));
  let at = 0;
  const skipTo = (tag: string) => {
    while (at < tokens.length && tokens[at] !== tag) at++;
    if (at++ >= tokens.length) throw new Error(`not an XML-RPC response: no ${tag}`);
  };
  const text = (end: string) => {
    const from = at;
    skipTo(end);
    return unescapeXml(tokens.slice(from, at - 1).join(""));
  };
  const next = () => {
    while (tokens[at]?.trim() === "") at++;
    return tokens[at];
  };

  const value = (): Value => {
    skipTo("<value>");
    if (!tokens[at]?.startsWith("<")) next();
    const tag = tokens[at];
    let result: Value;
    if (tag === "<struct>") {
      at++;
      const members: Record<string, Value> = {};
      while (next() === "<member>") {
        skipTo("<name>");
        const name = text("</name>");
        members[name] = value();
        skipTo("</member>");
      }
      result = members;
    } else if (tag === "<array>") {
      skipTo("<data>");
      const items: Value[] = [];
      while (next() === "<value>") items.push(value());
      result = items;
    } else if (tag === undefined || !tag.startsWith("<") || tag === "</value>") {
      return text("</value>");
    } else {
      at++;
      const content = tag.endsWith("/>") ? "" : text(tag.replace("<", "</"));
      result = scalar(tag, content);
    }
    skipTo("</value>");
    return result;
  };

  if (!xml.includes("<fault>")) return value();
  const { faultCode, faultString } = value() as { faultCode: number; faultString: string };
  throw new Fault(faultCode, faultString);
}

function scalar(tag: string, content: string): Value {
  if (tag === "<int>" || tag === "<i4>" || tag === "<double>") return Number(content);
  if (tag === "<boolean>") return content === "1";
  if (tag.startsWith("<nil")) return null;
  return content;
}

const unescapeXml = (text: string) =>
  text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&quot;", '"').replaceAll("&amp;", "&");
