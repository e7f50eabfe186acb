import { type Duplex, duplexPair } from "node:stream";
import * as tls from "node:tls";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { openTls, type SessionIdentity } from "../../../../connector/session/tls.ts";
import { siteUri } from "../../../../protocol/names.ts";
import { makeAuthority, makeLeaf, randomId, TestNetwork } from "../../../support/authority/certificates.ts";
import { codeOf } from "../../../support/connector/session-stand.ts";

let network: TestNetwork;
/** Another network of the same deployment. */
let neighbour: TestNetwork;
let west: SessionIdentity;
let east: SessionIdentity;
const pipes: Duplex[] = [];

beforeAll(async () => {
  network = await TestNetwork.create();
  neighbour = await TestNetwork.create(network.deployment);
  west = await network.identity();
  east = await network.identity();
});

afterEach(() => {
  for (const pipe of pipes.splice(0)) pipe.destroy();
});

function pipe(): [Duplex, Duplex] {
  const [left, right] = duplexPair();
  for (const end of [left, right]) end.on("error", () => {});
  pipes.push(left, right);
  return [left, right];
}

/** The error of the honest side for a peer that presents `rogue` where `expected` was authorised. */
async function judge(
  honestRole: "client" | "server",
  rogue: Partial<SessionIdentity>,
  expectedSite: string,
): Promise<string> {
  const [near, far] = pipe();
  const identity = { ...east, ...rogue };
  // The rogue uses plain TLS and verifies nothing.
  const raw: tls.TLSSocket =
    honestRole === "server"
      ? tls.connect({
          socket: far,
          servername: "session.fairlead",
          cert: identity.certificate,
          key: identity.key,
          rejectUnauthorized: false,
          minVersion: "TLSv1.3",
        })
      : new tls.TLSSocket(far, {
          isServer: true,
          requestCert: true,
          rejectUnauthorized: false,
          secureContext: tls.createSecureContext({ cert: identity.certificate, key: identity.key }),
        });
  raw.on("error", () => {});
  raw.resume();
  return await codeOf(openTls(near, { role: honestRole, identity: west, peerSite: expectedSite }));
}

describe.each(["client", "server"] as const)("the %s of a session's TLS", (role) => {
  it("connects to the authorised site with TLS 1.3, and carries bytes", async () => {
    const [near, far] = pipe();
    const other = role === "client" ? "server" : "client";
    const [ours, theirs] = await Promise.all([
      openTls(near, { role, identity: west, peerSite: east.site }),
      openTls(far, { role: other, identity: east, peerSite: west.site }),
    ]);
    expect(ours.getProtocol()).toBe("TLSv1.3");
    ours.write("hello");
    const [first] = await new Promise<Buffer[]>((resolve) => theirs.once("data", (data) => resolve([data])));
    expect(first?.toString()).toBe("hello");
  });

  it("accepts a peer that verifies nothing but proves the right site", async () => {
    expect(await judge(role, {}, east.site)).toBe("resolved");
  });

  it("refuses a certificate of a rogue CA with session.untrusted", async () => {
    const rogue = await makeAuthority("rogue");
    const leaf = await makeLeaf(rogue, [siteUri(network.id, east.site)]);
    const certificate = leaf.certificate + rogue.certificate;
    expect(await judge(role, { certificate, key: leaf.key }, east.site)).toBe("session.untrusted");
  });

  it("refuses a rogue CA with the network CA's name whose chain includes the real CA", async () => {
    const rogue = await makeAuthority(network.authority.name);
    const leaf = await makeLeaf(rogue, [siteUri(network.id, east.site)]);
    const certificate = leaf.certificate + network.authority.certificate;
    expect(await judge(role, { certificate, key: leaf.key }, east.site)).toBe("session.untrusted");
  });

  it("connects to a peer with a re-issued network CA of the same key, whichever side has the new one", async () => {
    const { authority, deployment } = network;
    const reissued = await makeAuthority(authority.name, deployment, { keys: authority.keys, days: 400 });
    const leaf = await makeLeaf(reissued, [siteUri(network.id, east.site)]);
    const renewed = {
      ...east,
      certificate: leaf.certificate + reissued.certificate,
      key: leaf.key,
      authority: reissued.certificate,
    };
    const other = role === "client" ? "server" : "client";
    for (const [ours, theirs] of [
      [west, renewed],
      [renewed, west],
    ] as const) {
      const [near, far] = pipe();
      const secured = await Promise.all([
        openTls(near, { role, identity: ours, peerSite: theirs.site }),
        openTls(far, { role: other, identity: theirs, peerSite: ours.site }),
      ]);
      for (const socket of secured) expect(socket.authorized).toBe(true);
    }
  });

  it("refuses another CA with the network CA's name under the same deployment CA", async () => {
    const twin = await makeAuthority(network.authority.name, network.deployment);
    const leaf = await makeLeaf(twin, [siteUri(network.id, east.site)]);
    for (const certificate of [
      leaf.certificate + twin.certificate,
      leaf.certificate + twin.certificate + network.deployment.certificate,
      leaf.certificate + network.authority.certificate,
    ]) {
      expect(await judge(role, { certificate, key: leaf.key }, east.site)).toBe("session.untrusted");
    }
  });

  it("refuses the network CA's key under another name", async () => {
    const renamed = await makeAuthority("another name", network.deployment, { keys: network.authority.keys });
    const leaf = await makeLeaf(renamed, [siteUri(network.id, east.site)]);
    const certificate = leaf.certificate + renamed.certificate;
    expect(await judge(role, { certificate, key: leaf.key }, east.site)).toBe("session.untrusted");
  });

  it("refuses a CA certificate in place of a site certificate, including the network CA's", async () => {
    const { authority, deployment } = network;
    const key = async (keys: typeof authority.keys) => {
      const der = await crypto.subtle.exportKey("pkcs8", keys.privateKey);
      return `-----BEGIN PRIVATE KEY-----\n${Buffer.from(der).toString("base64")}\n-----END PRIVATE KEY-----\n`;
    };
    const own = {
      certificate: authority.certificate + deployment.certificate,
      key: await key(authority.keys),
    };
    expect(await judge(role, own, east.site)).toBe("session.untrusted");
    const lower = await makeAuthority("lower", authority);
    const below = { certificate: lower.certificate + authority.certificate, key: await key(lower.keys) };
    expect(["session.untrusted", "session.wrong_peer"]).toContain(await judge(role, below, east.site));
  });

  it("refuses a whole chain of another network of the same deployment with session.untrusted", async () => {
    const leaf = await makeLeaf(neighbour.authority, [siteUri(network.id, east.site)]);
    const certificate = leaf.certificate + neighbour.authority.certificate + network.deployment.certificate;
    expect(await judge(role, { certificate, key: leaf.key }, east.site)).toBe("session.untrusted");
  });

  it("refuses a certificate that the deployment CA signed directly", async () => {
    const leaf = await makeLeaf(network.deployment, [siteUri(network.id, east.site)]);
    const certificate = leaf.certificate + network.deployment.certificate;
    expect(await judge(role, { certificate, key: leaf.key }, east.site)).toBe("session.untrusted");
  });

  it("refuses a certificate that a site signed with its own key", async () => {
    const site = await makeLeaf(network.authority, [siteUri(network.id, randomId("site"))]);
    const leaf = await makeLeaf({ name: "site", keys: site.keys }, [siteUri(network.id, east.site)]);
    const certificate = leaf.certificate + site.certificate + network.authority.certificate;
    expect(await judge(role, { certificate, key: leaf.key }, east.site)).toBe("session.untrusted");
  });

  it("refuses another site of the network with session.wrong_peer", async () => {
    expect(await judge(role, {}, randomId("site"))).toBe("session.wrong_peer");
  });

  it("refuses the right site under another network's id with session.wrong_peer", async () => {
    const leaf = await makeLeaf(network.authority, [siteUri(neighbour.id, east.site)]);
    expect(await judge(role, leaf, east.site)).toBe("session.wrong_peer");
  });

  it("refuses a certificate with a second name with session.wrong_peer", async () => {
    const leaf = await makeLeaf(network.authority, [
      siteUri(network.id, east.site),
      siteUri(network.id, randomId("site")),
    ]);
    expect(await judge(role, leaf, east.site)).toBe("session.wrong_peer");
  });

  it("refuses the certificate of a service, which the network's CA signed for a listener", async () => {
    const dnsNames = ["api", "api.shop.internal"];
    const leaf = await makeLeaf(network.authority, [], { dnsNames });
    expect(["session.wrong_peer", "session.untrusted"]).toContain(await judge(role, leaf, east.site));
  });

  it("refuses an expired certificate with session.untrusted", async () => {
    const expired = await network.identity(east.site, { expired: true });
    expect(await judge(role, expired, east.site)).toBe("session.untrusted");
  });

  it("throws session.lost when the lane ends during the handshake", async () => {
    const [near, far] = pipe();
    const secured = codeOf(openTls(near, { role, identity: west, peerSite: east.site }));
    far.destroy();
    near.destroy();
    expect(await secured).toBe("session.lost");
  });

  it("refuses bytes that are not TLS with session.tampered", async () => {
    const [near, far] = pipe();
    const secured = codeOf(openTls(near, { role, identity: west, peerSite: east.site }));
    far.resume().write("GET / HTTP/1.1\r\n\r\n");
    expect(await secured).toBe("session.tampered");
  });
});

describe("the server of a session's TLS", () => {
  const attempt = async (options: tls.ConnectionOptions): Promise<string> => {
    const [near, far] = pipe();
    const raw = tls.connect({ socket: far, rejectUnauthorized: false, ...options });
    raw.on("error", () => {});
    raw.resume();
    return await codeOf(openTls(near, { role: "server", identity: west, peerSite: east.site }));
  };

  it("refuses a client without a certificate with session.untrusted", async () => {
    expect(await attempt({ servername: "session.fairlead" })).toBe("session.untrusted");
  });

  it("refuses a client without SNI", async () => {
    const { certificate: cert, key } = east;
    expect(await attempt({ cert, key })).not.toBe("resolved");
  });

  it("refuses TLS 1.2", async () => {
    const { certificate: cert, key } = east;
    expect(await attempt({ cert, key, servername: "session.fairlead", maxVersion: "TLSv1.2" })).not.toBe(
      "resolved",
    );
  });
});

describe("the client of a session's TLS", () => {
  it("receives no byte of a server that refused it", async () => {
    const [near, far] = pipe();
    const stranger = await neighbour.identity();
    const server = codeOf(openTls(far, { role: "server", identity: east, peerSite: west.site }));
    const client = openTls(near, {
      role: "client",
      identity: { ...stranger, network: network.id, authority: network.authority.certificate },
      peerSite: east.site,
    });
    expect(await server).toBe("session.untrusted");
    // The client may be connected already. A session is up only with the server's HELLO.
    const got: Buffer[] = [];
    await client.then(
      (socket) => socket.on("data", (data) => got.push(data)),
      () => {},
    );
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(got).toEqual([]);
  });
});
