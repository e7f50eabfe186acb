import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ERRORS, type ErrorCode } from "../../../protocol/errors.ts";
import { closeCodeFor, MAX_MESSAGE } from "../../../protocol/uplink/messages.ts";
import { bootIdOf, newKeys } from "../../support/authority/test-site.ts";
import { call, dial, errorOf } from "../../support/workerd/client.ts";
import { events, type Member, offer, status, TestUplink } from "../../support/workerd/member.ts";
import { closeShop, openShop } from "../../support/workerd/shop.ts";
import { stopClock } from "../../support/workerd/stopped-clock.ts";
import { runSql } from "../../support/workerd/stored.ts";

let west: Member;
let east: Member;
let bystander: TestUplink;

beforeEach(async () => {
  ({ west, east } = await openShop());
  bystander = await TestUplink.open(east, { offers: [offer("api")] });
});
afterEach(closeShop);

/** Expects the error, the close and the event of a code, and no effect on other uplinks. */
async function expectExpelled(uplink: TestUplink, code: ErrorCode): Promise<void> {
  const { error, id } = await uplink.next("error");
  expect([error.code, id]).toEqual([code, undefined]);
  expect(error.action).toBe(ERRORS[code].action);
  expect(await uplink.closed).toEqual({ code: closeCodeFor(ERRORS[code].status), reason: code });
  expect(await events("shop", "uplink.refused")).toMatchObject([{ site: "west", code }]);
  await bystander.settle();
  const states = (await status("shop")).sites.map(({ name, state }) => [name, state]);
  expect(states).toEqual([
    ["east", "up"],
    ["west", "down"],
  ]);
  // The same process may open another uplink.
  const again = await TestUplink.dial(uplink.member, uplink.boot);
  expect((await again.greet()).services.map(({ name }) => name)).toEqual(["api"]);
}

describe("an uplink is closed with the right code", () => {
  const afterHello: Record<string, [string | ArrayBuffer | object, ErrorCode]> = {
    "if a message is not JSON": ["{", "uplink.malformed"],
    "if a message is empty": ["", "uplink.malformed"],
    "if a message is JSON but not an object": ["[]", "uplink.malformed"],
    "if a message's type is unknown": [{ type: "sing" }, "uplink.malformed"],
    "if a message has no type": [{}, "uplink.malformed"],
    "if a field is missing": [{ type: "offers" }, "uplink.malformed"],
    "if a field has another type": [{ type: "renew", id: "1" }, "uplink.malformed"],
    "if a service has an invalid name": [{ type: "offers", offers: [offer("../x")] }, "uplink.malformed"],
    "if a port is out of range": [{ type: "offers", offers: [offer("x", 65_536)] }, "uplink.malformed"],
    "if a message is binary": [new Uint8Array([1, 2, 3]).buffer, "uplink.malformed"],
    "if a message is longer than 256 KiB": [" ".repeat(MAX_MESSAGE + 1), "uplink.too_large"],
    "if hello is sent twice": [{}, "uplink.out_of_order"],
  };
  for (const [title, [message, code]] of Object.entries(afterHello)) {
    it(title, async () => {
      const uplink = await TestUplink.open(west);
      uplink.send(code === "uplink.out_of_order" ? uplink.hello() : message);
      await expectExpelled(uplink, code);
    });
  }

  it("if a message comes before hello", async () => {
    const uplink = await TestUplink.dial(west);
    uplink.send({ type: "offers", offers: [] });
    await expectExpelled(uplink, "uplink.out_of_order");
  });

  it("if hello and assertion name different processes", async () => {
    const uplink = await TestUplink.dial(west);
    uplink.send(uplink.hello({ boot: bootIdOf() }));
    await expectExpelled(uplink, "uplink.malformed");
  });

  it("if hello shares no version, and the error names the supported ones", async () => {
    const uplink = await TestUplink.dial(west);
    uplink.send(uplink.hello({ versions: { min: 2, max: 3 } }));
    await expectExpelled(uplink, "uplink.version");
    expect((await events("shop", "uplink.refused"))[0]?.text).toContain("1 to 1, the connector 2 to 3");
  });

  it("if it sends on after its fault, without further messages being handled", async () => {
    const uplink = await TestUplink.open(west);
    uplink.send("rubbish");
    uplink.send({ type: "offers", offers: [offer("late")] });
    await expectExpelled(uplink, "uplink.malformed");
    expect(await events("shop", "service.appeared")).toHaveLength(1);
  });

  it("keeps the uplink for a message of exactly 256 KiB with unknown fields", async () => {
    const uplink = await TestUplink.open(west);
    const text = JSON.stringify({ type: "offers", offers: [offer("web")], novelty: "" });
    uplink.send(`${text.slice(0, -2)}${"x".repeat(MAX_MESSAGE - text.length)}"}`);
    expect((await bystander.next("services")).put.map(({ name }) => name)).toEqual(["web"]);
  });
});

describe("a flood of bad uplinks", () => {
  it("does not displace the event log", async () => {
    stopClock();
    for (let count = 0; count < 5; count++) {
      const uplink = await TestUplink.open(west);
      uplink.send("rubbish");
      await uplink.closed;
    }
    expect(await events("shop", "uplink.refused")).toHaveLength(1);
  });
});

describe("the registry, at an upgrade", () => {
  it("if the assertion, or a later one of the process, was used before", async () => {
    const boot = bootIdOf();
    const jti = `${boot}.5`;
    expect((await dial(west, { assertion: { jti } })).status).toBe(101);
    for (const used of [jti, `${boot}.4`]) {
      expect(await errorOf(dial(west, { assertion: { jti: used } }))).toEqual([403, "assertion.replayed"]);
    }
    expect((await dial(west, { assertion: { jti: `${boot}.6` } })).status).toBe(101);
    expect(await events("shop", "uplink.refused")).toContainEqual(
      expect.objectContaining({ site: "west", code: "assertion.replayed" }),
    );
  });

  it("refuses a revoked site and a deleted site", async () => {
    await call("POST", "/v1/networks/shop/sites/west/revoke");
    expect(await errorOf(dial(west))).toEqual([403, "site.revoked"]);
    await call("DELETE", "/v1/networks/shop/sites/west");
    expect(await errorOf(dial(west))).toEqual([403, "site.revoked"]);
  });

  it("refuses a certificate with an unknown serial, another site's serial or a revoked serial", async () => {
    const change = (sql: string, ...values: string[]) => runSql(west, sql, ...values);
    const { serial } = west.certificate;
    await change("UPDATE certificates SET revoked_at = 1 WHERE serial = ?", serial);
    expect(await errorOf(dial(west))).toEqual([403, "certificate.revoked"]);
    await change("UPDATE certificates SET revoked_at = NULL, site = ? WHERE serial = ?", east.siteId, serial);
    expect(await errorOf(dial(west))).toEqual([403, "certificate.revoked"]);
    await change("DELETE FROM certificates WHERE serial = ?", serial);
    expect(await errorOf(dial(west))).toEqual([403, "certificate.revoked"]);
  });

  it("refuses a valid certificate with another key than the registered one", async () => {
    await runSql(west, "UPDATE sites SET key_hash = 'another' WHERE id = ?", west.siteId);
    expect(await errorOf(dial(west))).toEqual([403, "certificate.revoked"]);
  });

  it("refuses an assertion signed by another key", async () => {
    const key = (await newKeys()).privateKey;
    expect(await errorOf(dial(west, { assertion: { key } }))).toEqual([403, "assertion.invalid"]);
  });
});
