import { expect, test } from "bun:test";
import { curesOf } from "./cures.ts";

test("addresses are those that the reader can use, without a login", () => {
  const ports = { connect: 18_083, schemaRegistry: 8_081 };
  const native = curesOf(ports, true);
  expect(native.address("http://rachel:secret@127.0.0.1:8083/connectors/x")).toBe("http://127.0.0.1:8083/connectors/x");
  const inContainers = curesOf(ports, false);
  expect(inContainers.address("http://connect:8083/connectors/x")).toBe("http://localhost:18083/connectors/x");
  expect(inContainers.address("http://rachel:secret@schema-registry:8081/config")).toBe("http://localhost:8081/config");
  expect(inContainers.address("https://connect.example.com/connectors/x")).toBe(
    "https://connect.example.com/connectors/x",
  );
});
