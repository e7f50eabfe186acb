/** Reflectors against an API server: away, frozen, forgetful, and with tokens that end. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AccountToken } from "../../connector/kubernetes/api/account-token.ts";
import { ApiClient } from "../../connector/kubernetes/api/api-client.ts";
import type { Failure } from "../../connector/kubernetes/api/failure.ts";
import { Reflector } from "../../connector/kubernetes/watch/reflector.ts";
import { WatchLoop } from "../../connector/kubernetes/watch/watch-loop.ts";
import { eventually } from "../support/clock/eventually.ts";
import { at, type Json, type JsonObject } from "../support/kubernetes/json.ts";
import { newMetadata } from "../support/kubernetes/metadata.ts";
import { IS_REAL, TestCluster } from "../support/kubernetes/test-cluster.ts";

const RULES = [{ apiGroups: [""], resources: ["configmaps"], verbs: ["get", "list", "watch"] }];

/** These tests order faults, which a real server does not take. */
describe.skipIf(IS_REAL)("A reflector", () => {
  let cluster: TestCluster;
  let directory: string;

  beforeAll(async () => {
    cluster = await TestCluster.open();
    directory = await mkdtemp(join(tmpdir(), "fl-"));
  });

  afterAll(async () => {
    await cluster[Symbol.asyncDispose]();
    await rm(directory, { recursive: true });
  });

  /** A reflector of the ConfigMaps of a namespace of its own, with an account of its own. */
  async function reflect(silence?: number) {
    const namespace = await cluster.namespace();
    const file = join(directory, namespace);
    await writeFile(file, await cluster.account(namespace, "reflector", RULES));
    const { url, ca } = cluster.server;
    const client = new ApiClient({ url, ca }, new AccountToken(file, () => performance.now()));
    const reflector = new Reflector({
      keep: (object) => at(object as JsonObject, "data", "value"),
      // Waits of the shortest kind, so that a test takes no time for them.
      random: () => 0.01,
    });
    const failures: Failure[] = [];
    /** The smallest copy since the first whole one. */
    let smallest = Number.POSITIVE_INFINITY;
    const path = `/api/v1/namespaces/${namespace}/configmaps`;
    const loop = new WatchLoop<Json | undefined>({
      client,
      reflector,
      path,
      changed: () => {
        smallest = Math.min(smallest, reflector.size);
      },
      failed: (failure) => failures.push(failure),
      ...(silence === undefined ? {} : { silence }),
    });
    const put = (name: string, value: string) =>
      cluster.admin.apply(`${path}/${name}`, "test", {
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { name },
        data: { value },
      });
    const has = (name: string, value: string | undefined) =>
      eventually(`${name} to be ${value}`, () => reflector.get(`${namespace}/${name}`) === value);
    await eventually("the first copy", () => reflector.synced);
    return {
      namespace,
      file,
      reflector,
      failures,
      put,
      has,
      path,
      smallest: () => smallest,
      [Symbol.asyncDispose]: async () => {
        await loop.stop();
        await client.close();
      },
    };
  }

  it("follows what is made, changed and deleted", async () => {
    await using it = await reflect();
    await it.put("a", "1");
    await it.has("a", "1");
    await it.put("a", "2");
    await it.has("a", "2");
    await cluster.admin.delete(`${it.path}/a`);
    await it.has("a", undefined);
    expect(it.failures).toEqual([]);
  });

  it("keeps its copy while the server is away, and follows what was changed meanwhile", async () => {
    await using it = await reflect();
    await it.put("a", "1");
    await it.has("a", "1");
    await cluster.server.goAway();
    await eventually("two failures", () => it.failures.length >= 2);
    expect(it.reflector.get(`${it.namespace}/a`)).toBe("1");
    await cluster.server.comeBack();
    await eventually("an answer", async () => (await it.put("b", "1")).status < 300);
    await it.has("b", "1");
    expect(it.smallest()).toBeGreaterThan(0);
  });

  it.each(["event", "http"] as const)(
    "lists again when its version is forgotten, told by %s, and never has an empty copy",
    async (how) => {
      await using it = await reflect();
      await it.put("a", "1");
      await it.has("a", "1");
      cluster.server.faults.expiredWatch = how;
      await cluster.server.goAway();
      cluster.server.storage.advance();
      cluster.server.storage.compact();
      await cluster.server.comeBack();
      await eventually("an answer", async () => (await it.put("b", "1")).status < 300);
      await it.has("b", "1");
      cluster.server.faults.expiredWatch = "event";
      expect(it.failures.some(({ status }) => status === 410)).toBe(true);
      expect(it.smallest()).toBeGreaterThan(0);
    },
  );

  it("gives up a watch that is silent too long, and follows again when the server speaks", async () => {
    await using it = await reflect(300);
    await it.put("a", "1");
    await it.has("a", "1");
    cluster.server.faults.freeze();
    await eventually("the watch to be given up", () =>
      it.failures.some(({ message }) => /^The API server sent nothing for 0\.3 s/.test(message)),
    );
    const written = it.put("a", "2");
    cluster.server.faults.thaw();
    await written;
    await it.has("a", "2");
    expect(it.smallest()).toBeGreaterThan(0);
  });

  it("reads its token again when the server refuses it", async () => {
    await using it = await reflect();
    await it.put("a", "1");
    await it.has("a", "1");
    cluster.server.authenticator.clockOffset = 601_000;
    cluster.server.handler.endWatches();
    await eventually("a refusal", () => it.failures.some(({ status }) => status === 401));
    const { token } = await cluster.server.tokenOf(it.namespace, "reflector", 600);
    await writeFile(it.file, token);
    await it.put("a", "2");
    await it.has("a", "2");
    cluster.server.authenticator.clockOffset = 0;
  });

  it("pages through a long list", async () => {
    await using it = await reflect();
    const maps = cluster.server.storage.collection("configmaps");
    const { namespace } = it;
    for (let index = 0; index <= 500; index += 1) {
      const metadata = newMetadata({ name: `page-${index}` }, namespace, Date.now());
      const map = { apiVersion: "v1", kind: "ConfigMap", metadata, data: { value: "1" } };
      maps.put(`${namespace}/page-${index}`, map);
    }
    await it.has("page-500", "1");
    cluster.server.handler.seen.splice(0);
    await cluster.server.goAway();
    cluster.server.storage.advance();
    cluster.server.storage.compact();
    await cluster.server.comeBack();
    await eventually("the second page", () =>
      cluster.server.handler.seen.some(
        ({ url, status }) => /limit=500&continue=/.test(url) && status === 200,
      ),
    );
    expect(it.reflector.size).toBe(502);
    expect(it.smallest()).toBeGreaterThan(0);
  });
});
