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

export async function openLink(host: string, servicePort: number): Promise<Link> {
  const sockets = new Set<net.Socket>();
  let held = false;

  const join = (from: net.Socket, to: net.Socket) => {
    sockets.add(from);
    from.on("data", (bytes) => void to.write(bytes));
    from.on("error", () => to.destroy());
    from.on("close", () => {
      sockets.delete(from);
      to.destroy();
    });
    if (held) from.pause();
  };
  const server = net.createServer((client) => {
    const service = net.connect(servicePort, host);
    join(client, service);
    join(service, client);
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
