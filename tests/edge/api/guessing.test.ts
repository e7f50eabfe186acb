/** Guessed keys and claims: their cost, what responses reveal, and how they are logged. */
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import * as z from "zod";
import { NetworkEvent } from "../../../protocol/api/events.ts";
import { CreatedKey } from "../../../protocol/api/keys.ts";
import { encodeBase64 } from "../../../protocol/encoding.ts";
import { createCsr, newKeys } from "../../support/authority/test-site.ts";
import {
  call,
  claimIn,
  createNetwork,
  createToken,
  errorOf,
  expectAnswer,
  redeem,
} from "../../support/workerd/client.ts";
import { ADMIN_KEY } from "../../support/workerd/environment.ts";
import { resetEdge } from "../../support/workerd/reset.ts";
import { stopClock } from "../../support/workerd/stopped-clock.ts";

afterEach(async () => {
  vi.restoreAllMocks();
  await resetEdge();
});

let clients = 0;
/** A new client address, since limits count by client. */
const freshAddress = () => `203.0.113.${++clients}`;

const makeKey = (body: object) => expectAnswer(CreatedKey, call("POST", "/v1/keys", { body }));
const edgeEvents = (query: string) =>
  expectAnswer(z.array(NetworkEvent), call("GET", `/v1/events?limit=1000${query}`));
const networkEvents = (query: string) =>
  expectAnswer(z.array(NetworkEvent), call("GET", `/v1/networks/shop/events?limit=1000${query}`));

describe("the limit on guessed keys", () => {
  /** Counts the hashes and the directory calls of one request. */
  async function workOf(key: string): Promise<{ digests: number; asked: string[] }> {
    const asked: string[] = [];
    const DIRECTORY = {
      idFromName: (name: string) => env.DIRECTORY.idFromName(name),
      get: (id: DurableObjectId) => ({
        fetch: (request: Request) => {
          asked.push(`${new URL(request.url).pathname} ${request.headers.get("do-content")?.length}`);
          return env.DIRECTORY.get(id).fetch(request);
        },
      }),
    } as unknown as DurableObjectNamespace;
    const digest = vi.spyOn(crypto.subtle, "digest");
    const changes = { DIRECTORY };
    // The log has limits of its own, and is no part of the response.
    const response = await call("GET", "/v1/networks", { key, changes, address: freshAddress() });
    expect(response.status).toBe(401);
    const digests = digest.mock.calls.length;
    digest.mockRestore();
    return { digests, asked: asked.filter((each) => !each.includes("noteRefusedKey")) };
  }

  it("makes every wrong key cost the same work, so the time reveals nothing", async () => {
    const { id, key } = await makeKey({ name: "ci", role: "viewer" });
    const last = key.at(-1) === "A" ? "B" : "A";
    const wrong = [
      key.slice(0, -1) + last,
      key.replace(/_(.)/, "_k"),
      `flk_${id}_${"A".repeat(43)}`,
      `flk_k${"0".repeat(26)}_${"A".repeat(43)}`,
      `${ADMIN_KEY.slice(0, -1)}b`,
      "x",
    ].filter((text) => text !== key);
    const works = [];
    for (const text of wrong) works.push(await workOf(text));
    expect(works[0]).toEqual({ digests: 1, asked: [expect.stringMatching(/^\/do\/call\/useKey \d+$/)] });
    for (const work of works) expect(work).toEqual(works[0]);
  });

  it("applies to one client, and keeps refusals from filling the log", async () => {
    await createNetwork("shop");
    const clock = stopClock();
    const known = await makeKey({ name: "neighbour", role: "viewer" });
    const address = freshAddress();
    expect((await call("GET", "/v1/networks", { key: known.key, address })).status).toBe(200);
    const wrong = () => `flk_k${"0".repeat(26)}_${crypto.randomUUID().replaceAll("-", "").padEnd(43, "A")}`;
    const statuses: number[] = [];
    for (let tries = 0; tries < 100; tries++) {
      statuses.push((await call("GET", "/v1/networks", { key: wrong(), address })).status);
    }
    expect(statuses.filter((status) => status === 401).length).toBeLessThanOrEqual(31);
    expect(statuses.at(-1)).toBe(429);
    // Valid keys at the same address are not limited; a key that is new there waits at most a moment.
    expect((await call("GET", "/v1/networks", { key: known.key, address })).status).toBe(200);
    const fresh = await makeKey({ name: "fresh", role: "viewer" });
    await vi.waitUntil(
      async () => {
        clock.advance(100);
        return (await call("GET", "/v1/networks", { key: fresh.key, address })).status === 200;
      },
      { timeout: 60_000 },
    );
    expect((await call("GET", "/v1/networks", { key: wrong(), address })).status).toBe(429);
    // Other clients guess as well.
    for (let tries = 0; tries < 60; tries++) {
      await call("GET", "/v1/networks", { key: wrong(), address: freshAddress() });
    }
    const refusals = await edgeEvents("&type=key.refused");
    expect(refusals.length).toBeGreaterThan(0);
    expect(refusals.length).toBeLessThanOrEqual(25);
    for (const { code, text, actor } of refusals) {
      expect([code, actor]).toEqual(["key.invalid", "edge"]);
      expect(text).toContain("203.0.113.");
      expect(text).not.toMatch(/[A-Za-z0-9_-]{43}/);
    }
    expect((await edgeEvents("&type=network"))[0]?.type).toBe("network.created");
  });
});

describe("the limit on guessed claims", () => {
  it("applies to one client, and to events in the network's log", async () => {
    await createNetwork("shop");
    stopClock();
    const good = claimIn((await createToken("shop")).file);
    const [network, token] = good.split(".");
    const address = freshAddress();
    const csr = encodeBase64(await createCsr(await newKeys()));
    const guess = (claim: string) =>
      errorOf(call("POST", "/v1/redeem", { key: null, address, body: { claim, site: "west", csr } }));
    const answers: string[] = [];
    for (let tries = 0; tries < 80; tries++) {
      const id = tries % 2 === 0 ? token : `t${String(tries).padStart(26, "0")}`;
      answers.push((await guess(`${network}.${id}.${"A".repeat(43)}`))[1]);
    }
    expect(answers.slice(0, 2)).toEqual(["token.altered", "token.unknown"]);
    expect(answers.at(-1)).toBe("request.limited");
    // The token is still valid, at that address as well.
    const body = { claim: good, site: "west", csr };
    expect((await call("POST", "/v1/redeem", { key: null, address, body })).status).toBe(200);
    const refusals = await networkEvents("&type=token.refused");
    expect(refusals.length).toBeLessThan(10);
  });

  it("makes every wrong claim cost the same work, wherever its first wrong character is", async () => {
    await createNetwork("shop");
    const good = claimIn((await createToken("shop")).file);
    const [network, token, secret = ""] = good.split(".");
    const other = (letter: string | undefined) => (letter === "A" ? "B" : "A");
    const wrong = [
      other(secret[0]) + secret.slice(1),
      secret.slice(0, 20) + other(secret[20]) + secret.slice(21),
      "A".repeat(43),
    ];
    const counts: number[] = [];
    for (const each of wrong) {
      const digest = vi.spyOn(crypto.subtle, "digest");
      expect(await errorOf(redeem(`${network}.${token}.${each}`, "west"))).toEqual([403, "token.altered"]);
      counts.push(digest.mock.calls.length);
      digest.mockRestore();
    }
    expect(new Set(counts).size).toBe(1);
  });
});
