import type { Duplex } from "node:stream";
import { describe, expect, it } from "vitest";
import { Catalogue } from "../../../../connector/listeners/catalogue.ts";
import type { OpeningStream } from "../../../../connector/listeners/open-stream.ts";
import { StreamOpener } from "../../../../connector/listeners/stream-opener.ts";
import { tryConnection } from "../../../../connector/listeners/trial-connection.ts";
import { type ErrorCode, FairleadError } from "../../../../protocol/errors.ts";
import { eventually } from "../../../support/clock/eventually.ts";
import { relayStream, testRelay } from "../../../support/connector/test-relay.ts";

/** A connector that sees the services api (TCP) and dns (UDP) at east. @param refusal of east; none unless given */
function setUp(refusal?: ErrorCode) {
  const opened: Duplex[] = [];
  const catalogue = new Catalogue(() => {});
  const offers = [{ site: "s-east", siteName: "east", boot: "b1" }];
  catalogue.welcome([
    { name: "api", protocol: "tcp", port: 80, offers },
    { name: "dns", protocol: "udp", port: 53, offers },
  ]);
  const open = (): OpeningStream => {
    const { stream } = relayStream();
    opened.push(stream);
    const accepted = refusal === undefined ? Promise.resolve() : Promise.reject(new FairleadError(refusal));
    return Object.assign(stream, { accepted });
  };
  const life = () => ({ silentMs: 0, roundTripMs: 1 });
  const opener = new StreamOpener({ catalogue, streams: { open, life }, holdMs: 60_000 });
  return { opened, parts: { catalogue, opener, relay: testRelay() } };
}

describe("tryConnection", () => {
  it("names the site whose target accepted, and leaves no stream open", async () => {
    const { parts, opened } = setUp();
    const result = await tryConnection(parts, "api", 80);
    expect(result).toMatchObject({ site: "east", ms: expect.any(Number) });
    await eventually("the stream is closed", () => opened.every(({ closed }) => closed));
    expect(opened).toHaveLength(1);
  });

  it("throws what the peer refuses it with", async () => {
    const { parts } = setUp("service.refused");
    await expect(tryConnection(parts, "api")).rejects.toMatchObject({ code: "service.refused" });
  });

  it("refuses a service that is unknown here, or has no connections", async () => {
    const { parts, opened } = setUp();
    await expect(tryConnection(parts, "web")).rejects.toMatchObject({ code: "service.unknown" });
    await expect(tryConnection(parts, "dns")).rejects.toMatchObject({ code: "request.invalid" });
    expect(opened).toEqual([]);
  });
});
