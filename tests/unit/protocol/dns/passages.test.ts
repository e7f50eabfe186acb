import { describe, expect, it } from "vitest";
import { RCODE } from "../../../../protocol/dns/constants.ts";
import { circleError, readExtendedError } from "../../../../protocol/dns/extended-error.ts";
import { writeQuery } from "../../../../protocol/dns/forwarded-answer.ts";
import { isCircle } from "../../../../protocol/dns/passages.ts";
import { readQuery } from "../../../../protocol/dns/query.ts";
import { failedAnswer } from "../../../../protocol/dns/record.ts";
import { readResponse } from "../../../../protocol/dns/response.ts";
import { udpLimit, writeResponse } from "../../../../protocol/dns/response-writer.ts";
import { opt, queryFor, read } from "../../../support/dns/messages.ts";

const EAST = "00112233445566ff";
const WEST = "8899aabbccddeeff";
const ASKED = { name: "a.corp.internal", type: 1 };

describe("the passages of a query", () => {
  it("are read as they were written, in a form that other servers ignore", () => {
    const bytes = writeQuery(7, ASKED, false, [EAST, WEST]);
    expect(readQuery(bytes)?.edns?.passages).toEqual([EAST, WEST]);
    expect(read(bytes).additionals).toMatchObject([{ type: "OPT", options: [{ code: 65_313 }] }]);
    expect(readQuery(writeQuery(7, ASKED, true))?.edns?.passages).toEqual([]);
    expect(readQuery(writeQuery(7, ASKED, false))?.edns).toBeNull();
  });

  it("leave bytes out that are no whole passage", () => {
    const options = [{ code: 65_313, data: Buffer.from(`${EAST}8899`, "hex") }];
    expect(readQuery(queryFor("a.corp.internal", "A", { additionals: [opt({ options })] }))).toMatchObject({
      refusal: null,
      edns: { passages: [EAST] },
    });
  });

  it("are a circle for a connector among them, and for everyone when there are too many", () => {
    expect(isCircle([EAST, WEST], EAST)).toBe(true);
    expect(isCircle([EAST], WEST)).toBe(false);
    expect(isCircle(new Array<string>(8).fill(EAST), WEST)).toBe(true);
  });
});

describe("the extended error of an answer", () => {
  const error = circleError("corp.internal");

  it("is in the OPT record of a client that knows EDNS, and in no other answer", () => {
    const answerTo = (bytes: Buffer) => {
      const query = readQuery(bytes);
      if (query === null) throw new Error("The query is malformed.");
      return writeResponse(bytes, query, failedAnswer(error), udpLimit(query));
    };
    const answer = answerTo(queryFor("a.corp.internal", "A", { additionals: [opt()] }));
    expect(read(answer)).toMatchObject({ rcode: "SERVFAIL", additionals: [{ type: "OPT" }] });
    expect(readResponse(answer)).toMatchObject({ rcode: RCODE.SERVFAIL, error });
    const plain = answerTo(queryFor("a.corp.internal"));
    expect(read(plain)).toMatchObject({ rcode: "SERVFAIL", additionals: [] });
    expect(readResponse(plain)?.error).toBeNull();
  });

  it("is passed on as printable text of a bounded length", () => {
    expect(readExtendedError(Uint8Array.of(0))).toBeNull();
    expect(readExtendedError(Uint8Array.of(0, 22, 0x41, 0x1b, 0xff, 0x42))).toEqual({ code: 22, text: "AB" });
    expect(readExtendedError(new Uint8Array(1000).fill(0x41))?.text).toHaveLength(200);
  });
});
