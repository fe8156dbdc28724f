import { once } from "node:events";
import net from "node:net";

/** A way to a service that a test can break: what connects to `port` talks to the service behind it. */
export interface Link {
  port: number;
  /** Connections break, and new ones are refused, as when the service has ended. */
  cut: () => Promise<void>;
  mend: () => Promise<void>;
  /** Connections stay and new ones are taken, but nothing passes any more, as when the service or the network hangs. */
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
    mend: async () => void (await listen(port)),
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
