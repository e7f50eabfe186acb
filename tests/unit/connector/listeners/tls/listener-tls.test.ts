import { createPublicKey, type KeyObject } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect as connectTcp, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ConnectionOptions, connect, TLSSocket } from "node:tls";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { parseListenTls } from "../../../../../connector/config/listener-tls-options.ts";
import { ListenerTls, type ListenerTlsOptions } from "../../../../../connector/listeners/tls/listener-tls.ts";
import { silent } from "../../../../../connector/log.ts";
import { FairleadError } from "../../../../../protocol/errors.ts";
import { makeNetworkRoot } from "../../../../../workers/authority/authority.ts";
import { signServiceCertificate } from "../../../../../workers/authority/certificates.ts";
import { writePem } from "../../../../../workers/authority/keys.ts";
import { type Certificates, makeCertificates } from "../../../../support/authority/server-certificates.ts";
import { createDeploymentCa, createSite, type TestSite } from "../../../../support/authority/test-site.ts";
import { eventually } from "../../../../support/clock/eventually.ts";
import { holdTime } from "../../../../support/clock/held-time.ts";
import { relayStream, testRelay } from "../../../../support/connector/test-relay.ts";
import { tcpClient, tcpServer } from "../../../../support/traffic/sockets.ts";

let directory: string;
let files: Certificates;
let site: TestSite;
/** The network's CA as its clients trust it, PEM. */
let root: string;
const opened: ListenerTls[] = [];

beforeAll(async () => {
  files = await makeCertificates();
  site = await createSite(await createDeploymentCa());
  root = writePem("CERTIFICATE", await makeNetworkRoot({ networkId: site.networkId, ...site.authority }));
});
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "fairlead-tls-"));
});
afterEach(async () => {
  for (const tls of opened.splice(0)) tls.close();
  await rm(directory, { recursive: true });
});

/** Issues as the network does. */
async function issue(service: string, key: KeyObject): Promise<string> {
  const publicKey = new Uint8Array(createPublicKey(key).export({ type: "spki", format: "der" }));
  const names = [service, `${service}.shop.internal`];
  const signed = await signServiceCertificate({
    ...{ authority: site.authority, service, names, publicKey, now: Date.now() },
  });
  return writePem("CERTIFICATE", signed.certificate);
}

interface Scene {
  readonly tls: ListenerTls;
  readonly port: number;
  /** Clients with their TLS established. */
  readonly clients: Socket[];
  readonly refused: FairleadError[];
}

/** A server whose connections are those of the service api. */
async function scene(
  given: string[],
  options: Partial<ListenerTlsOptions> = {},
  protocols: string[] = [],
): Promise<Scene> {
  const tls = new ListenerTls({
    services: given.map(parseListenTls),
    issue,
    onChange: () => {},
    log: silent,
    ...options,
  });
  opened.push(tls);
  tls.setServices(["api"]);
  const clients: Socket[] = [];
  const refused: FairleadError[] = [];
  const { port } = await tcpServer((socket) =>
    tls.accept("api", socket, protocols, {
      onClient: (client) => clients.push(client),
      onRefused: (client, error) => {
        refused.push(error);
        client.on("error", () => {});
        client.resetAndDestroy();
      },
    }),
  );
  return { tls, port, clients, refused };
}

/** A client whose TLS is established. @throws Error when the handshake fails */
async function secured(port: number, options: ConnectionOptions): Promise<TLSSocket> {
  const socket = connect({ host: "127.0.0.1", port, ...options });
  socket.on("error", () => {});
  const failed = once(socket, "close").then(() => Promise.reject(socket.errored ?? new Error("closed")));
  await Promise.race([once(socket, "secureConnect"), failed]);
  failed.catch(() => {});
  return socket;
}

async function writeFiles(pair: Pick<Certificates, "certificate" | "key">): Promise<string> {
  const [certificate, key] = [join(directory, "cert.pem"), join(directory, "key.pem")];
  await Promise.all([writeFile(certificate, pair.certificate), writeFile(key, pair.key)]);
  return `api=${certificate},${key}`;
}

const serial = (socket: TLSSocket) => socket.getPeerCertificate().serialNumber;

describe("ListenerTls", () => {
  it("presents a certificate of the network, which its root verifies for the names of the service", async () => {
    const { port, clients } = await scene(["api=network"]);
    for (const servername of ["api", "api.shop.internal"]) {
      const client = await secured(port, { ca: root, servername });
      expect(client.authorized).toBe(true);
    }
    await expect(secured(port, { ca: root, servername: "other.shop.internal" })).rejects.toThrow(/Hostname/);
    await expect(secured(port, { servername: "api" })).rejects.toThrow();
    await eventually("both clients are served", () => clients.length >= 2);
  });

  it("presents the certificate of files, and another one once the files have changed", async () => {
    const { port } = await scene([await writeFiles(files)]);
    const first = await secured(port, { ca: files.ca });
    const second = await makeCertificates();
    await writeFiles(second);
    await eventually("the new certificate", async () => {
      const client = await secured(port, { ca: second.ca }).catch(() => null);
      return client !== null && serial(client) !== serial(first);
    });
    expect(first.destroyed).toBe(false);
  });

  it("keeps the certificate that it has when the files no longer fit", async () => {
    const lines: string[] = [];
    const log = { ...silent, warn: (_fields: object, text: string) => lines.push(text) };
    const { port, tls } = await scene([await writeFiles(files)], { log });
    const first = await secured(port, { ca: files.ca });
    await writeFile(join(directory, "key.pem"), "nonsense");
    await eventually("a line", () => lines.length > 0);
    expect(lines[0]).toMatch(/^The certificate .* cannot be used: /);
    expect(serial(await secured(port, { ca: files.ca }))).toBe(serial(first));
    expect(tls.troubleOf("api")).toBeNull();
  });

  it("refuses clients when there is no certificate in time, and says why", async () => {
    const missing = join(directory, "missing.pem");
    const { tls, port, refused } = await scene([`api=${missing},${missing}`], { waitMs: 50 });
    await expect(secured(port, {})).rejects.toThrow();
    expect(refused).toEqual([expect.objectContaining({ code: "listener.certificate" })]);
    expect(refused[0]?.message).toContain(`The certificate ${missing}`);
    expect(tls.troubleOf("api")?.code).toBe("listener.certificate");
  });

  it("lets clients wait for the first certificate, which is requested again after a failure", async () => {
    let requests = 0;
    const issueLate = async (service: string, key: KeyObject) => {
      if (++requests === 1) throw new FairleadError("uplink.lost");
      return await issue(service, key);
    };
    const { port } = await scene(["api=network"], { issue: issueLate });
    expect((await secured(port, { ca: root, servername: "api" })).authorized).toBe(true);
    expect(requests).toBe(2);
  });

  it("refuses a certificate that the edge signed for another key", async () => {
    const { publicKey } = site.keys;
    const spki = new Uint8Array(await crypto.subtle.exportKey("spki", publicKey));
    const wrong = await signServiceCertificate({
      ...{ authority: site.authority, service: "api", names: ["api"], publicKey: spki, now: Date.now() },
    });
    const { tls } = await scene(["api=network"], {
      issue: async () => writePem("CERTIFICATE", wrong.certificate),
    });
    const trouble = await eventually("the trouble", () => tls.troubleOf("api"));
    expect(trouble.message).toBe("The edge signed a certificate for another key.");
  });

  it("requests certificates only for services that have listeners", async () => {
    const asked: string[] = [];
    const record = async (service: string, key: KeyObject) => {
      asked.push(service);
      return await issue(service, key);
    };
    const { tls } = await scene(["api=network", "db=network"], { issue: record });
    tls.setServices(["api", "db"]);
    tls.setServices(["api"]);
    await eventually("both are asked for", () => asked.length === 2);
    expect(asked).toEqual(["api", "db"]);
    tls.renew();
    await eventually("api is asked for again", () => asked.length === 3);
    expect(asked[2]).toBe("api");
  });

  it("hands clients on as they are where the service has no TLS, also after a change of the configuration", async () => {
    const { tls, port, clients } = await scene(["api=network"]);
    await secured(port, { ca: root, servername: "api" });
    tls.configure([]);
    const plain = await tcpClient(port);
    plain.socket.write("plain");
    const isPlain = (socket: Socket) => !(socket instanceof TLSSocket);
    const client = await eventually("the plain client", () => clients.find(isPlain));
    expect(String((await once(client, "data"))[0])).toBe("plain");
  });

  it("answers ALPN for services of HTTP, and leaves it alone for others", async () => {
    const http = await scene(["api=network"], {}, ["h2", "http/1.1"]);
    const options = { ca: root, servername: "api" };
    const choose = async (port: number, ALPNProtocols: string[]) =>
      (await secured(port, { ...options, ALPNProtocols })).alpnProtocol;
    expect(await choose(http.port, ["http/1.1"])).toBe("http/1.1");
    expect(await choose(http.port, ["http/1.1", "h2"])).toBe("h2");
    await expect(choose(http.port, ["smtp"])).rejects.toThrow();
    const tcp = await scene(["api=network"]);
    expect(await choose(tcp.port, ["postgresql"])).toBe(false);
  });

  it("refuses a client that speaks no TLS, or does not finish its handshake", async () => {
    const pass = holdTime();
    const { port, refused } = await scene(["api=network"], { handshakeMs: 300 });
    await secured(port, { ca: root, servername: "api" });
    const plain = await tcpClient(port);
    plain.socket.on("error", () => {});
    plain.socket.write("GET / HTTP/1.1\r\n\r\n");
    await eventually("the plain client is refused", () => refused.length === 1);
    const silentClient = await tcpClient(port);
    silentClient.socket.on("error", () => {});
    await eventually("the silent client is refused", async () => {
      await pass(100);
      return refused.length === 2;
    });
    expect(refused.map(({ code }) => code)).toEqual(["listener.handshake", "listener.handshake"]);
  });
});

describe("the plaintext of a TLS client in the relay", () => {
  async function joined() {
    const { port, clients } = await scene(["api=network"]);
    const raw = connectTcp({ host: "127.0.0.1", port, allowHalfOpen: true });
    const client = await secured(port, { socket: raw, ca: root, servername: "api" });
    const local = await eventually("the client", () => clients[0]);
    const { stream, far } = relayStream();
    const relay = testRelay();
    const flow = relay.start({ side: "listener", service: "api", client: "127.0.0.1:1" });
    flow.setStream(stream);
    relay.join(local, stream, flow);
    return { client, raw, far, flow };
  }

  it("passes both ways, and each direction ends by itself", async () => {
    const { client, far, flow } = await joined();
    const received: Buffer[] = [];
    far.on("data", (chunk: Buffer) => received.push(chunk));
    far.on("end", () => far.end("answer"));
    client.end("question".repeat(50_000));
    const answer: Buffer[] = [];
    client.on("data", (chunk: Buffer) => answer.push(chunk));
    await once(client, "end");
    expect(Buffer.concat(received).toString()).toBe("question".repeat(50_000));
    expect(Buffer.concat(answer).toString()).toBe("answer");
    expect(await eventually("the flow ends", () => flow.outcome)).toBe("completed");
  });

  it("is reset when the stream fails, after what came before it", async () => {
    const { client, far, flow } = await joined();
    far.write("half an answer");
    expect(String((await once(client, "data"))[0])).toBe("half an answer");
    const error = once(client, "error");
    far.destroy(new Error("cut"));
    expect(String((await error)[0])).toMatch(/ECONNRESET/);
    expect(await eventually("the flow ends", () => flow.outcome)).toBe("stream.cancelled");
  });

  it("resets the stream when the client resets", async () => {
    const { client, raw, far, flow } = await joined();
    client.write("half");
    expect(String((await once(far, "data"))[0])).toBe("half");
    raw.resetAndDestroy();
    expect(await eventually("the flow ends", () => flow.outcome)).toBe("stream.cancelled");
  });
});
