import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Cell, NetworkDump } from "../../../protocol/api/backup.ts";
import { MIGRATIONS, migrate } from "../../../workers/registry/store/migrations.ts";
import { unwrap } from "../../../workers/result.ts";
import { createAssertion, networkIdOf, newKeys } from "../../support/authority/test-site.ts";
import { call, dial, errorOf } from "../../support/workerd/client.ts";
import { hangUpAll, type Member, memberFrom, offer, TestUplink } from "../../support/workerd/member.ts";
import { admitted, type Operator, talk } from "../../support/workerd/operator.ts";
import { closeShop, openShopOf } from "../../support/workerd/shop.ts";
import { alterUplinks } from "../../support/workerd/stored.ts";

let ops: Operator;
let public1: Member;
let private1: Member;

beforeEach(async () => {
  ({ ops, public1, private1 } = await openShopOf("public1", "private1"));
});
afterEach(closeShop);

const dump = async () => {
  const result = unwrap(await ops.registry.dump());
  // Serialised and parsed, as in a backup file.
  return NetworkDump.parse(JSON.parse(JSON.stringify(result)));
};
const restore = async (backup: NetworkDump, id = ops.id) => {
  const answer = await env.REGISTRY.getByName(id).restore(backup, "ops");
  return answer.ok ? "restored" : answer.error.code;
};
/** Empties the network's object, as on another machine. */
const lose = () => ops.registry.destroy();

const cellOf = (backup: NetworkDump, table: string, column: string): Cell => {
  const { columns, rows } = backup.tables[table] ?? { columns: [], rows: [] };
  return rows[0]?.[columns.indexOf(column)] ?? null;
};
/** The backup with another value in the first row of a table. */
function changed(backup: NetworkDump, table: string, column: string, value: Cell): NetworkDump {
  const copy = structuredClone(backup);
  const { columns, rows } = copy.tables[table] ?? { columns: [], rows: [] };
  const row = rows[0];
  if (!row) throw new Error(`${table} is empty`);
  row[columns.indexOf(column)] = value;
  return copy;
}

describe("a backup", () => {
  it("restores everything into an empty object, and the connectors return by themselves", async () => {
    const link = await ops.link(private1, "public1", { name: "main", cost: 7 });
    await ops.createSite("waiting", ["web-*"]);
    const claim = await ops.token({ issuer: "public1", uses: 3 });
    await TestUplink.open(public1, { offers: [offer("api")] });
    unwrap(await ops.registry.setQuotas({ sites: 17 }, "ops"));
    await ops.registry.revokeAccess({ all: false }, "ops");
    const before = unwrap(await ops.registry.status());
    const tokens = unwrap(await ops.registry.tokens());
    const events = await ops.events();

    const backup = await dump();
    expect(backup.migration).toBe(MIGRATIONS.length);
    await lose();
    hangUpAll();
    expect(await restore(backup)).toBe("restored");

    const after = unwrap(await ops.registry.status());
    expect(after.network).toEqual(before.network);
    expect(after.links.map(({ name, cost }) => [name, cost])).toEqual([["main", 7]]);
    expect(after.sites.map(({ name, state, mayOffer, id }) => [name, state, mayOffer, id])).toEqual(
      before.sites.map(({ name, state, mayOffer, id }) => [
        name,
        state === "up" ? "down" : state,
        mayOffer,
        id,
      ]),
    );
    expect(unwrap(await ops.registry.tokens())).toEqual(tokens);
    expect(unwrap(await ops.registry.quotas()).limits.sites).toBe(17);
    const log = await ops.events();
    expect(log.slice(0, events.length)).toEqual(events);
    expect(log.slice(events.length).map(({ type }) => type)).toEqual(["network.restored", "site.down"]);
    const { began } = unwrap(await ops.registry.events({ limit: 1 }));
    const since = unwrap(await ops.registry.events({ after: 0, since: began, limit: 1 }));
    expect(since.events).toMatchObject([{ type: "network.restored" }]);

    // The sites' certificates, their keys and the CAs of both are known.
    const provider = await TestUplink.open(public1, { offers: [offer("api")] });
    const consumer = await TestUplink.dial(private1);
    const welcome = await consumer.greet({ links: [link.certificate] });
    expect(welcome.links).toMatchObject([{ name: "main", state: "up", cost: 7 }]);
    const session = await talk(consumer, provider, "api");
    expect(session.session).toBeTruthy();
    consumer.send({ type: "renew", id: 1 });
    expect((await consumer.next("renewed")).renewal.links).toHaveLength(1);
    admitted(await ops.redeem(claim, "new"));
  });

  it("preserves revocations, uses of tokens, and the counters of assertions", async () => {
    const claim = await ops.token();
    const keys = await newKeys();
    const first = admitted(await ops.redeem(claim, "once", keys));
    const revoked = await ops.token();
    const [token] = unwrap(await ops.registry.tokens()).slice(-1);
    await ops.registry.revokeToken(token?.id ?? "", "ops");
    await ops.registry.revokeSite("public1", "ops");
    const assertion = await createAssertion(private1, { purpose: "renew" });
    const renew = () => call("POST", "/v1/renew", { key: null, body: { assertion } });
    expect((await renew()).status).toBe(200);

    const backup = await dump();
    await lose();
    expect(await restore(backup)).toBe("restored");
    expect(await ops.redeem(claim, "twice")).toBe("token.used_up");
    expect(await ops.redeem(claim, "once", keys)).toEqual(first);
    expect(await ops.redeem(revoked, "new")).toBe("token.revoked");
    expect(await errorOf(dial(public1))).toEqual([403, "site.revoked"]);
    expect(await errorOf(renew())).toEqual([403, "assertion.replayed"]);
    expect((await dial(memberFrom(first, keys))).status).toBe(101);
  });

  it("restores sites with newer certificates by their keys, and accepts no other unknown certificate", async () => {
    const backup = await dump();
    const stranger = await ops.member("stranger");
    const uplink = await TestUplink.open(public1);
    await alterUplinks(public1, { notAfter: Date.now() });
    uplink.send({ type: "renew", id: 1 });
    const { renewal } = await uplink.next("renewed");
    const renewed = memberFrom({ ...public1.admission, ...renewal, link: null }, public1.keys);
    await lose();
    hangUpAll();
    expect(await restore(backup)).toBe("restored");
    expect((await dial(renewed)).status).toBe(101);
    expect((await dial(public1)).status).toBe(101);
    // From now on the certificate is known, and can be revoked like any other.
    const known = await ops.rows("SELECT * FROM certificates WHERE serial = ?", renewed.certificate.serial);
    expect(known).toMatchObject([{ site: public1.siteId, not_after: renewed.certificate.notAfter }]);
    // A site that joined after the backup is unknown, and a certificate issued after the restoration is
    // refused.
    expect(await errorOf(dial(stranger))).toEqual([403, "site.revoked"]);
    await ops.rows("DELETE FROM certificates WHERE serial = ?", renewed.certificate.serial);
    await ops.rows("UPDATE network SET restored_at = restored_at - 3600000");
    expect(await errorOf(dial(renewed))).toEqual([403, "certificate.revoked"]);
    await ops.rows("UPDATE network SET restored_at = restored_at + 3600000");
    await ops.registry.revokeSite("public1", "ops");
    expect(await errorOf(dial(renewed))).toEqual([403, "site.revoked"]);
  });

  it("contains no private key or secret in the clear, and no sessions", async () => {
    await ops.link(private1, "public1");
    const backup = await dump();
    expect(Object.keys(backup.tables).sort()).toEqual([
      "assertions",
      "balances",
      "certificates",
      "events",
      "issuers",
      "links",
      "listeners",
      "network",
      "offers",
      "redemptions",
      "sites",
      "tokens",
    ]);
    expect(JSON.stringify(backup)).not.toContain(env.DEPLOYMENT_CA_KEY.slice(30, 80));
  });

  it("restores and migrates a backup of an older version", async () => {
    const id = networkIdOf();
    const old = await runInDurableObject(env.REGISTRY.getByName(id), (_, { storage }) => {
      migrate(storage, 1, 2);
      const names = storage.sql
        .exec<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table'")
        .toArray()
        .map(({ name }) => name)
        .filter((name) => /^[a-z]+$/.test(name) && name !== "migrations");
      const tables = Object.fromEntries(
        names.map((name) => [
          name,
          { columns: storage.sql.exec(`SELECT * FROM ${name}`).columnNames, rows: [] as Cell[][] },
        ]),
      );
      storage.sql.exec("DROP TABLE migrations");
      for (const name of names) storage.sql.exec(`DROP TABLE ${name}`);
      return tables;
    });
    const backup = await dump();
    const columns = (table: string) => old[table]?.columns ?? [];
    const take = (table: string, more: Record<string, Cell> = {}) => {
      const now = backup.tables[table];
      return (now?.rows ?? []).map((row) =>
        columns(table).map((column) => more[column] ?? row[now?.columns.indexOf(column) ?? -1] ?? null),
      );
    };
    const tables = { ...old };
    for (const name of ["network", "sites", "certificates", "tokens", "events"]) {
      tables[name] = { columns: columns(name), rows: take(name) };
    }
    tables.redemptions = { columns: columns("redemptions"), rows: take("redemptions", { link: "l" }) };
    await lose();
    expect(await restore({ ...backup, migration: 2, tables })).toBe("restored");
    const { sites } = unwrap(await ops.registry.status());
    expect(sites.map(({ name, mayOffer }) => [name, mayOffer])).toEqual([
      ["private1", null],
      ["public1", null],
    ]);
    expect((await dial(public1)).status).toBe(101);
    expect((await ops.createSite("new")).site.state).toBe("new");
  });
});

describe("restoring a network", () => {
  it("is refused if a network exists, and changes nothing", async () => {
    const backup = await dump();
    await ops.member("later");
    expect(await restore(backup)).toBe("backup.not_empty");
    expect(unwrap(await ops.registry.status()).sites).toHaveLength(3);
  });

  it("creates one network from two backups at once", async () => {
    const backup = await dump();
    await lose();
    const outcomes = await Promise.all([restore(backup), restore(backup)]);
    expect(outcomes.sort()).toEqual(["backup.not_empty", "restored"]);
  });

  it("refuses a backup of a newer version, and leaves nothing behind", async () => {
    const backup = await dump();
    await lose();
    expect(await restore({ ...backup, migration: MIGRATIONS.length + 1 })).toBe("backup.version");
    expect(await ops.registry.network()).toMatchObject({ error: { code: "network.unknown" } });
    expect(await restore(backup)).toBe("restored");
  });

  it("refuses every damage that it can detect, and leaves nothing behind", async () => {
    const backup = await dump();
    await lose();
    const { sites, links, ...others } = backup.tables;
    const damaged: Record<string, NetworkDump> = {
      "a table is missing": { ...backup, tables: { ...others, ...(links ? { links } : {}) } },
      "a table is not ours": { ...backup, tables: { ...backup.tables, more: { columns: [], rows: [] } } },
      "a column is missing": {
        ...backup,
        tables: { ...backup.tables, sites: { columns: sites?.columns.slice(1) ?? [], rows: [] } },
      },
      "a value is missing": {
        ...backup,
        tables: { ...backup.tables, sites: { columns: sites?.columns ?? [], rows: [["s"]] } },
      },
      "a row comes twice": {
        ...backup,
        tables: {
          ...backup.tables,
          sites: { columns: sites?.columns ?? [], rows: [...(sites?.rows ?? []), ...(sites?.rows ?? [])] },
        },
      },
      "no network": { ...backup, tables: { ...backup.tables, network: { columns: [], rows: [] } } },
      "bytes that are none": changed(backup, "sites", "public_key", { base64: "%%" }),
      "text for bytes": changed(backup, "network", "ca_certificate", "AAAA"),
      "a CA that is none": changed(backup, "network", "ca_certificate", { base64: "AAAA" }),
      "a number for text": changed(backup, "sites", "name", 1),
      "a fraction": changed(backup, "sites", "created_at", 1.5),
      "nothing where something must be": changed(backup, "sites", "name", null),
      "rules that are no list": changed(backup, "sites", "may_offer", "{"),
      "another network's name": changed(backup, "network", "name", "other"),
    };
    for (const [what, document] of Object.entries(damaged)) {
      expect(await restore(document), what).toBe("backup.malformed");
    }
    const empty = await runInDurableObject(ops.registry, (_, { storage }) =>
      storage.sql
        .exec("SELECT name FROM sqlite_master WHERE name NOT LIKE '\\_cf\\_%' ESCAPE '\\'")
        .toArray(),
    );
    expect(empty).toEqual([]);
    expect(await restore(backup)).toBe("restored");
  });

  it("refuses keys that were sealed by another deployment, or for another network", async () => {
    const backup = await dump();
    const id = networkIdOf();
    await lose();
    const cell = cellOf(backup, "network", "ca_key_sealed");
    if (cell === null || typeof cell !== "object") throw new Error("no key");
    const flipped = { base64: `${cell.base64.slice(0, -4)}AAAA` };
    expect(await restore(changed(backup, "network", "ca_key_sealed", flipped))).toBe("backup.malformed");
    const other = changed({ ...backup, network: { id, name: "shop" } }, "network", "id", id);
    expect(await restore(other, id)).toBe("backup.malformed");
  });
});

describe("the third migration", () => {
  it("keeps the contents of a database of the second", async () => {
    await runInDurableObject(env.REGISTRY.getByName(networkIdOf()), (_, { storage }) => {
      const { sql } = storage;
      migrate(storage, 1, 2);
      sql.exec("INSERT INTO network VALUES ('n', 'shop', 1, x'01', x'02')");
      sql.exec("INSERT INTO sites VALUES ('s', 'west', x'03', 'hash', 'down', 2, 3)");
      sql.exec("INSERT INTO tokens VALUES ('t', 'network', x'04', 2, 1, 4, 5, NULL)");
      sql.exec("INSERT INTO redemptions VALUES ('t', 'hash', 's', 'l', 'serial', 6)");
      sql.exec("INSERT INTO links VALUES ('l', 'link1', 's', 'network', 1, x'05', 7)");
      sql.exec(`INSERT INTO offers (site, boot, service, protocol, port, since, encryption)
        VALUES ('s', 'b', 'api', 'tcp', 80, 8, 'hop')`);
      migrate(storage, 9);
      const all = (table: string) => sql.exec(`SELECT * FROM ${table}`).toArray();
      expect(all("network")).toMatchObject([{ id: "n", quotas: null }]);
      expect(all("sites")).toMatchObject([
        { id: "s", name: "west", key_hash: "hash", state: "down", since: 2, created_at: 3, may_offer: null },
      ]);
      expect(all("tokens")).toMatchObject([{ id: "t", used: 1, revoked_at: null, site: null }]);
      expect(all("redemptions")).toMatchObject([{ token: "t", link: "l", serial: "serial", at: 6 }]);
      expect(all("links")).toMatchObject([{ id: "l", cost: 1, created_at: 7, revoked_at: null }]);
      expect(all("offers")).toMatchObject([{ encryption: "hop", to_sites: null, refused: null }]);
      // Names and keys of sites are unique as before, and missing keys do not collide.
      expect(() =>
        sql.exec("INSERT INTO sites (id, name, state, since, created_at) VALUES ('x', 'west', 'new', 1, 1)"),
      ).toThrow();
      for (const name of ["a", "b"]) {
        sql.exec(
          "INSERT INTO sites (id, name, state, since, created_at) VALUES (?, ?, 'new', 1, 1)",
          name,
          name,
        );
      }
    });
  });
});
