import { expect, test } from "bun:test";
import { shownAddress, withShownAddresses } from "./addresses.ts";

test.each([
  ["http://127.0.0.1:8081/apis/ccompat/v7", "http://127.0.0.1:8081/apis/ccompat/v7"],
  ["https://reader:s3cret@users.example.com/api/?key=s3cret#s3cret", "https://users.example.com/api/"],
  ["postgres://users:s3cret@[::1]:5432/users?sslpassword=s3cret", "postgres://[::1]:5432/users"],
  ["http://reader:s3%40cret@users.example.com", "http://users.example.com/"],
  ["http://reader:s3cret@users.example.com:port", "[not a URL]"],
])("%s is shown as %s", (address, shown) => expect(shownAddress(address)).toBe(shown));

test("addresses in a text lose their secrets, and the rest is unchanged", () => {
  expect(withShownAddresses('failed: GET https://a:s3cret@b/c?key=s3cret (1 of 2); see http://a:"s3cret"@b')).toBe(
    "failed: GET https://b/c (1 of 2); see http://b/",
  );
});
