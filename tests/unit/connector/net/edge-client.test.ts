import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";
import { EdgeClient } from "../../../../connector/net/edge-client.ts";
import { Network } from "../../../../protocol/api/networks.ts";
import { makeCertificates } from "../../../support/authority/server-certificates.ts";
import { UNKNOWN_HOST } from "../../../support/dns/unknown-host.ts";
import { FakeEdge, KEY } from "../../../support/edge/fake-edge.ts";

const Networks = z.array(Network);
let edge: FakeEdge;
const clients: EdgeClient[] = [];

beforeAll(async () => {
  edge = await FakeEdge.start();
});
afterEach(async () => {
  edge.override = null;
  delete process.env.https_proxy;
  await Promise.all(clients.splice(0).map((client) => client.close()));
});
afterAll(() => edge.stop());

function client(options: Partial<ConstructorParameters<typeof EdgeClient>[0]> = {}): EdgeClient {
  const made = new EdgeClient({ url: edge.url, key: KEY, ca: edge.tls.ca, ...options });
  clients.push(made);
  return made;
}
const list = (from: EdgeClient) => from.request("GET", "/v1/networks", Networks);

describe("EdgeClient", () => {
  it("parses an answer with its schema", async () => {
    await expect(list(client())).resolves.toEqual([]);
  });

  it("accepts an address that ends with a slash", async () => {
    await expect(list(client({ url: `${edge.url}/` }))).resolves.toEqual([]);
  });

  it("parses an empty answer as null", async () => {
    edge.override = () => ({ status: 204, text: "" });
    await expect(client().request("DELETE", "/v1/x", z.null())).resolves.toBeNull();
  });

  it("throws an error of the API with its code and text", async () => {
    const refused = client({ key: "flk_wrong" });
    await expect(list(refused)).rejects.toMatchObject({ name: "FairleadError", code: "key.invalid" });
  });

  it("throws an unknown error code of a newer edge with its text", async () => {
    const error = { code: "moon.eclipsed", message: "the moon is dark" };
    edge.override = () => ({ status: 418, text: JSON.stringify({ error, requestId: "r" }) });
    await expect(list(client())).rejects.toMatchObject({
      code: "edge.internal",
      message: "moon.eclipsed: the moon is dark",
    });
  });

  it.each([
    ["a load balancer's page", 502, "<html>Bad gateway</html>", "edge.unreachable"],
    ["another server's page", 404, "<html>Not found</html>", "edge.internal"],
    ["an answer of another form", 200, '{"hello":"world"}', "edge.internal"],
    ["an answer that is cut off", 200, '[{"id":', "edge.internal"],
  ])("throws for %s with status %i", async (_, status, text, code) => {
    edge.override = () => ({ status, text });
    await expect(list(client())).rejects.toMatchObject({ code });
  });

  it("throws edge.unreachable when nothing listens or the name does not exist", async () => {
    await expect(list(client({ url: "https://127.0.0.1:1" }))).rejects.toMatchObject({
      code: "edge.unreachable",
    });
    await expect(list(client({ url: `https://${UNKNOWN_HOST}` }))).rejects.toMatchObject({
      code: "edge.unreachable",
    });
  });

  it("throws edge.unreachable after the timeout when the edge never answers", async () => {
    edge.override = () => "hang";
    await expect(list(client({ timeoutMs: 50 }))).rejects.toMatchObject({
      code: "edge.unreachable",
      message: expect.stringContaining("did not answer within"),
    });
  });

  it("throws edge.untrusted for a certificate of another CA", async () => {
    const { ca } = await makeCertificates();
    await expect(list(client({ ca }))).rejects.toMatchObject({ code: "edge.untrusted" });
  });

  it("throws edge.untrusted for a private certificate without its CA", async () => {
    const made = new EdgeClient({ url: edge.url, key: KEY });
    clients.push(made);
    await expect(list(made)).rejects.toMatchObject({ code: "edge.untrusted" });
  });

  it("throws edge.untrusted for a certificate of another name", async () => {
    const url = edge.url.replace("127.0.0.1", "localhost");
    await expect(list(client({ url }))).rejects.toMatchObject({ code: "edge.untrusted" });
  });

  it("throws edge.untrusted for an expired certificate", async () => {
    const expired = await FakeEdge.start(await makeCertificates(7_200_000));
    try {
      const late = client({ url: expired.url, ca: expired.tls.ca });
      await expect(list(late)).rejects.toMatchObject({ code: "edge.untrusted", message: /CERT_HAS_EXPIRED/ });
    } finally {
      await expired.stop();
    }
  });

  it("throws edge.untrusted for a CA that is not a certificate", async () => {
    const ca = "-----BEGIN CERTIFICATE-----\nbm90IGEgY2VydA==\n-----END CERTIFICATE-----\n";
    await expect(list(client({ ca }))).rejects.toMatchObject({ code: "edge.untrusted" });
  });

  it("sends requests through HTTPS_PROXY with TLS to the edge, and throws proxy.failed when it refuses", async () => {
    const { connect } = await import("node:net");
    let allowed = true;
    let tunnels = 0;
    const proxy = createServer().on("connect", (request, socket) => {
      if (!allowed) return socket.end("HTTP/1.1 403 Forbidden\r\n\r\n");
      tunnels += 1;
      const [host, port] = (request.url ?? "").split(":");
      const target = connect(Number(port), host, () => {
        socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
        target.pipe(socket).pipe(target);
      });
      target.on("error", () => socket.destroy());
      socket.on("error", () => target.destroy());
    });
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    process.env.https_proxy = `http://user:secret@127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    try {
      await expect(list(client())).resolves.toEqual([]);
      expect(tunnels).toBe(1);
      const { ca } = await makeCertificates();
      await expect(list(client({ ca }))).rejects.toMatchObject({ code: "edge.untrusted" });
      allowed = false;
      const failure = await list(client()).catch((thrown: unknown) => thrown);
      expect(failure).toMatchObject({ code: "proxy.failed" });
      expect(String(failure)).not.toContain("secret");
      process.env.no_proxy = "127.0.0.1";
      await expect(list(client())).resolves.toEqual([]);
    } finally {
      delete process.env.no_proxy;
      proxy.closeAllConnections();
      proxy.close();
    }
  });

  it("throws proxy.failed when nothing listens at the proxy's address", async () => {
    process.env.https_proxy = "http://127.0.0.1:1";
    await expect(list(client())).rejects.toMatchObject({ code: "proxy.failed" });
  });
});
