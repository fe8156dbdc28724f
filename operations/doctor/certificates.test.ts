import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { certificateFindings } from "./certificates.ts";

const folder = mkdtempSync(join(tmpdir(), "doctor-certificates-"));
afterAll(() => rmSync(folder, { recursive: true }));

// Valid until 2031-01-01.
const certificate = `-----BEGIN CERTIFICATE-----
MIIBBDCBq6ADAgECAgEBMAoGCCqGSM49BAMCMAwxCjAIBgNVBAMMAXQwHhcNMjYw
MTAxMDAwMDAwWhcNMzEwMTAxMDAwMDAwWjAMMQowCAYDVQQDDAF0MFkwEwYHKoZI
zj0CAQYIKoZIzj0DAQcDQgAEyKfGNuSbvKhUN45AN2+6AOO8o3Lj0zyQmV7cCMrt
bKCloh4OyhH1H80/6YESSCWKIVVFMk3T9UJuhJIS5eNeizAKBggqhkjOPQQDAgNI
ADBFAiEA1j4E2WhG80Phc+pewBSaqX3EwXL+eplXrgfCY9DCQOICIBj1nryEPhAg
5RWZlnLSN02/+8hQhWNfzS9cdLhnkf+H
-----END CERTIFICATE-----`;

const on = (day: string) => certificateFindings(folder, Date.parse(`${day}T00:00:00Z`));

test("certificates that soon expire are named before they do, the first one by its name", () => {
  expect(on("2031-06-01")).toEqual([]); // a stack without certificates
  for (const name of ["api", "kafka"]) {
    mkdirSync(join(folder, "certificates", name), { recursive: true });
    writeFileSync(join(folder, "certificates", name, "server.crt"), certificate);
  }
  writeFileSync(join(folder, "certificates", "api", "server.key"), "not a certificate");
  expect(on("2030-11-30")).toEqual([]);
  expect(on("2030-12-10")).toMatchObject([
    {
      severity: "warning",
      cause: expect.stringMatching(/^(api|kafka)\/server.crt and 1 more will expire on 2031-01-01$/),
    },
  ]);
  expect(on("2031-01-02")).toMatchObject([
    { severity: "error", cause: expect.stringContaining("expired on 2031-01-01") },
  ]);
});
