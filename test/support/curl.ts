#!/usr/bin/env bun
/** The options of curl used in the documentation, for machines without it: -s -i -X -H -d, and -d @file. */
import { STATUS_CODES } from "node:http";
import { parseArgs } from "node:util";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    silent: { type: "boolean", short: "s" },
    include: { type: "boolean", short: "i" },
    request: { type: "string", short: "X" },
    header: { type: "string", short: "H", multiple: true },
    data: { type: "string", short: "d" },
  },
});
const { include, request, header = [], data } = values;
const [address = ""] = positionals;
const response = await fetch(/^https?:/.test(address) ? address : `http://${address}`, {
  method: request ?? (data === undefined ? "GET" : "POST"),
  headers: header.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]),
  body: data?.startsWith("@") ? await Bun.file(data.slice(1)).text() : data,
});
if (include) {
  console.log(`HTTP/1.1 ${response.status} ${STATUS_CODES[response.status]}`);
  response.headers.forEach((value, name) => void console.log(`${name}: ${value}`));
  console.log();
}
process.stdout.write(await response.text());
