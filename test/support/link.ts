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
  /** The same, but what the service still answers is forwarded. */
  holdRequests: () => void;
  release: () => void;
}

/** `rewrite` changes what the service sends, as it arrives. */
export async function openLink(
  host: string,
  servicePort: number,
  rewrite: (bytes: Buffer) => Buffer = (bytes) => bytes,
): Promise<Link> {
  /** What is sent comes from these: `clients` have the requests, `services` the answers. */
  const clients = new Set<net.Socket>();
  const services = new Set<net.Socket>();
  let held: (typeof clients)[] = [];

  const join = (sockets: typeof clients, from: net.Socket, to: net.Socket, pass: (bytes: Buffer) => Buffer) => {
    sockets.add(from);
    from.on("data", (bytes) => void to.write(pass(bytes as Buffer)));
    from.on("error", () => to.destroy());
    from.on("close", () => {
      sockets.delete(from);
      to.destroy();
    });
    if (held.includes(sockets)) from.pause();
  };
  const server = net.createServer((client) => {
    const service = net.connect(servicePort, host);
    join(clients, client, service, (bytes) => bytes);
    join(services, service, client, rewrite);
  });
  const hold = (directions: typeof held) => {
    held = directions;
    for (const sockets of held) for (const socket of sockets) socket.pause();
  };
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
      for (const socket of [...clients, ...services]) socket.destroy();
      await closed;
    },
    restore: async () => void (await listen(port)),
    hold: () => hold([clients, services]),
    holdRequests: () => hold([clients]),
    release() {
      held = [];
      for (const socket of [...clients, ...services]) socket.resume();
    },
  };
}
