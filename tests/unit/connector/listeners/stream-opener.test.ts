import { describe, expect, it } from "vitest";
import { lossOf } from "../../../../connector/listeners/stream-opener.ts";
import { FairleadError } from "../../../../protocol/errors.ts";

describe("lossOf", () => {
  it("is the code of a stream that its session has lost", () => {
    expect(lossOf({ errored: new FairleadError("session.lost") })).toBe("session.lost");
    expect(lossOf({ errored: new FairleadError("session.timeout") })).toBe("session.timeout");
  });

  it.each([
    ["in order", null],
    ["with a failure of its target", new FairleadError("service.refused")],
    ["because the client left", new FairleadError("stream.cancelled")],
    ["with an error of the system", new Error("EPIPE")],
  ])("is nothing of a stream that ended %s", (_, errored) => {
    expect(lossOf({ errored })).toBeUndefined();
  });
});
