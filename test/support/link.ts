import { once } from "node:events";
import net from "node:net";

/** A TCP proxy to a service, which a test can break: clients connect to `port`. */
export interface Link {
  port: number;
  /** Closes all connections and refuses new ones, as if the service had stopped. */
  cut: () => Promise<void>;
  restore: () => Promise<void>;
  /** Keeps connections and accepts new ones but forwards nothing, as if the service or the network hung. */
  hold: () => void;
  release: () => void;
}

/** `rewrite` changes what the service sends, as it arrives. */
export async function openLink(
  host: string,
  servicePort: number,
  rewrite: (bytes: Buffer) => Buffer = (bytes) => bytes,
): Promise<Link> {
  const sockets = new Set<net.Socket>();
  let held = false;

  const join = (from: net.Socket, to: net.Socket, pass: (bytes: Buffer) => Buffer) => {
    sockets.add(from);
    from.on("data", (bytes) => void to.write(pass(bytes as Buffer)));
    from.on("error", () => to.destroy());
    from.on("close", () => {
      sockets.delete(from);
      to.destroy();
    });
    if (held) from.pause();
  };
  const server = net.createServer((client) => {
    const service = net.connect(servicePort, host);
    join(client, service, (bytes) => bytes);
    join(service, client, rewrite);
  });
  const listen = async (port: number) => {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    return (server.address() as net.AddressInfo).port;
  };

  const port = await listen(0);
  return {
    port,
    async cut() {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
    restore: async () => void (await listen(port)),
    hold() {
      held = true;
      for (const socket of sockets) socket.pause();
    },
    release() {
      held = false;
      for (const socket of sockets) socket.resume();
    },
  };
}
