import { expect, test } from "bun:test";
import { hashOfId, idsIn } from "../../contract/forgotten.ts";
import { validUsers } from "../../contract/samples.ts";
import { encode } from "../../contract/wire.ts";
import type { Message, Route } from "../change.ts";
import { forgottenBy, withoutForgotten } from "./forgotten.ts";

const [rachel, adrin] = validUsers as [(typeof validUsers)[0], (typeof validUsers)[0]];
const message = (offset: number, key: string | null, value: Buffer | null): Message => ({
  key: key === null ? null : Buffer.from(key),
  value,
  offset: String(offset),
  timestamp: "0",
});

test("an id has the same hash in upper and lower case, and it is SHA-256 of the text", () => {
  const id = "c7a41086-06e3-4bfe-9c40-4e9da2df42c8";
  expect(hashOfId(id.toUpperCase())).toBe(hashOfId(id));
  expect(hashOfId("abc")).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
});

test("ids are found in Avro, in JSON, in a key and between other hexadecimal digits", () => {
  expect(idsIn(encode(rachel, 7))).toEqual([rachel.id]);
  expect(idsIn(Buffer.from(`{"id":"${rachel.id.toUpperCase()}","to":"${adrin.id}"}`))).toEqual([
    rachel.id.toUpperCase(),
    adrin.id,
  ]);
  expect(idsIn(Buffer.from(`ffff${rachel.id}ffff`))).toEqual([rachel.id]);
  expect(idsIn(Buffer.from("nobody"))).toEqual([]);
});

test("records of forgotten users are ignored: neither written nor dead-lettered; all others are as before", async () => {
  const forgotten = forgottenBy(new Set([hashOfId(rachel.id)]));
  const written = [rachel, adrin].map((user, offset) => ({
    message: message(offset, user.id, encode(user, 1)),
    change: { kind: "upsert", user, writeTimeMicros: 1 } as const,
  }));
  const broken = [
    message(2, rachel.id, null),
    message(3, null, Buffer.from(JSON.stringify({ id: rachel.id, email: 1 }))),
    message(4, adrin.id, null),
  ];
  const route: Route = async () => ({
    writes: [
      ...written,
      { message: message(5, null, null), change: { kind: "delete", id: rachel.id, writeTimeMicros: 2 } },
    ],
    letters: broken.map((each) => ({ message: each, reason: "no_value", detail: "" })),
    ignored: 1,
    held: { offset: "6", why: "a newer contract" },
  });
  const sifted = await withoutForgotten(route, forgotten)([], new AbortController().signal, 0);
  expect(sifted.writes).toEqual([written[1]!]);
  expect(sifted.letters.map(({ message: { offset } }) => offset)).toEqual(["4"]);
  expect([sifted.ignored, sifted.held?.offset]).toEqual([5, "6"]);

  const nobody = forgottenBy(new Set());
  expect(await withoutForgotten(route, nobody)([], new AbortController().signal, 0)).toEqual(
    await route([], new AbortController().signal, 0),
  );
});
