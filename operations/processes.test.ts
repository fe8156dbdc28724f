import { expect, test } from "bun:test";
import net from "node:net";
import { holdersOf, listeningSockets, memoryIn, parseStat, residentBytes, stackFolderOf } from "./processes.ts";

const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1538 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 88001 1 0000 100 0 0 10 0
   1: 0100007F:1538 0100007F:D2F0 01 00000000:00000000 00:00000000 00000000     0        0 88002 1 0000 20 4 30 10 -1
   2: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 88003 1 0000 100 0 0 10 0
`;

test("only a port's listening sockets are found", () => {
  expect(listeningSockets(table, 5432)).toEqual([{ socket: "socket:[88001]", isLoopback: true }]);
  expect(listeningSockets(table, 80)).toEqual([{ socket: "socket:[88003]", isLoopback: false }]);
  expect(listeningSockets(table, 81)).toEqual([]);
  expect(listeningSockets("", 80)).toEqual([]);
});

test("a process whose name contains brackets and spaces is parsed correctly", () => {
  const line = "42 (a) b (c) S 41 40 43 0 -1 0 0 0 0 0 7 5 2 1 20 0 1 0 100 4096 250 18446744073709551615";
  expect(parseStat(line)).toEqual({ pid: 42, parent: 41, session: 43, cpuTicks: 15, residentPages: 250 });
});

test("memory includes all descendants of the process", () => {
  const all = [
    { pid: 1, parent: 0 },
    { pid: 2, parent: 1 },
    { pid: 3, parent: 2 },
    { pid: 4, parent: 1 },
  ];
  const bytesOf = (pid: number) => 10 ** pid;
  expect(residentBytes(2, all, bytesOf)).toBe(1_100);
  expect(residentBytes(1, all, bytesOf)).toBe(11_110);
});

test.if(process.platform === "linux").each([
  ["127.0.0.1", false],
  ["::1", false],
  ["::ffff:127.0.0.1", false],
  ["0.0.0.0", true],
  ["::", true],
])(
  "the holder of a port on %s is named, with its folder and whether other machines can reach it",
  (hostname, isOpen) => {
    const server = net.createServer().listen(0, hostname);
    try {
      const { port } = server.address() as net.AddressInfo;
      const holder = holdersOf([port, 1]).get(port);
      expect(holder).toMatchObject({ pid: process.pid, folder: process.cwd(), isOpen });
      expect(holdersOf([1]).has(1)).toBe(false);
    } finally {
      server.close();
    }
  },
);

test("where its shared pages cannot be read, a process's memory is its own pages", () => {
  const status = "Name:\tpostgres\nVmRSS:\t   26540 kB\nRssAnon:\t    4312 kB\nRssFile:\t   22228 kB\n";
  expect(memoryIn("Rss:  26540 kB\nPss:   9120 kB\n", status)).toBe(9_120 * 1024);
  expect(memoryIn("", status)).toBe(4_312 * 1024);
  expect(memoryIn("", "")).toBe(0);
});

test("a process belongs to the stack whose supervisor is its ancestor", () => {
  const processes = [
    { pid: 7, parent: 1 },
    { pid: 8, parent: 7 },
    { pid: 9, parent: 8 },
    { pid: 10, parent: 1 },
  ];
  const supervisord = ["python", "/clone/stack/supervisord.py", "-c", "/my clone/.stack/run/supervisord.conf"];
  const argv = (pid: number) => (pid === 7 ? supervisord : ["java"]);
  expect(stackFolderOf(9, processes, argv)).toBe("/my clone/.stack");
  expect(stackFolderOf(7, processes, argv)).toBe("/my clone/.stack");
  expect(stackFolderOf(10, processes, argv)).toBeUndefined();
});
