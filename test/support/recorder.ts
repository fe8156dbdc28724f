import { once } from "node:events";
import net from "node:net";

/** A server that records everything it receives. */
export interface Recorder {
  port: number;
  /** All bytes from all connections. */
  received: () => Buffer;
  close: () => void;
}

/** It sends nothing, unless `answer` does. */
export async function openRecorder(answer: (bytes: Buffer, client: net.Socket) => void = () => {}): Promise<Recorder> {
  const received: Buffer[] = [];
  const server = net.createServer((client) => {
    client.on("error", () => {});
    client.on("data", (data) => {
      const bytes = Buffer.from(data);
      received.push(bytes);
      answer(bytes, client);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as net.AddressInfo).port,
    received: () => Buffer.concat(received),
    close: () => void server.close(),
  };
}
