import { isFree } from "../../operations/ports.ts";

const [first, last] = [22_000, 32_700];
let port = first + Math.floor(Math.random() * (last - first));

/**
 * A free port, another one each time. It is below the range from which the system gives ports to outgoing connections and
 * to servers that listen on any port; otherwise one of them could take it before the program it is meant for listens.
 */
export function freePort(): number {
  do port = port < last ? port + 1 : first;
  while (!isFree(port));
  return port;
}
