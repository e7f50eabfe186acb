import { describe, expect, it } from "vitest";
import { encodeBase64Url } from "../../../../protocol/encoding.ts";
import { answerDoh, messageOfGet } from "../../../../workers/dns/doh.ts";
import { queryFor, read, recordTexts } from "../../../support/dns/messages.ts";

const asked: string[] = [];

async function ask(name: string, type = "A", more = {}) {
  asked.length = 0;
  const { message, maxAge } = await answerDoh(
    queryFor(name, type, more),
    "shop.internal",
    async (service) => {
      asked.push(service);
      if (service !== "api") return "absent";
      return [{ port: 80, protocol: "http", places: [{ address: "127.2.0.1", port: 8080 }] }];
    },
  );
  return { reply: read(message), maxAge };
}

describe("answerDoh", () => {
  it("answers with the addresses of a site, fresh for their TTL", async () => {
    const { reply, maxAge } = await ask("API.shop.internal", "A", { id: 0 });
    expect(recordTexts(reply.answers)).toEqual(["API.shop.internal 5 A 127.2.0.1"]);
    expect([reply.id, maxAge, asked]).toEqual([0, 5, ["api"]]);
    const srv = await ask("_http._tcp.api.shop.internal", "SRV");
    expect(srv.reply.answers).toMatchObject([{ data: { port: 8080, target: "api.shop.internal" } }]);
    expect(srv.reply.additionals).toMatchObject([{ data: "127.2.0.1" }]);
  });

  it("answers that a name does not exist, fresh for a second, and failures not at all", async () => {
    const { reply, maxAge } = await ask("nope.shop.internal");
    expect([reply.rcode, maxAge]).toEqual(["NXDOMAIN", 1]);
    expect((await ask("api.shop.internal", "AAAA")).maxAge).toBe(1);
    const other = await ask("example.com");
    expect([other.reply.rcode, other.maxAge, asked]).toEqual(["REFUSED", 0, []]);
    expect((await ask("shop.internal", "SOA")).reply.rcode).toBe("NOERROR");
    expect((await ask("api.shop.internal", "A", { opcode: "IQUERY" })).reply.answers.length).toBeLessThan(2);
  });

  it("refuses a message that is no query", async () => {
    const find = async () => "absent" as const;
    for (const bytes of [Buffer.alloc(4), queryFor("a.b", "A", { type: "response" })]) {
      await expect(answerDoh(bytes, "shop.internal", find)).rejects.toMatchObject({
        code: "request.invalid",
      });
    }
  });
});

describe("messageOfGet", () => {
  it("decodes base64url", () => {
    const bytes = queryFor("api.shop.internal");
    expect(Buffer.from(messageOfGet(encodeBase64Url(bytes)))).toEqual(bytes);
  });

  it("refuses a missing, malformed or long parameter", () => {
    expect(() => messageOfGet(undefined)).toThrow(expect.objectContaining({ code: "request.invalid" }));
    expect(() => messageOfGet("a+/=")).toThrow(expect.objectContaining({ code: "request.invalid" }));
    expect(() => messageOfGet("a".repeat(90_000))).toThrow(
      expect.objectContaining({ code: "request.too_large" }),
    );
  });
});
