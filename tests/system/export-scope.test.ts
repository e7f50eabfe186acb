/** Services exported to some sites only: other sites do not see them, and the edge and the owner refuse other sites. */
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { FairleadError } from "../../protocol/errors.ts";
import { Members } from "../support/connector/members.ts";
import { closeSockets, RawSite } from "../support/connector/raw-site.ts";
import { Rogue } from "../support/connector/rogue.ts";
import type { Connector } from "../support/process/cluster.ts";
import { useEdge } from "../support/run/suite.ts";
import { echo, exchange, serve, type TestServer } from "../support/traffic/servers.ts";

const suite = useEdge();
let members: Members;
let owner: Connector;
let guest: Connector;
let rogue: Rogue;
let server: TestServer;

beforeAll(async () => {
  members = await Members.create(suite);
  server = await serve(echo);
  const token = await members.token(undefined, 3);
  [owner, guest] = await Promise.all([
    suite.cluster.connector({ site: "owner", token, expose: [`open=${server.at}`], bind: "127.81.0.0/16" }),
    suite.cluster.connector({ site: "guest", token, bind: "127.82.0.0/16" }),
  ]);
  await expose("scoped", "guest");
  rogue = await Rogue.enter(await RawSite.join(suite.edge, token, "rogue"));
});
afterAll(async () => {
  await rogue?.close();
  closeSockets();
});

/** Exposes a service at the owner: to all sites when `to` is empty. */
async function expose(service: string, ...to: readonly string[]): Promise<void> {
  const only = to.length === 0 ? [] : ["--to", to.join(",")];
  const exposed = await owner.fairlead("expose", `${service}=${server.at}`, ...only);
  expect(exposed.status, exposed.stderr).toBe(0);
}

describe("A site outside the scope of a service", () => {
  it("does not see the service, while a site in the scope uses it", async () => {
    expect((await exchange(await guest.listener("scoped"), "for me")).toString()).toBe("for me");
    expect(rogue.welcome.services.map(({ name }) => name)).toEqual(["open"]);
    rogue.uplink.send({ type: "status.request", id: 1 });
    expect(JSON.stringify((await rogue.uplink.next("status")).view)).not.toContain("scoped");
  });

  it("gets service.not_exported from the edge when it requests a session", async () => {
    const { site, boot } = rogue.offering("open");
    rogue.uplink.send({ type: "session.request", id: 2, service: "scoped", peer: { site, boot } });
    expect(await rogue.uplink.next("error")).toMatchObject({
      id: 2,
      error: { code: "service.not_exported" },
    });
  });

  it("gets service.not_exported from the owner in a session that it has for another service", async () => {
    const peer = rogue.offering("open");
    const stream = await rogue.open("open", peer);
    stream.write("hello");
    expect(String((await once(stream, "data"))[0])).toBe("hello");
    const before = new Set(server.sockets);
    expect(await rogue.outcome("scoped", peer)).toBe("service.not_exported");
    expect(await rogue.outcome("never-offered", peer)).toBe("service.unknown");
    expect([...server.sockets].filter((socket) => !before.has(socket))).toEqual([]);
    expect(rogue.sessions).toHaveLength(1);
  });
});

describe("A service whose scope is narrowed", () => {
  it("resets the streams of excluded sites at once, while their session stays up", async () => {
    const peer = rogue.offering("open");
    const stream = await rogue.open("open", peer);
    await stream.accepted;
    stream.write("hello");
    expect(String((await once(stream, "data"))[0])).toBe("hello");
    const [session] = rogue.sessions;
    const reset = once(stream, "error") as Promise<[FairleadError]>;

    await expose("open", "guest");
    expect((await reset)[0].code).toBe("service.not_exported");
    await rogue.loses("open");
    expect(await rogue.outcome("open", peer)).toBe("service.not_exported");
    expect(rogue.sessions).toEqual([session]);
    expect((await exchange(await guest.listener("open"), "still")).toString()).toBe("still");
  });

  it("stays with a site that the scope names by id, and leaves a renamed site that it names by name", async () => {
    await expose("open", rogue.site.id);
    await guest.without("open");
    expect(await rogue.outcome("open", rogue.offering("open"))).toBe("accepted");
    const renamed = await suite.edge.fairlead(
      ...["site", "update", "rogue", "--name", "somebody", "--network", members.network.name],
    );
    expect(renamed.status, renamed.stderr).toBe(0);
    expect(await rogue.outcome("open", rogue.offering("open"))).toBe("accepted");
    // The edge assigns names, and no site has this one now.
    await expose("open", "rogue");
    await rogue.loses("open");
    expect(await rogue.outcome("open", rogue.offering("open"))).toBe("service.not_exported");
    await expose("open");
    expect((await exchange(await guest.listener("open"), "for all")).toString()).toBe("for all");
  });
});
