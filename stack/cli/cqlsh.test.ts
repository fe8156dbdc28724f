import { expect, test } from "bun:test";
import { firstListening } from "./cqlsh.ts";

const nodes = ["127.0.0.11", "127.0.0.12", "127.0.0.13"];

test("cqlsh asks a node that is there, and the first one if none is", async () => {
  const server = Bun.listen({ hostname: "127.0.0.12", port: 0, socket: { data() {} } });
  expect(await firstListening(nodes, server.port)).toBe("127.0.0.12");
  server.stop(true);
  expect(await firstListening(nodes, server.port)).toBe("127.0.0.11");
});
