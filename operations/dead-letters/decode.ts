import { schemaIdOf, writtenReaderOf } from "../../contract/wire.ts";
import { messageOf } from "../../runtime/lifecycle.ts";
import type { Registry } from "../../runtime/registry.ts";
import { readable } from "./letter.ts";

/** Bytes as people can read them. */
export type Decoded =
  | { format: "none" }
  | { format: "Avro"; schemaId: number; value: unknown }
  | { format: "JSON"; value: unknown }
  | { format: "text"; value: string }
  /** The first bytes, and why nothing else is known of them. */
  | { format: "bytes"; length: number; dump: string; why: string };

/** More is not decoded and not shown as text. */
const maxTextBytes = 64 * 1024;
const maxDumpBytes = 512;

/** Avro by its schema id, JSON, text, or else a dump of the bytes. */
export async function decodeBytes(bytes: Buffer | null, registry: Pick<Registry, "schemaOf">): Promise<Decoded> {
  if (bytes === null) return { format: "none" };
  const text = textOf(bytes);
  if (text !== undefined) return jsonIn(text) ?? { format: "text", value: readable(text) };
  const dump = (why: string): Decoded => {
    return { format: "bytes", length: bytes.length, dump: dumpOf(bytes.subarray(0, maxDumpBytes)), why };
  };
  const schemaId = schemaIdOf(bytes);
  if (typeof schemaId !== "number") return dump(schemaId.detail);
  try {
    const registered = await registry.schemaOf(schemaId);
    if (registered === null) return dump(`the registry has no schema with id ${schemaId}`);
    const value = writtenReaderOf(registered.schema, registered.references)(bytes.subarray(5));
    return { format: "Avro", schemaId, value };
  } catch (error) {
    return dump(`schema ${schemaId}: ${messageOf(error).slice(0, 300)}`);
  }
}

/** The text if it is UTF-8 and has no control characters but those of text. */
function textOf(bytes: Buffer): string | undefined {
  if (bytes.length > maxTextBytes) return undefined;
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return /[^\P{Cc}\t\r\n]/u.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}

function jsonIn(text: string): Decoded | undefined {
  if (!/^\s*[{[]/.test(text)) return undefined;
  try {
    return { format: "JSON", value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

/** Sixteen bytes a line: position, hexadecimal, and what is printable. */
export function dumpOf(bytes: Buffer): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const line = bytes.subarray(at, at + 16);
    const hex = line.toString("hex").replaceAll(/(..)(?=.)/g, "$1 ");
    const text = line.toString("latin1").replaceAll(/[^ -~]/g, ".");
    lines.push(`${at.toString(16).padStart(4, "0")}  ${hex.padEnd(47)}  ${text}`);
  }
  return lines.join("\n");
}
