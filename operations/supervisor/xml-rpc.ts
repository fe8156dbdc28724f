import { XMLParser } from "fast-xml-parser";

/** A value of supervisor's XML-RPC interface. */
export type Value = string | number | boolean | null | Value[] | { [name: string]: Value };

/** A fault response. supervisor's codes are in its `supervisor.xmlrpc.Faults`. */
export class Fault extends Error {
  override name = "Fault";
  constructor(
    readonly code: number,
    message: string,
  ) {
    super(message);
  }
}

/** Calls a method over a Unix socket. @throws Fault for a fault response, fetch's error if nothing is listening */
export async function call(socket: string, method: string, parameters: (string | number | boolean)[]): Promise<Value> {
  const response = await fetch("http://localhost/RPC2", {
    unix: socket,
    method: "POST",
    headers: { "content-type": "text/xml" },
    body: encodeCall(method, parameters),
  });
  if (!response.ok) throw new Error(`supervisor responded to ${method} with status ${response.status}`);
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

const parser = new XMLParser({
  parseTagValue: false,
  trimValues: false,
  isArray: (name) => name === "value" || name === "member",
});

/** A parsed element: text, or its children by name, with the white space between them under `#text`. */
type Element = string | { [name: string]: Element | Element[] };

/**
 * Decodes the value of a response. Format: xmlrpc.com/spec.md
 * @throws Fault if the response is a fault
 */
export function decodeResponse(xml: string): Value {
  const { methodResponse } = parser.parse(xml) as {
    methodResponse?: { params?: { param?: { value?: Element[] } }; fault?: { value?: Element[] } };
  };
  const value = methodResponse?.fault?.value?.[0] ?? methodResponse?.params?.param?.value?.[0];
  if (value === undefined) throw new Error(`not an XML-RPC response: ${xml.slice(0, 100)}`);
  if (!methodResponse?.fault) return decodeValue(value);
  const { faultCode, faultString } = decodeValue(value) as { faultCode: number; faultString: string };
  throw new Fault(faultCode, faultString);
}

function decodeValue(element: Element): Value {
  if (typeof element === "string") return element;
  const [type = "string", content = ""] = Object.entries(element).find(([name]) => name !== "#text") ?? [];
  switch (type) {
    case "int":
    case "i4":
    case "double":
      return Number(content);
    case "boolean":
      return content === "1";
    case "nil":
      return null;
    case "array":
      return childrenOf(content, "data", "value").map(decodeValue);
    case "struct":
      return Object.fromEntries(
        childrenOf(content, "member").map((member) => {
          const { name, value } = member as { name: string; value: Element[] };
          return [name, decodeValue(value[0] ?? "")];
        }),
      );
    default:
      return String(content);
  }
}

/** The elements at a path of names; empty if there are none. */
function childrenOf(element: Element | Element[], ...path: string[]): Element[] {
  const end = path.reduce<Element | Element[] | undefined>(
    (at, name) => (typeof at === "object" && !Array.isArray(at) ? at[name] : undefined),
    element,
  );
  return Array.isArray(end) ? end : [];
}
