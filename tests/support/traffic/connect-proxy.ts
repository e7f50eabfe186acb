/** A CONNECT proxy. */
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import type { Duplex } from "node:stream";
import { onTestFinished } from "vitest";

export interface TestProxy {
  readonly url: string;
  /** Targets of CONNECT requests, with their credentials. */
  readonly requests: { readonly target: string; readonly authorization: string | undefined }[];
  /** Status with which every CONNECT is refused. */
  refuse: number | null;
}

export async function startProxy(): Promise<TestProxy> {
  const server = createServer();
  const sockets = new Set<Duplex>();
  const proxy: { -readonly [K in keyof TestProxy]: TestProxy[K] } = { url: "", requests: [], refuse: null };
  server.on("connect", (request, client, head) => {
    sockets.add(client);
    client.on("error", () => {});
    proxy.requests.push({ target: request.url ?? "", authorization: request.headers["proxy-authorization"] });
    if (proxy.refuse !== null) {
      client.end(`HTTP/1.1 ${proxy.refuse} Refused\r\ncontent-length: 0\r\n\r\n`);
      return;
    }
    const [host, port] = (request.url ?? "").split(":");
    const target = connect(Number(port), host, () => {
      client.write("HTTP/1.1 200 Connection established\r\n\r\n");
      target.write(head);
      client.pipe(target).pipe(client);
    });
    sockets.add(target);
    target.on("error", () => client.destroy());
    client.on("close", () => target.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  proxy.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return proxy;
}
