import { buffer, text } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import { ownStream } from "../../../../connector/relay/own-stream.ts";
import { FairleadError } from "../../../../protocol/errors.ts";
import { eventually } from "../../../support/clock/eventually.ts";

const pair = () => ownStream({ service: "api", port: 80, kind: "exchange", hops: 2 });

describe("OwnStream", () => {
  it("has at both ends what it was opened with", () => {
    const { near, far } = pair();
    for (const end of [near, far]) {
      expect(end).toMatchObject({ service: "api", port: 80, kind: "exchange", hops: 2, session: "own" });
    }
    expect(near.id).toBe(far.id);
    expect(pair().near.id).not.toBe(near.id);
    expect(ownStream({ service: "api" }).far).toMatchObject({ port: null, kind: "tcp", hops: 0 });
  });

  it("tells the opener of the acceptance, and of the refusal with its code", async () => {
    const accepted = pair();
    accepted.far.accept();
    await accepted.near.accepted;
    const refused = pair();
    refused.near.write("early");
    refused.far.destroy(new FairleadError("service.refused"));
    await expect(refused.near.accepted).rejects.toMatchObject({ code: "service.refused" });
    expect(refused.near.errored).toMatchObject({ code: "service.refused" });
  });

  it("carries bytes both ways, each way with an end of its own, and closes after both", async () => {
    const { near, far } = pair();
    near.write("early");
    far.accept();
    near.end(" and late");
    expect(await text(far)).toBe("early and late");
    expect(near.destroyed).toBe(false);
    const answer = text(near);
    far.end("answer");
    expect(await answer).toBe("answer");
    await eventually("both ends close", () => near.closed && far.closed);
    expect([near.errored, far.errored]).toEqual([null, null]);
  });

  it("carries a large body whole, and holds little for a reader that is slow", async () => {
    const { near, far } = pair();
    const body = Buffer.alloc(5_000_000, "0123456789abcdef");
    let written = 0;
    for (let at = 0; at < body.length; at += 50_000) {
      near.write(body.subarray(at, at + 50_000), () => {
        written += 50_000;
      });
    }
    near.end();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(written).toBeLessThan(300_000);
    expect((await buffer(far)).equals(body)).toBe(true);
    expect(written).toBe(body.length);
  });

  it("resets the other end when one end is destroyed", async () => {
    const { near, far } = pair();
    far.accept();
    near.destroy();
    await eventually("it closes", () => far.closed);
    expect(far.errored).toMatchObject({ code: "stream.cancelled" });
    const other = pair();
    other.far.destroy(new FairleadError("exchange.failed"));
    await eventually("it closes", () => other.near.closed);
    expect(other.near.errored).toMatchObject({ code: "exchange.failed" });
  });

  it("delivers what was written before a reset after writes", async () => {
    const { near, far } = pair();
    const body = Buffer.alloc(200_000, "x");
    far.write(body);
    far.resetAfterWrites(new FairleadError("stream.cancelled"));
    const got: Buffer[] = [];
    near.on("data", (chunk: Buffer) => got.push(chunk));
    await eventually("it closes", () => near.closed);
    expect(Buffer.concat(got).length).toBe(body.length);
    expect(near.errored).toMatchObject({ code: "stream.cancelled" });
  });
});
