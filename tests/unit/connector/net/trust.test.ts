import { once } from "node:events";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { afterEach, describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import {
  makeDeploymentAuthority,
  makeServerCertificate,
} from "../../../../connector/edge/credentials/certificates.ts";
import { EdgeClient } from "../../../../connector/net/edge-client.ts";
import { type EdgeTrust, rootsOf } from "../../../../connector/net/trust.ts";

const before = getCACertificates("default");
afterEach(() => setDefaultCACertificates(before));

/** A server with a certificate of some CA, and that CA. */
async function serve() {
  const authority = await makeDeploymentAuthority(Date.now());
  const own = await makeServerCertificate({ names: ["127.0.0.1"], authority, now: Date.now() });
  const server = createServer({ cert: own.certificate, key: own.privateKey }, (_, response) =>
    response.end("{}"),
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close().closeAllConnections());
  return { url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`, ca: authority.certificate };
}

/** What comes of a request to a server by somebody who trusts so. */
async function ask(url: string, trust: EdgeTrust): Promise<string> {
  const client = new EdgeClient({ url, ca: rootsOf(trust) });
  onTestFinished(() => client.close());
  return await client.request("GET", "/v1/health", z.object({})).then(
    () => "answered",
    ({ code }) => code,
  );
}

describe("the edge's server certificate", () => {
  it("is the deployment CA's, and nobody else's, whatever this machine trusts", async () => {
    const [own, platform] = [await serve(), await serve()];
    setDefaultCACertificates([...before, platform.ca]);
    expect(await ask(own.url, { ca: own.ca })).toBe("answered");
    expect(await ask(platform.url, { ca: own.ca })).toBe("edge.untrusted");
  });

  it("may be a public CA's where the token said so", async () => {
    const [own, platform, stranger] = [await serve(), await serve(), await serve()];
    setDefaultCACertificates([...before, platform.ca]);
    expect(await ask(platform.url, { ca: own.ca, tls: "public" })).toBe("answered");
    expect(await ask(own.url, { ca: own.ca, tls: "public" })).toBe("answered");
    expect(await ask(stranger.url, { ca: own.ca, tls: "public" })).toBe("edge.untrusted");
  });
});
