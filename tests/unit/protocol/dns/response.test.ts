import { type Answer, encode, type Packet } from "dns-packet";
import { describe, expect, it } from "vitest";
import { writeForwarded, writeQuery } from "../../../../protocol/dns/forwarded-answer.ts";
import { readQuery } from "../../../../protocol/dns/query.ts";
import { keepAnswer, readResponse } from "../../../../protocol/dns/response.ts";
import { opt, queryFor, read, recordTexts } from "../../../support/dns/messages.ts";

const ZONE = "corp.internal";
const a = (name: string, data: string, ttl = 300): Answer => ({ name, type: "A", ttl, data });
const cname = (name: string, data: string, ttl = 300): Answer => ({ name, type: "CNAME", ttl, data });
const SOA = (ttl: number, minimum: number): Answer => ({
  ...{ name: ZONE, type: "SOA", ttl },
  data: {
    mname: "ns.corp.internal",
    rname: "h.corp.internal",
    serial: 1,
    refresh: 1,
    retry: 1,
    expire: 1,
    minimum,
  },
});

const response = (name: string, type: string, more: Packet) =>
  encode({ ...{ type: "response", id: 7, questions: [{ name, type, class: "IN" }] }, ...more });

function keep(name: string, type: string, more: Packet) {
  const answer = readResponse(response(name, type, more));
  if (answer === null) throw new Error("The response is malformed.");
  return keepAnswer(
    answer,
    { name: name.toLowerCase(), type: { A: 1, AAAA: 28, TXT: 16, CNAME: 5 }[type] ?? 0 },
    ZONE,
  );
}

/** The answer as a client gets it. */
function give(name: string, type: string, more: Packet, { age = 0, limit = 65_535, query = {} } = {}) {
  const answer = keep(name, type, more);
  const bytes = queryFor(name, type, query);
  const asked = readQuery(bytes);
  if (answer === null || asked?.question == null) return null;
  return read(
    writeForwarded(bytes, { ...asked, question: asked.question }, { answer, age, zone: ZONE }, limit),
  );
}

describe("readResponse", () => {
  it.each([
    ["a query", queryFor("a.corp.internal")],
    ["fewer bytes than a header", Buffer.alloc(11)],
    [
      "a record that is cut off",
      response("a.corp.internal", "A", { answers: [a("a.corp.internal", "10.0.0.1")] }).subarray(0, -1),
    ],
  ])("refuses %s", (_, bytes) => {
    expect(readResponse(bytes)).toBeNull();
  });

  it("reads an extended response code", () => {
    const bytes = response("a.corp.internal", "A", { additionals: [opt({ extendedRcode: 1 })] });
    expect(readResponse(bytes)?.rcode).toBe(16);
  });
});

describe("keepAnswer", () => {
  it("keeps records for their lowest TTL, an hour at most, and gives them with the rest of it", () => {
    const answers = [
      cname("www.corp.internal", "a.corp.internal", 100),
      a("a.corp.internal", "10.0.0.1", 30),
    ];
    expect(keep("www.corp.internal", "A", { answers })).toMatchObject({ ttl: 30, negative: false, rcode: 0 });
    expect(keep("a.corp.internal", "A", { answers: [a("a.corp.internal", "10.0.0.1", 86_400)] })?.ttl).toBe(
      3600,
    );
    const reply = give("www.corp.internal", "A", { answers }, { age: 12 });
    expect(recordTexts(reply?.answers ?? [])).toEqual([
      "www.corp.internal 88 CNAME a.corp.internal",
      "a.corp.internal 18 A 10.0.0.1",
    ]);
    expect(reply).toMatchObject({ id: 4711, flag_aa: false, flag_ra: true, rcode: "NOERROR" });
  });

  it("drops authority and additional records, which could name others", () => {
    const reply = give("a.corp.internal", "A", {
      answers: [a("a.corp.internal", "10.0.0.1")],
      authorities: [{ name: "com", type: "NS", ttl: 9, data: "evil.example" }],
      additionals: [a("evil.example", "192.0.2.1"), opt()],
    });
    expect(reply).toMatchObject({ authorities: [], additionals: [] });
  });

  it("keeps a negative answer for the SOA's TTL or minimum, a minute at most (RFC 2308)", () => {
    const ttl = (rcode: number, ...authorities: Answer[]) =>
      keep("a.corp.internal", "A", { flags: rcode, authorities });
    expect(ttl(3, SOA(20, 300))).toMatchObject({ ttl: 20, negative: true, rcode: 3 });
    expect(ttl(0, SOA(300, 15))).toMatchObject({ ttl: 15, negative: true, rcode: 0 });
    expect(ttl(3, SOA(9000, 9000))).toMatchObject({ ttl: 60 });
    expect(ttl(3)).toMatchObject({ ttl: 0 });
    const reply = give("a.corp.internal", "A", { flags: 3, authorities: [SOA(20, 300)] }, { age: 5 });
    expect(reply?.rcode).toBe("NXDOMAIN");
    expect(reply?.authorities).toMatchObject([{ name: ZONE, type: "SOA", ttl: 15, data: { minimum: 15 } }]);
  });

  it("keeps nothing of failures, cut answers and answers to other questions", () => {
    const answers = [a("a.corp.internal", "10.0.0.1")];
    expect(keep("a.corp.internal", "A", { answers, flags: 2 })).toBeNull();
    expect(keep("a.corp.internal", "A", { answers, flags: 0x0200 })).toBeNull();
    const other = readResponse(response("b.corp.internal", "A", { answers }));
    expect(other && keepAnswer(other, { name: "a.corp.internal", type: 1 }, ZONE)).toBeNull();
    expect(keep("b.corp.internal", "A", { answers })).toBeNull();
  });

  it("does not take an alias without its target's records for an answer", () => {
    const answers = [cname("www.corp.internal", "a.corp.internal")];
    expect(keep("www.corp.internal", "A", { answers })).toBeNull();
    expect(keep("www.corp.internal", "AAAA", { answers, authorities: [SOA(9, 9)] })).toMatchObject({
      negative: true,
      ttl: 9,
    });
    expect(keep("www.corp.internal", "CNAME", { answers })).toMatchObject({ negative: false });
  });

  it("gives addresses at the end of aliases to other zones under the name that was asked for", () => {
    const answers = [
      cname("www.corp.internal", "lb.example.com"),
      a("lb.example.com", "192.0.2.1", 60),
      a("lb.example.com", "192.0.2.2", 60),
    ];
    const reply = give("WWW.corp.internal", "A", { answers });
    expect(recordTexts(reply?.answers ?? [])).toEqual([
      "WWW.corp.internal 60 A 192.0.2.1",
      "WWW.corp.internal 60 A 192.0.2.2",
    ]);
    const text = [
      cname("www.corp.internal", "lb.example.com"),
      { name: "lb.example.com", type: "TXT", ttl: 1, data: "x" },
    ];
    expect(keep("www.corp.internal", "TXT", { answers: text })).toBeNull();
  });

  it("keeps nothing whose names point into the header or into a TTL, which change", () => {
    const bytes = response("www.corp.internal", "A", { answers: [a("www.corp.internal", "10.0.0.1")] });
    const asked = { name: "www.corp.internal", type: 1 };
    // The id is 7, so its first byte ends a name.
    const text = Buffer.from("\x03www\x04corp\x08internal", "latin1");
    const name = 12 + text.length + 1 + 4;
    const tail = bytes.subarray(name + text.length + 1);
    const named = (pointer: number) =>
      Buffer.concat([bytes.subarray(0, name), text, Buffer.from([0xc0, pointer]), tail]);
    const answerTo = (message: Buffer) => {
      const read = readResponse(message);
      expect(read?.answers).toMatchObject([{ name: "www.corp.internal" }]);
      return read && keepAnswer(read, asked, ZONE);
    };
    expect(answerTo(bytes)).not.toBeNull();
    expect(answerTo(named(0))).toBeNull();
    // The period at the end of the question's name.
    expect(answerTo(named(12 + text.length))).not.toBeNull();
  });

  it("gives up on aliases in a circle", () => {
    const answers = [
      cname("a.corp.internal", "b.corp.internal"),
      cname("b.corp.internal", "a.corp.internal"),
    ];
    expect(keep("a.corp.internal", "A", { answers })).toBeNull();
  });
});

describe("writeForwarded", () => {
  it("sets TC without records when the answer is too long, and adds an OPT record", () => {
    const answers = Array.from({ length: 40 }, (_, at) => a("a.corp.internal", `10.0.0.${at}`));
    const plain = give("a.corp.internal", "A", { answers }, { limit: 512 });
    expect(plain).toMatchObject({ flag_tc: true, answers: [], additionals: [] });
    const edns = give(
      "a.corp.internal",
      "A",
      { answers },
      { limit: 65_535, query: { additionals: [opt({ flags: 0x8000 })] } },
    );
    expect(edns).toMatchObject({ flag_tc: false, additionals: [{ type: "OPT", flags: 0x8000 }] });
    expect(edns?.answers).toHaveLength(40);
  });
});

describe("writeQuery", () => {
  it("writes a recursive query, with or without an OPT record", () => {
    const asked = { name: "a.corp.internal", type: 28 };
    expect(read(writeQuery(9, asked, true))).toMatchObject({
      ...{ id: 9, flag_rd: true, questions: [{ name: "a.corp.internal", type: "AAAA" }] },
      additionals: [{ type: "OPT", udpPayloadSize: 1232 }],
    });
    expect(read(writeQuery(9, asked, false)).additionals).toEqual([]);
  });
});
