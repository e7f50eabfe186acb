import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { HELLO_MS, MAX_UNSENT } from "../../../workers/registry/policy/uplinks.ts";
import type { Attachment } from "../../../workers/registry/sockets/attachment.ts";
import { dial } from "../../support/workerd/client.ts";
import {
  admit,
  events,
  type Member,
  offer,
  registryOf,
  status,
  TestUplink,
} from "../../support/workerd/member.ts";
import { closeShop, openShop } from "../../support/workerd/shop.ts";
import { alterUplinks, runSql } from "../../support/workerd/stored.ts";

let west: Member;
let east: Member;

beforeEach(async () => {
  ({ west, east } = await openShop());
});
afterEach(closeShop);

/** Changes the attachments of a site's sockets. */
const alter = (member: Member, changes: Partial<Attachment>) =>
  alterUplinks(west, changes, `site:${member.siteId}`);

describe("an uplink without a hello", () => {
  it("is closed after twenty seconds, unlike one with a hello, and no alarm is set for either", async () => {
    const good = await TestUplink.open(east);
    const started = Date.now();
    const silent = await TestUplink.dial(west);
    const alarm = await runInDurableObject(registryOf(west), (_, { storage }) => storage.getAlarm());
    expect(alarm).toBeNull();
    expect(await silent.closed).toEqual({ code: 4408, reason: "uplink.silent" });
    expect(Date.now() - started).toBeGreaterThan(HELLO_MS - 500);
    expect((await silent.next("error")).error.code).toBe("uplink.silent");
    expect(await events("shop", "uplink.refused")).toMatchObject([{ site: "west", code: "uplink.silent" }]);
    await good.settle();
    expect((await (await TestUplink.dial(west, silent.boot)).greet()).site.name).toBe("west");
  });

  it("is closed in time even if the registry was restarted meanwhile", async () => {
    // An uplink that waits for its hello keeps the object awake, so an established one is altered instead.
    const silent = await TestUplink.open(west);
    await alter(west, { software: null, openedAt: Date.now() - HELLO_MS });
    await evictDurableObject(registryOf(west), { webSockets: "hibernate" });
    await status("shop");
    expect(await silent.closed).toEqual({ code: 4408, reason: "uplink.silent" });
  });
});

describe("an uplink whose connector does not read", () => {
  it("is closed when too much waits for it, and the others continue", async () => {
    const provider = await TestUplink.open(east, { offers: [offer("api")] });
    const witness = await TestUplink.open(await admit("shop", "north"));
    // Never accepted, so nothing is read from it. For the registry, its hello was accepted.
    const stalled = await dial(west);
    await alter(west, { software: "test" });
    await runInDurableObject(registryOf(west), (_, ctx) => {
      for (const socket of ctx.getWebSockets(`site:${west.siteId}`)) {
        for (let sent = 0; sent < MAX_UNSENT; sent += 1_048_576) socket.send("x".repeat(1_048_576));
      }
    });
    await runSql(west, "UPDATE sites SET state = 'up' WHERE id = ?", west.siteId);
    provider.send({ type: "offers", offers: [offer("api"), offer("db")] });
    await witness.next("services");
    await provider.settle();
    expect(await events("shop", "site.down")).toMatchObject([{ site: "west", code: "uplink.lost" }]);
    provider.send({ type: "offers", offers: [offer("api")] });
    expect((await witness.next("services")).gone).toEqual(["db"]);
    expect(await events("shop", "site.down")).toHaveLength(1);
    stalled.webSocket?.accept();
    stalled.webSocket?.close();
  });
});
