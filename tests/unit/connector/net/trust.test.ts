import { once } from "node:events";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { afterEach, describe, expect, it, onTestFinished } from "vitest";
import * as z from "zod";
import {
  makeDeploymentAuthority,
  makeServerCertificate,
} from "../../../../connector/edge/credentials/certificates.ts";
import { EdgeClient } from "../../../../connector/net/edge-client.ts";
import { type EdgeTrust, trustedRoots } from "../../../../connector/net/trust.ts";

const before = getCACertificates("default");
afterEach(() => setDefaultCACertificates(before));

/** Starts a server with a certificate of a new CA. */
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

/** The outcome of a request to a server with these roots. */
async function ask(url: string, trust: EdgeTrust): Promise<string> {
  const client = new EdgeClient({ url, ca: trustedRoots(trust) });
  onTestFinished(() => client.close());
  return await client.request("GET", "/v1/health", z.object({})).then(
    () => "answered",
    ({ code }) => code,
  );
}

describe("trustedRoots", () => {
  it("accepts only certificates of the deployment CA, whatever this machine trusts", async () => {
    const [own, platform] = [await serve(), await serve()];
    setDefaultCACertificates([...before, platform.ca]);
    expect(await ask(own.url, { ca: own.ca })).toBe("answered");
    expect(await ask(platform.url, { ca: own.ca })).toBe("edge.untrusted");
  });

  it("accepts certificates of public CAs where the token says so", async () => {
    const [own, platform, stranger] = [await serve(), await serve(), await serve()];
    setDefaultCACertificates([...before, platform.ca]);
    expect(await ask(platform.url, { ca: own.ca, tls: "public" })).toBe("answered");
    expect(await ask(own.url, { ca: own.ca, tls: "public" })).toBe("answered");
    expect(await ask(stranger.url, { ca: own.ca, tls: "public" })).toBe("edge.untrusted");
  });
});
