import { expect, test } from "bun:test";
import { decodeResponse, encodeCall, Fault } from "./xml-rpc.ts";

const response = (value: string) =>
  `<?xml version='1.0'?>\n<methodResponse>\n<params>\n<param>\n<value>${value}</value>\n</param>\n</params>\n</methodResponse>\n`;

test("a call encodes its parameters with their types and escapes markup in text", () => {
  expect(encodeCall("supervisor.startProcess", ["a<b&c", false, 3])).toBe(
    '<?xml version="1.0"?><methodCall><methodName>supervisor.startProcess</methodName><params>' +
      "<param><value><string>a&lt;b&amp;c</string></value></param><param><value><boolean>0</boolean></value></param>" +
      "<param><value><int>3</int></value></param></params></methodCall>",
  );
});

test("scalars keep their types", () => {
  expect(decodeResponse(response("<int>-7</int>"))).toBe(-7);
  expect(decodeResponse(response("<boolean>1</boolean>"))).toBe(true);
  expect(decodeResponse(response("<string>a &lt;b&gt; &amp;amp; c</string>"))).toBe("a <b> &amp; c");
  expect(decodeResponse(response("<string></string>"))).toBe("");
  expect(decodeResponse(response("untyped"))).toBe("untyped");
});

test("supervisor's list of processes is decoded", () => {
  const struct = (name: string, pid: number) =>
    `<value><struct>\n<member>\n<name>name</name>\n<value><string>${name}</string></value>\n</member>\n` +
    `<member>\n<name>pid</name>\n<value><int>${pid}</int></value>\n</member>\n</struct></value>\n`;
  expect(decodeResponse(response(`<array><data>\n${struct("kafka", 12)}${struct("", 0)}</data></array>`))).toEqual([
    { name: "kafka", pid: 12 },
    { name: "", pid: 0 },
  ]);
  expect(decodeResponse(response("<array><data>\n</data></array>"))).toEqual([]);
});

test("a fault is thrown with its code", () => {
  const fault =
    "<methodResponse>\n<fault>\n<value><struct>\n<member>\n<name>faultCode</name>\n<value><int>70</int></value>\n</member>\n" +
    "<member>\n<name>faultString</name>\n<value><string>NOT_RUNNING: kafka</string></value>\n</member>\n</struct></value>\n</fault>\n</methodResponse>";
  expect(() => decodeResponse(fault)).toThrow(new Fault(70, "NOT_RUNNING: kafka"));
});

test("anything but an XML-RPC response is rejected", () => {
  expect(() => decodeResponse("<html>502</html>")).toThrow("not an XML-RPC response");
});
