/** Connectors of one site that share its state. */
import { describe, expect, it, onTestFinished } from "vitest";
import { parseExposeRequest } from "../../../../connector/config/service-options.ts";
import { silent } from "../../../../connector/log.ts";
import { checkSharedFiles, SHARED_FILES, siteIdOf } from "../../../../connector/runtime/shared-files.ts";
import { Site, type SiteOptions } from "../../../../connector/site/site.ts";
import { parseToken } from "../../../../connector/site/token.ts";
import { SharedState } from "../../../../connector/state/shared-state.ts";
import { Offers } from "../../../../connector/targets/offers.ts";
import { FairleadError } from "../../../../protocol/errors.ts";
import { randomId } from "../../../support/authority/certificates.ts";
import { TestDeployment } from "../../../support/authority/test-deployment.ts";
import { SharedMemory } from "../../../support/connector/shared-memory.ts";
import { temporaryState } from "../../../support/process/directories.ts";

const PLACE = { place: "the shared memory", action: "Restore it." };
const DAY_MS = 24 * 3600_000;

async function setUp() {
  const memory = new SharedMemory();
  const deployment = await TestDeployment.create();
  const token = parseToken(deployment.tokenFile());
  /** Opens the state as a pod with an empty directory does. */
  const open = async (refused: (error: FairleadError) => void = () => undefined) => {
    const stop = new AbortController();
    onTestFinished(() => stop.abort());
    const state = await SharedState.open({
      ...{ directory: await temporaryState(), shared: memory.view(), names: SHARED_FILES, refused },
      check: (theirs, mine) => checkSharedFiles(theirs, mine, PLACE),
      ...{ log: silent, signal: stop.signal, retry: { base: 1, cap: 1 } },
    });
    if (state === null) throw new Error("The state was not opened.");
    return state;
  };
  const start = async (state: SharedState, more: Partial<SiteOptions> = {}) =>
    await Site.start({
      ...{ state, boot: randomId("boot"), site: "west", tokens: ["token.yaml"], api: deployment },
      ...{ readToken: async () => token, log: silent, ...more },
    });
  /** Adds the link of the next token. */
  const link = async (site: Site, name: string) => {
    deployment.link = { id: randomId("link"), name, issuer: "public1" };
    return await site.redeem(parseToken(deployment.tokenFile()));
  };
  const pair = async () => {
    const states = [await open(), await open()] as const;
    const sites = [await start(states[0]), await start(states[1])] as const;
    await states[0].synchronize();
    await sites[0].reload();
    return { states, sites };
  };
  return { memory, deployment, open, start, link, pair };
}

const names = (site: Site) => site.membership.links.map(({ name }) => name).sort();

describe("Connectors that share a state", () => {
  it("are one site with one key when they start at once with one token", async () => {
    const { memory, deployment, open, start } = await setUp();
    const sites = await Promise.all([start(await open()), start(await open()), start(await open())]);
    expect(new Set(sites.map(({ keyPem }) => keyPem))).toEqual(new Set([memory.files?.["key.pem"]]));
    expect(new Set(sites.map(({ membership }) => membership.chain)).size).toBe(1);
    const claims = deployment.redeemed.map(({ claim }) => claim);
    expect(new Set(claims).size).toBe(1);
    expect(siteIdOf(memory.files ?? {})).toBe(deployment.site);
  });

  it("join with the key of a connector that died before it redeemed, and of one that died before it stored", async () => {
    const { memory, deployment, open, start } = await setUp();
    deployment.failures.push(new FairleadError("edge.unreachable"));
    await expect(start(await open())).rejects.toThrow(FairleadError);
    const key = memory.files?.["key.pem"];
    expect(Object.keys(memory.files ?? {})).toEqual(["key.pem"]);
    expect((await start(await open())).keyPem).toBe(key);
    memory.put({ "key.pem": key ?? "" });
    const again = await start(await open());
    expect(again.keyPem).toBe(key);
    expect(memory.files?.["certificate.pem"]).toBe(again.membership.chain);
  });

  it("start again without a token in a pod with an empty directory", async () => {
    const { deployment, open, start } = await setUp();
    const site = await start(await open());
    const again = await start(await open(), { tokens: [] });
    expect(again.membership).toEqual(site.membership);
    expect(deployment.redeemed).toHaveLength(1);
  });

  it("have the links that each of them created, and none that one deleted", async () => {
    const { link, pair } = await setUp();
    const { states, sites } = await pair();
    const [first, second] = sites;
    await link(first, "a");
    await link(second, "b");
    await Promise.all(states.map((state) => state.synchronize()));
    await Promise.all(sites.map((site) => site.reload()));
    expect(names(first)).toEqual(["a", "b", "first"]);
    expect(names(second)).toEqual(["a", "b", "first"]);
    await first.forgetLinks(new Set(first.membership.links.slice(0, 1).map(({ id }) => id)));
    await states[1].synchronize();
    await second.reload();
    expect(second.membership).toEqual(first.membership);
    expect(second.membership.links).toHaveLength(2);
  });

  it("use certificates that one of them renewed, and pass over an answer that came later than newer ones", async () => {
    const { deployment, pair } = await setUp();
    const { states, sites } = await pair();
    const [first, second] = sites;
    const late = await deployment.renewal();
    deployment.notAfter += DAY_MS;
    await first.adopt(await deployment.renewal());
    await states[1].synchronize();
    await second.reload();
    expect(second.membership).toEqual(first.membership);
    await second.adopt(late);
    expect(second.membership).toEqual(first.membership);
  });

  it("agree on one certificate when both renew at once", async () => {
    const { deployment, memory, pair } = await setUp();
    const { states, sites } = await pair();
    deployment.notAfter += DAY_MS;
    const renewals = [await deployment.renewal(), await deployment.renewal()];
    await Promise.all(renewals.map((renewal, at) => sites[at as 0 | 1].adopt(renewal)));
    await Promise.all(states.map((state) => state.synchronize()));
    await Promise.all(sites.map((site) => site.reload()));
    expect(sites[0].membership.chain).toBe(memory.files?.["certificate.pem"]);
    expect(sites[1].membership).toEqual(sites[0].membership);
  });

  it("refuse the key of another site, and a missing one, and overwrite nothing", async () => {
    const { memory, pair } = await setUp();
    const stranger = await setUp();
    await stranger.start(await stranger.open());
    const { states, sites } = await pair();
    const before = sites[0].membership;
    const { "key.pem": _key, ...keyless } = memory.files ?? {};
    for (const files of [stranger.memory.files, keyless, { ...memory.files, "site.json": "{" }]) {
      memory.put(files);
      await states[0].synchronize();
      await sites[0].reload();
      expect(memory.files).toBe(files);
      expect(sites[0].membership).toBe(before);
    }
  });

  it("say at the start what is wrong with the stored files", async () => {
    const { memory, open, start } = await setUp();
    await start(await open());
    const stored = memory.files ?? {};
    memory.put({ ...stored, "key.pem": "nonsense" });
    const { promise, resolve } = Promise.withResolvers<FairleadError>();
    const opened = open(resolve);
    const { code, message, action } = await promise;
    expect({ code, message, action }).toEqual({
      code: "state.corrupt",
      message: "key.pem of the shared memory is not a private key.",
      action: "Restore it.",
    });
    memory.put(stored);
    await opened;
  });

  it("offer what a command exposed at one of them", async () => {
    const { pair } = await setUp();
    const { states } = await pair();
    const offers = [await Offers.load(states[0], []), await Offers.load(states[1], [])] as const;
    const exposed = (name: string) => parseExposeRequest(`${name}=db:80`);
    await Promise.all([offers[0].add(exposed("a")), offers[1].add(exposed("b"))]);
    await Promise.all(states.map((state) => state.synchronize()));
    await Promise.all(offers.map((each) => each.reload()));
    for (const each of offers) expect(each.list().map(({ name }) => name)).toEqual(["a", "b"]);
    await offers[1].remove("a");
    await states[0].synchronize();
    await offers[0].reload();
    expect(offers[0].list().map(({ name }) => name)).toEqual(["b"]);
  });
});
