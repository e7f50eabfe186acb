import { type Duplex, PassThrough } from "node:stream";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isExportedTo, parseSites, sameScope } from "../../../../connector/config/scope.ts";
import { parseExpose } from "../../../../connector/config/service-options.ts";
import { Offers } from "../../../../connector/targets/offers.ts";
import { TargetStreams } from "../../../../connector/targets/target-streams.ts";
import { FairleadError } from "../../../../protocol/errors.ts";
import { randomId } from "../../../support/certificates.ts";
import { temporaryState } from "../support/directories.ts";
import { MemoryLog } from "../support/log.ts";
import { tcpServer } from "../support/sockets.ts";

const code = (text: string) => expect.objectContaining({ code: text });
const peerOf = (siteName: string) => ({ site: randomId("site"), siteName, boot: randomId("boot") });

/** An error that comes first is no reason to stop waiting. */
const closed = (stream: Duplex) => new Promise((resolve) => stream.once("close", resolve));

describe("a scope", () => {
  it("is every site when it is not given, and otherwise those that it names", () => {
    const west = peerOf("west");
    expect(isExportedTo(undefined, west)).toBe(true);
    expect(isExportedTo([], west)).toBe(false);
    expect(isExportedTo(["east", "west"], west)).toBe(true);
    expect(isExportedTo([west.site], { ...west, siteName: "renamed" })).toBe(true);
    expect(isExportedTo(["east"], west)).toBe(false);
    expect(isExportedTo(["wes", "west2", "WEST"], west)).toBe(false);
  });

  it("is the same in any order", () => {
    const sites = fc.uniqueArray(fc.constantFrom("east", "west", "north", "south"));
    fc.assert(
      fc.property(sites, sites, (left, right) => {
        const same = [...left].sort().join() === [...right].sort().join();
        expect(sameScope(left, right)).toBe(same);
        expect(sameScope(left, undefined)).toBe(false);
      }),
    );
    expect(sameScope(undefined, undefined)).toBe(true);
  });

  it("is read from an option, and nothing but a FairleadError comes of nonsense", () => {
    expect(parseSites("east, west")).toEqual(["east", "west"]);
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          parseSites(text);
        } catch (error) {
          expect(error).toBeInstanceOf(FairleadError);
        }
      }),
    );
  });
});

describe("what a site lets its peers use", () => {
  async function setUp(to: string[]) {
    const { port } = await tcpServer(() => {});
    const offers = await Offers.load(await temporaryState(), [{ ...parseExpose(`db=${port}`), to }]);
    const log = new MemoryLog();
    const targetStreams = new TargetStreams(offers, log);
    offers.onChange(() => targetStreams.review());
    const open = async (peer: ReturnType<typeof peerOf>) => {
      const stream = new PassThrough();
      const failed: { error?: unknown } = {};
      stream.on("error", (error) => {
        failed.error = error;
      });
      const target = await targetStreams.accept(stream, {
        ...{ service: "db", peer, encryption: "end-to-end" as const, signal: new AbortController().signal },
      });
      target.on("error", () => {});
      stream.once("close", () => target.destroy());
      return { stream, failed };
    };
    const scope = (sites: string[] | undefined) =>
      offers.add({ ...parseExpose(`db=${port}`), ...(sites === undefined ? {} : { to: sites }) });
    return { offers, targetStreams, log, open, scope };
  }

  it("is opened only to sites that the service is for, without dialling the target for others", async () => {
    const { open } = await setUp(["west"]);
    const { stream } = await open(peerOf("west"));
    stream.destroy();
    await expect(open(peerOf("east"))).rejects.toEqual(code("service.not_exported"));
  });

  it("is taken from sites that it is for no more, and from no others", async () => {
    const { open, scope, log } = await setUp(["west", "east"]);
    const west = await open(peerOf("west"));
    const east = await open(peerOf("east"));
    await scope(["west"]);
    await closed(east.stream);
    expect(east.failed.error).toEqual(code("service.not_exported"));
    expect(west.stream.destroyed).toBe(false);
    expect(log.find("reset")?.fields).toMatchObject({ streams: 1, code: "service.not_exported" });
    await scope(undefined);
    expect(west.stream.destroyed).toBe(false);
    west.stream.destroy();
  });

  it("is taken from everybody while the network does not let this site offer it", async () => {
    const { open, targetStreams, log } = await setUp(["west"]);
    const peer = peerOf("west");
    const { stream, failed } = await open(peer);
    targetStreams.forbid(["db"]);
    await closed(stream);
    expect(failed.error).toEqual(code("service.forbidden"));
    expect(log.find("reset")?.fields).toMatchObject({ streams: 1, code: "service.forbidden" });
    await expect(open(peer)).rejects.toEqual(code("service.forbidden"));
    targetStreams.forbid(["other"]);
    (await open(peer)).stream.destroy();
  });

  it("stays with those that have it when it is withdrawn", async () => {
    const { open, offers } = await setUp(["west"]);
    const { stream } = await open(peerOf("west"));
    await offers.remove("db");
    expect(stream.destroyed).toBe(false);
    stream.destroy();
  });

  it("follows a site's name: a session remembers what its peer was called", async () => {
    const { open, targetStreams } = await setUp(["west"]);
    const west = peerOf("west");
    targetStreams.note([west]);
    const { stream, failed } = await open(west);
    targetStreams.note([{ ...west, siteName: "far-west" }]);
    await closed(stream);
    expect(failed.error).toEqual(code("service.not_exported"));
    await expect(open(west)).rejects.toEqual(code("service.not_exported"));
  });
});
