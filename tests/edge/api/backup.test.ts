import { afterEach, beforeEach, describe, expect, it } from "vitest";
import * as z from "zod";
import { DirectoryDump, MAX_BACKUP, NetworkDump } from "../../../protocol/api/backup.ts";
import { MAX_BODY } from "../../../protocol/api/envelope.ts";
import { NetworkEvent } from "../../../protocol/api/events.ts";
import { Network } from "../../../protocol/api/networks.ts";
import { NetworkStatus } from "../../../protocol/api/status.ts";
import {
  ask,
  call,
  createKey,
  createNetwork,
  dial,
  errorOf,
  expectAnswer,
  join,
} from "../../support/workerd/client.ts";
import { ADMIN_KEY, API_URL } from "../../support/workerd/environment.ts";
import { resetEdge } from "../../support/workerd/reset.ts";

afterEach(() => resetEdge());

const dumpDirectory = () => expectAnswer(DirectoryDump, call("GET", "/v1/backup"));
const dumpNetwork = (network: string) =>
  expectAnswer(NetworkDump, call("GET", `/v1/networks/${network}/backup`));
const restoreDirectory = (body: unknown) => call("POST", "/v1/restore", { body });
const restoreNetwork = (network: string, body: unknown) =>
  call("POST", `/v1/networks/${network}/restore`, { body });
const status = () => expectAnswer(NetworkStatus, call("GET", "/v1/networks/shop/status"));
const edgeEvents = () => expectAnswer(z.array(NetworkEvent), call("GET", "/v1/events"));

describe("an edge", () => {
  it("is restored from its backup, with its keys and its sites' certificates", async () => {
    await createNetwork("shop");
    await createNetwork("bank");
    const west = await join("shop", "west");
    const key = await createKey("viewer", ["shop"]);
    const before = await status();
    const directory = await dumpDirectory();
    const networks = await Promise.all(directory.networks.map(({ id }) => dumpNetwork(id)));

    await resetEdge();
    expect(await expectAnswer(z.array(Network), restoreDirectory(directory))).toEqual(directory.networks);
    for (const network of networks) {
      await expectAnswer(Network, restoreNetwork(network.network.id, network));
    }
    expect((await status()).sites.map(({ name, id }) => [name, id])).toEqual(
      before.sites.map(({ name, id }) => [name, id]),
    );
    expect((await call("GET", "/v1/networks/shop", { key })).status).toBe(200);
    expect(await errorOf(call("GET", "/v1/networks/bank", { key }))).toEqual([403, "key.forbidden"]);
    const uplink = await dial(west);
    expect(uplink.status).toBe(101);
    uplink.webSocket?.accept();
    uplink.webSocket?.close();
    const restored = (await edgeEvents()).filter(({ type }) => type === "network.restored");
    expect(restored.map(({ actor }) => actor)).toEqual(["admin", "admin", "admin"]);
  });

  it("refuses a restore when it has networks or keys", async () => {
    await createNetwork("shop");
    const directory = await dumpDirectory();
    const network = await dumpNetwork("shop");
    expect(await errorOf(restoreDirectory(directory))).toEqual([409, "backup.not_empty"]);
    expect(await errorOf(restoreNetwork("shop", network))).toEqual([409, "backup.not_empty"]);
    expect((await edgeEvents()).map(({ type }) => type)).toEqual(["network.created"]);
  });
});

describe("a network", () => {
  it("is restored alone by name or id after it was deleted", async () => {
    for (const by of ["name", "id"] as const) {
      const network = await createNetwork("shop");
      await join("shop", "west");
      const dump = await dumpNetwork("shop");
      await call("DELETE", "/v1/networks/shop");
      const restored = await expectAnswer(Network, restoreNetwork(network[by], dump));
      expect(restored).toMatchObject({ id: network.id, name: "shop" });
      expect((await status()).sites.map(({ name }) => name)).toEqual(["west"]);
      await call("DELETE", "/v1/networks/shop");
    }
  });

  it("refuses a restore under another name, or over a new network of its name", async () => {
    await createNetwork("shop");
    const dump = await dumpNetwork("shop");
    await call("DELETE", "/v1/networks/shop");
    expect(await errorOf(restoreNetwork("other", dump))).toEqual([400, "backup.malformed"]);
    expect(await errorOf(call("GET", "/v1/networks/other"))).toEqual([404, "network.unknown"]);
    await createNetwork("shop");
    expect(await errorOf(restoreNetwork("shop", dump))).toEqual([409, "backup.not_empty"]);
  });

  it("is not in the directory after its registry refused a restore", async () => {
    await createNetwork("shop");
    const dump = await dumpNetwork("shop");
    await call("DELETE", "/v1/networks/shop");
    const damaged = { ...dump, tables: {} };
    expect(await errorOf(restoreNetwork("shop", damaged))).toEqual([400, "backup.malformed"]);
    expect(await errorOf(call("GET", "/v1/networks/shop"))).toEqual([404, "network.unknown"]);
    await expectAnswer(Network, restoreNetwork("shop", dump));
  });
});

describe("a backup", () => {
  let directory: DirectoryDump;
  let network: NetworkDump;

  beforeEach(async () => {
    await createNetwork("shop");
    directory = await dumpDirectory();
    network = await dumpNetwork("shop");
    await call("DELETE", "/v1/networks/shop");
  });

  it("contains no key, no claim of a token and no unsealed private key", async () => {
    await createNetwork("other");
    const key = await createKey("viewer");
    const text = await (await call("GET", "/v1/backup")).text();
    expect(text).not.toContain(key.slice(-43));
    expect(text).not.toContain(ADMIN_KEY);
    expect(JSON.stringify(network)).not.toMatch(/PRIVATE KEY|MIGHAgEAMBM/);
  });

  it("is refused with the wrong field when it is malformed", async () => {
    for (const body of [
      {},
      [],
      null,
      "x",
      network,
      { ...directory, networks: undefined },
      { ...directory, networks: [{ id: "x", name: "y", createdAt: "z" }] },
      { ...directory, keys: [{ ...(directory.keys[0] ?? {}), hash: "x" }] },
      { ...directory, version: 0 },
    ]) {
      expect(await errorOf(restoreDirectory(body))).toEqual([400, "backup.malformed"]);
    }
    for (const body of [
      {},
      directory,
      { ...network, tables: { "drop table x": { columns: [], rows: [] } } },
    ]) {
      expect(await errorOf(restoreNetwork("shop", body))).toEqual([400, "backup.malformed"]);
    }
    expect(await errorOf(restoreNetwork("a".repeat(101), network))).toEqual([400, "request.invalid"]);
  });

  it("is refused with backup.version when it is newer", async () => {
    const version = 2;
    expect(await errorOf(restoreDirectory({ ...directory, version, more: 1 }))).toEqual([
      409,
      "backup.version",
    ]);
    expect(await errorOf(restoreNetwork("shop", { ...network, version }))).toEqual([409, "backup.version"]);
  });

  it("may be larger than other bodies, and is read only with the role for a restore", async () => {
    const events = Array.from({ length: 2000 }, (_, at) => ({
      id: at + 1,
      at: directory.at,
      type: "key.refused" as const,
      text: "x".repeat(100),
      actor: "edge",
    }));
    const large = { ...directory, events };
    expect(JSON.stringify(large).length).toBeGreaterThan(MAX_BODY);
    const key = await createKey("operator");
    let read = 0;
    const watched = () =>
      new ReadableStream({
        pull(controller) {
          read += 1;
          controller.enqueue(new Uint8Array(1024 * 1024));
          if (read > MAX_BACKUP / 1024 / 1024 + 10) controller.close();
        },
      });
    for (const bearer of [key, `flk_admin_${"b".repeat(43)}`, null]) {
      const headers: Record<string, string> = { "content-type": "application/json" };
      if (bearer !== null) headers.authorization = `Bearer ${bearer}`;
      const response = await ask(`${API_URL}/v1/restore`, { method: "POST", headers, body: watched() });
      expect([401, 403]).toContain(response.status);
    }
    expect(read).toBeLessThan(4);
    const headers = { authorization: `Bearer ${ADMIN_KEY}`, "content-type": "application/json" };
    const response = ask(`${API_URL}/v1/restore`, { method: "POST", headers, body: watched() });
    expect(await errorOf(response)).toEqual([413, "request.too_large"]);

    const [listed] = (await (await call("GET", "/v1/keys")).json()) as { id: string }[];
    await call("DELETE", `/v1/keys/${listed?.id}`);
    expect((await restoreDirectory(large)).status).toBe(200);
  });
});
