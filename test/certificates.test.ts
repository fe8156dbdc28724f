import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { certificateOf, clientCertificate, issueCertificates } from "../stack/certificates.ts";
import { openInstance } from "../stack/instance.ts";

const { installed } = await openInstance();
const folder = mkdtempSync(join(tmpdir(), "certificates-"));
mkdirSync(join(folder, "logs"));
afterAll(() => rmSync(folder, { recursive: true }));

const stack = { folder, installed, isSecure: true };
const days = (count: number) => Date.now() + count * 86_400_000;
const issue = (mayRenew: boolean, now = Date.now()) =>
  issueCertificates(stack, { mayRenew, now }, new AbortController().signal);
const textOf = (file: string) => readFileSync(file, "utf8");
const authority = () => textOf(join(folder, "certificates", "ca.crt"));
const certificate = () => textOf(certificateOf(stack, "kafka").certificate);

test("certificates are renewed when a third of their time is left, only if they may be, and their authority stays", async () => {
  await issueCertificates({ ...stack, isSecure: false }, { mayRenew: true }, new AbortController().signal);
  expect(readdirSync(join(folder, "certificates")).toSorted()).toEqual([
    "ca.crt",
    "ca.key",
    "ca.p12",
    "debezium",
    "postgres",
  ]);
  await issue(false);
  expect(existsSync(clientCertificate(stack))).toBe(true);

  const [first, by] = [certificate(), authority()];
  await issue(true, days(240));
  expect(certificate()).toBe(first);
  await issue(false, days(250));
  expect(certificate()).toBe(first);
  await issue(true, days(250));
  expect(certificate()).not.toBe(first);
  expect(authority()).toBe(by);

  await issue(true, days(2_500));
  expect(authority()).not.toBe(by);
});
