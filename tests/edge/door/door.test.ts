import { env, exports } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import * as z from "zod";
import { CreatedDoorKey, DoorKey, ListedHostname } from "../../../protocol/api/hostnames.ts";
import { FairleadError } from "../../../protocol/errors.ts";
import type { Ingress } from "../../../protocol/uplink/messages.ts";
import { call, createNetwork, errorOf, expectAnswer } from "../../support/workerd/client.ts";
import { DoorConnector, type TestExchange } from "../../support/workerd/door-connector.ts";
import { dialTicket, expectJoined, refusal } from "../../support/workerd/lane.ts";
import {
  eventTypes,
  exists,
  Line,
  type Member,
  offer,
  PATIENCE,
  TestUplink,
} from "../../support/workerd/member.ts";
import { closeShop, openShop } from "../../support/workerd/shop.ts";
import { stopClock } from "../../support/workerd/stopped-clock.ts";

/** Another one for each test, since the Worker caches what a hostname leads to. */
let hostname = "";
let tests = 0;
const PATH = "/v1/networks/shop/hostnames";

let east: Member;
let west: Member;

beforeEach(async () => {
  tests += 1;
  hostname = `shop-${tests}.example.com`;
  ({ east, west } = await openShop());
  await call("POST", PATH, { body: { pattern: hostname } });
});
afterEach(closeShop);

const ingress = (access: Ingress["access"] = "open", service = "web"): Ingress => ({
  service,
  hostname,
  access,
});

/** The uplink of a connector that publishes web. */
const publish = (member: Member, access: Ingress["access"] = "open") =>
  TestUplink.open(member, { offers: [offer("web")], ingress: [ingress(access)] });

/** Sends a request to the door's entrypoint. */
function visit(path = "/", init: RequestInit = {}, host = hostname): Promise<Response> {
  const door = exports.PublicDoor({ props: {} });
  return door.fetch(`http://${host}${path}`, init as never) as unknown as Promise<Response>;
}

const codeOf = async (answer: Promise<Response>): Promise<[number, string]> => {
  const response = await answer;
  const { error } = (await response.json()) as { error: { code: string } };
  return [response.status, error.code];
};

const fieldsOf = (fields: readonly string[], name: string): string[] =>
  fields.filter((_, index) => index % 2 === 1 && fields[index - 1] === name);

describe("a door", () => {
  it("passes a request on as an exchange, and its response back", async () => {
    const uplink = await publish(east);
    const joined = DoorConnector.join(uplink, async (exchange: TestExchange) => {
      await exchange.ended;
      exchange.respond(201, ["content-type", "text/plain", "set-cookie", "a=1", "set-cookie", "b=2"], "made");
    });
    const answer = await visit("/cart?item=7", {
      method: "POST",
      body: "two",
      headers: {
        "x-forwarded-for": "10.0.0.1",
        forwarded: "for=10.0.0.1",
        "fairlead-site": "west",
        fairlead_site: "west",
        x_forwarded_for: "10.0.0.1",
        cookie: "fairlead_door=x; a=b",
      },
    });
    expect([answer.status, await answer.text()]).toEqual([201, "made"]);
    expect(answer.headers.getSetCookie()).toEqual(["a=1", "b=2"]);
    const [exchange] = (await joined).exchanges;
    const { fields, ...head } = (await exchange?.head) ?? { fields: [] };
    expect(head).toEqual({
      method: "POST",
      scheme: "http",
      authority: hostname,
      path: "/cart?item=7",
    });
    expect(exchange?.text).toBe("two");
    expect(fieldsOf(fields, "fairlead-caller")).toEqual(["anyone"]);
    expect(fields.join(" ")).not.toMatch(/fairlead[-_]site|x_forwarded_for/);
    expect(fieldsOf(fields, "x-forwarded-for")).toHaveLength(1);
    expect(fieldsOf(fields, "x-forwarded-for")).not.toEqual(["10.0.0.1"]);
    expect(fieldsOf(fields, "cookie")).toEqual(["a=b"]);
  });

  it("passes on each piece of a response as it comes", async () => {
    const uplink = await publish(east);
    const joined = DoorConnector.join(uplink, (exchange) => {
      exchange.stream.accept();
      exchange.encoder.head({ status: 200, fields: ["content-type", "text/event-stream"] });
    });
    const answer = await visit("/events");
    const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
    const [exchange] = (await joined).exchanges;
    for (const text of ["data: 1\n\n", "data: 2\n\n"]) {
      await exchange?.write(new TextEncoder().encode(text));
      expect((await reader?.read())?.value).toBe(text);
    }
    exchange?.encoder.end();
    exchange?.stream.finish();
    expect((await reader?.read())?.done).toBe(true);
  });

  it("keeps the length of a response to HEAD, and ends a response without content", async () => {
    const uplink = await publish(east);
    void DoorConnector.join(uplink, async (exchange) => {
      const { method } = await exchange.head;
      if (method === "HEAD") exchange.respond(200, ["content-length", "1234"], null);
      else exchange.respond(204, [], null);
    });
    const head = await visit("/", { method: "HEAD" });
    expect([head.status, head.headers.get("content-length"), await head.text()]).toEqual([200, "1234", ""]);
    const empty = await visit("/", { method: "DELETE" });
    expect([empty.status, await empty.text()]).toEqual([204, ""]);
  });

  it("answers 502 where the connector sends what is no response, and serves the next request", async () => {
    const uplink = await publish(east);
    let bad = true;
    void DoorConnector.join(uplink, (exchange) => {
      if (!bad) return exchange.respond(200, [], "good");
      bad = false;
      exchange.stream.accept();
      exchange.stream.write(new Uint8Array([0x7f, 0xff, 0xff]));
    });
    expect(await codeOf(visit())).toEqual([502, "door.failed"]);
    expect(await (await visit()).text()).toBe("good");
  });

  it("answers 431 to a head or a path that is too large, with the type for it", async () => {
    const uplink = await publish(east);
    void DoorConnector.join(uplink, (exchange) => exchange.respond(200));
    const answer = await visit("/", { headers: { "x-long": "a".repeat(33_000) } });
    expect([answer.status, answer.headers.get("proxy-status")]).toEqual([
      431,
      'fairlead-door; error=http_request_error; details="door.too_large"',
    ]);
    expect(await codeOf(visit(`/${"a".repeat(17_000)}`))).toEqual([431, "door.too_large"]);
  });

  it("aborts a response whose end does not come", async () => {
    const uplink = await publish(east);
    void DoorConnector.join(uplink, (exchange) => {
      exchange.stream.accept();
      exchange.encoder.head({ status: 200, fields: [] });
      exchange.encoder.content(new TextEncoder().encode("half"));
      exchange.stream.finish();
    });
    const answer = await visit();
    await expect(answer.text()).rejects.toThrow();
  });

  it("survives a connector that sends malformed messages, and asks it for another session", async () => {
    const uplink = await publish(east);
    const first = DoorConnector.join(uplink);
    const answer = visit();
    const connector = await first;
    await vi.waitFor(() => expect(connector.exchanges).toHaveLength(1), PATIENCE);
    connector.send(new Uint8Array([0x05, 1, 2, 3, 4]));
    expect((await codeOf(answer))[0]).toBe(502);
    void DoorConnector.join(uplink, (exchange) => exchange.respond(200, [], "again"));
    expect(await (await visit()).text()).toBe("again");
  });

  it("tries another instance where one refuses before it accepts, and never after that", async () => {
    const [left, right] = [await publish(east), await publish(west)];
    const refusing = async (exchange: TestExchange) => {
      await exchange.head;
      if (seen.length === 0) exchange.stream.reset(new FairleadError("service.refused"));
      else exchange.respond(200, [], exchange.text);
      seen.push("request");
    };
    const seen: string[] = [];
    void DoorConnector.join(left, refusing);
    void DoorConnector.join(right, refusing);
    const answer = await visit("/", { method: "POST", body: "kept" });
    expect([answer.status, seen.length]).toEqual([200, 2]);
    expect(await answer.text()).toBe("kept");
  });

  it("balances requests over the instances", async () => {
    const [left, right] = [await publish(east), await publish(west)];
    const counts = { east: 0, west: 0 };
    const open: TestExchange[] = [];
    const both = [
      DoorConnector.join(left, (exchange) => {
        counts.east++;
        open.push(exchange);
      }),
      DoorConnector.join(right, (exchange) => {
        counts.west++;
        open.push(exchange);
      }),
    ];
    const first = visit();
    await Promise.all(both);
    await vi.waitFor(() => expect(open).toHaveLength(1), PATIENCE);
    const more = Array.from({ length: 9 }, () => visit());
    await vi.waitFor(() => expect(open).toHaveLength(10), PATIENCE);
    expect(counts).toEqual({ east: 5, west: 5 });
    for (const exchange of open) exchange.respond(200);
    await Promise.all([first, ...more]);
  });

  it("answers 421 to a hostname that no network has, and makes no object for it", async () => {
    for (const host of ["other.example.com", `a.${hostname}`, "127.0.0.1", "localhost"]) {
      expect(await codeOf(visit("/", {}, host))).toEqual([421, "door.unknown_host"]);
    }
    expect(await exists(env.DOOR, `${east.networkId}:other.example.com`)).toBe(false);
  });

  it("answers 503 without an object while nothing is published by a granted hostname", async () => {
    await call("POST", PATH, { body: { pattern: "*.example.org" } });
    const answer = await visit("/", {}, "any.example.org");
    expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "1"]);
    expect(await exists(env.DOOR, `${east.networkId}:any.example.org`)).toBe(false);
  });

  it("has at most 64 requests of one client in progress", async () => {
    const uplink = await publish(east);
    const open: TestExchange[] = [];
    void DoorConnector.join(uplink, (exchange) => void open.push(exchange));
    const answers = Array.from({ length: 64 }, () => visit());
    await vi.waitFor(() => expect(open).toHaveLength(64), PATIENCE);
    const refused = await visit();
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "1"]);
    for (const exchange of open) exchange.respond(200, [], "ok");
    for (const answer of answers) expect(await (await answer).text()).toBe("ok");
    const next = visit();
    await vi.waitFor(() => expect(open).toHaveLength(65), PATIENCE);
    open.at(-1)?.respond(200);
    expect((await next).status).toBe(200);
  });

  it("has at most 256 requests in progress, whoever sends them", async () => {
    const uplink = await publish(east);
    const open: TestExchange[] = [];
    void DoorConnector.join(uplink, (exchange) => void open.push(exchange));
    const visitAs = (client: number) => visit("/", { headers: { "cf-connecting-ip": `10.0.0.${client}` } });
    const answers = Array.from({ length: 256 }, (_, at) => visitAs(at % 8));
    await vi.waitFor(() => expect(open).toHaveLength(256), PATIENCE);
    const refused = await visitAs(9);
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "1"]);
    expect(await codeOf(visitAs(9))).toEqual([503, "door.overloaded"]);
    for (const exchange of open) exchange.respond(204, [], null);
    for (const answer of answers) expect((await answer).status).toBe(204);
  });

  it("cancels the exchange of a client that leaves before the head of the response", async () => {
    const uplink = await publish(east);
    const open: TestExchange[] = [];
    void DoorConnector.join(uplink, (exchange) => void open.push(exchange));
    const leaving = new AbortController();
    const answer = visit("/", { signal: leaving.signal });
    answer.catch(() => undefined);
    await vi.waitFor(() => expect(open).toHaveLength(1), PATIENCE);
    leaving.abort();
    expect(await open[0]?.wasReset).toBe("stream.cancelled");
  });

  it("stops a target whose client does not read, and resets it when the client goes", async () => {
    const uplink = await publish(east);
    const open: TestExchange[] = [];
    void DoorConnector.join(uplink, (exchange) => void open.push(exchange));
    const pending = visit("/large");
    await vi.waitFor(() => expect(open).toHaveLength(1), PATIENCE);
    const [exchange] = open;
    if (exchange === undefined) throw new Error("There is no exchange.");
    exchange.stream.accept();
    exchange.encoder.head({ status: 200, fields: [] });
    const answer = await pending;
    let sent = 0;
    const piece = new Uint8Array(64 * 1024);
    while (!exchange.full && sent < 64 * 1024 * 1024) {
      exchange.encoder.content(piece);
      sent += piece.length;
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    expect(exchange.full).toBe(true);
    expect(sent).toBeLessThan(10 * 1024 * 1024);
    await answer.body?.cancel();
    expect(await exchange.wasReset).toBe("stream.cancelled");
  });
});

describe("the access to a door", () => {
  const makeKey = (name = hostname) =>
    expectAnswer(
      CreatedDoorKey,
      call("POST", "/v1/networks/shop/door-keys", { body: { name: "app", hostname: name } }),
    );
  const withKey = (key: string, name = "authorization") =>
    visit("/", {
      headers: {
        [name]:
          name === "cookie"
            ? `a=b; fairlead_door=${key}`
            : `Bearer ${key}`.slice(name === "x-fairlead-key" ? 7 : 0),
      },
    });

  it("needs a key unless the connector says otherwise, and keeps the key from the target", async () => {
    const uplink = await publish(east, "key");
    const { key, id } = await makeKey();
    expect(await codeOf(visit())).toEqual([401, "door.unauthorized"]);
    expect(await codeOf(withKey("fld_wrong"))).toEqual([401, "door.unauthorized"]);
    const heads: Promise<{ fields: readonly string[] }>[] = [];
    void DoorConnector.join(uplink, (exchange) => {
      heads.push(exchange.head);
      exchange.respond(200, [], "in");
    });
    for (const name of ["authorization", "x-fairlead-key", "cookie"]) {
      expect([name, await (await withKey(key, name)).text()]).toEqual([name, "in"]);
    }
    for (const head of heads) {
      const { fields } = await head;
      expect(fields.some((text) => text.includes(key))).toBe(false);
      expect(fieldsOf(fields, "fairlead-caller")).toEqual(["key app"]);
    }
    const listed = await expectAnswer(z.array(DoorKey), call("GET", "/v1/networks/shop/door-keys"));
    expect(listed).toMatchObject([{ id, hostname, lastUsedAt: expect.any(String) }]);
    await call("DELETE", `/v1/networks/shop/door-keys/${id}`);
    expect(await codeOf(withKey(key))).toEqual([401, "door.unauthorized"]);
  });

  it("is not given by a key of the API, or by a key for another hostname", async () => {
    await publish(east, "key");
    await call("POST", PATH, { body: { pattern: "other.example.com" } });
    const { key } = await makeKey("other.example.com");
    expect(await codeOf(withKey(key))).toEqual([401, "door.unauthorized"]);
    expect(await errorOf(call("GET", "/v1/networks", { key }))).toEqual([401, "key.invalid"]);
    const body = { name: "app", hostname: "elsewhere.example.com" };
    expect(await errorOf(call("POST", "/v1/networks/shop/door-keys", { body }))).toEqual([
      404,
      "hostname.unknown",
    ]);
  });

  it("limits wrong keys by client", async () => {
    await publish(east, "key");
    stopClock();
    const answers = await Promise.all(Array.from({ length: 300 }, (_, at) => withKey(`fld_${at}`)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401, 429]));
  });
});

describe("a hostname", () => {
  const list = () => expectAnswer(z.array(ListedHostname), call("GET", PATH));

  it("belongs to the first network that is granted it, and a conflict is an event", async () => {
    await createNetwork("second");
    const path = "/v1/networks/second/hostnames";
    expect(await errorOf(call("POST", path, { body: { pattern: hostname } }))).toEqual([
      409,
      "hostname.taken",
    ]);
    const events = await (await call("GET", "/v1/events?type=hostname")).json();
    expect(events).toMatchObject([{ type: "hostname.refused" }]);
    // A name comes before a pattern that matches it.
    expect((await call("POST", path, { body: { pattern: "*.example.com" } })).status).toBe(201);
    const uplink = await publish(east);
    void DoorConnector.join(uplink, (exchange) => exchange.respond(200, [], "shop"));
    expect(await (await visit()).text()).toBe("shop");
  });

  it("is listed with what is published by it", async () => {
    expect(await list()).toMatchObject([{ pattern: hostname, published: [] }]);
    await publish(east);
    const published = [{ hostname, service: "web", access: "open", sites: ["east"] }];
    expect(await list()).toMatchObject([{ pattern: hostname, published }]);
  });

  it("that the network does not have is refused to the connector, until it is granted", async () => {
    const entry = { ...ingress(), hostname: `new-${hostname}` };
    const uplink = await TestUplink.open(east, { offers: [offer("web")], ingress: [entry] });
    const { refused } = await uplink.next("ingress.refused");
    expect(refused).toMatchObject([{ hostname: `new-${hostname}`, code: "ingress.not_granted" }]);
    await call("POST", PATH, { body: { pattern: `new-${hostname}` } });
    expect((await uplink.next("ingress.refused")).refused).toEqual([]);
    expect((await eventTypes("shop")).slice(-3)).toEqual([
      "ingress.refused",
      "ingress.opened",
      "hostname.granted",
    ]);
  });

  it("leads to the service that was published first; another is refused with an event", async () => {
    await publish(east);
    const second = await TestUplink.open(west, {
      offers: [offer("api"), offer("web")],
      ingress: [ingress("open", "api")],
    });
    const { refused } = await second.next("ingress.refused");
    expect(refused).toMatchObject([{ service: "api", code: "ingress.taken" }]);
    second.send({ type: "ingress", ingress: [ingress("key")] });
    expect((await second.next("ingress.refused")).refused).toMatchObject([{ service: "web" }]);
    second.send({ type: "ingress", ingress: [ingress()] });
    expect((await second.next("ingress.refused")).refused).toEqual([]);
    expect((await list())[0]?.published[0]?.sites).toEqual(["east", "west"]);
  });

  it("that is withdrawn ends the requests in progress at once", async () => {
    const uplink = await publish(east);
    const open: TestExchange[] = [];
    const joined = DoorConnector.join(uplink, (exchange) => void open.push(exchange));
    const answer = visit();
    await vi.waitFor(() => expect(open).toHaveLength(1), PATIENCE);
    expect((await call("DELETE", `${PATH}/${hostname}`)).status).toBe(200);
    expect((await answer).status).toBe(502);
    await (await joined).line.closed;
    await vi.waitFor(async () => expect((await visit()).status).toBe(421), PATIENCE);
  });

  it("is no longer served by a site that is revoked, nor by one that withdraws it", async () => {
    const uplink = await publish(east);
    const open: TestExchange[] = [];
    const joined = DoorConnector.join(uplink, (exchange) => void open.push(exchange));
    const answer = visit();
    await vi.waitFor(() => expect(open).toHaveLength(1), PATIENCE);
    await call("POST", "/v1/networks/shop/sites/east/revoke");
    expect((await answer).status).toBe(502);
    await (await joined).line.closed;
    const other = await publish(west);
    void DoorConnector.join(other, (exchange) => exchange.respond(200, [], "west"));
    await vi.waitFor(async () => expect(await (await visit()).text()).toBe("west"), PATIENCE);
    other.send({ type: "ingress", ingress: [] });
    await other.settle();
    await vi.waitFor(async () => expect((await visit()).status).toBe(503), PATIENCE);
  });
});

describe("a ticket of a door", () => {
  it("is good once, and for its own site alone", async () => {
    const uplink = await publish(east);
    const other = await publish(west);
    const answer = visit();
    const { invitation } = await uplink.next("door.offer");
    expect(await refusal(other, invitation.ticket)).toEqual([403, "ticket.wrong_site"]);
    expect(await refusal(uplink, `${invitation.ticket}x`)).toEqual([403, "ticket.invalid"]);
    expect((await dialTicket(uplink, invitation.ticket)).status).toBe(101);
    expect(await refusal(uplink, invitation.ticket)).toEqual([409, "ticket.replayed"]);
    void DoorConnector.join(other, (exchange) => exchange.respond(200));
    expect((await answer).status).toBe(200);
  });
});

describe("a WebSocket to a door", () => {
  const upgrade = (headers: Record<string, string> = {}) =>
    visit("/chat", { headers: { upgrade: "websocket", ...headers } });

  it("is joined with the connector's once the target has accepted", async () => {
    const uplink = await publish(east);
    const ends: Promise<Line>[] = [];
    const tickets: string[] = [];
    void DoorConnector.join(uplink, async (exchange) => {
      const { protocol, fields } = await exchange.head;
      expect(protocol).toBe("websocket");
      expect(fieldsOf(fields, "sec-websocket-protocol")).toEqual(["chat, other"]);
      const [ticket = ""] = fieldsOf(fields, "fairlead-door-ticket");
      tickets.push(ticket);
      exchange.respond(101, ["sec-websocket-protocol", "chat"], null);
      ends.push(dialTicket(uplink, ticket).then((answer) => new Line(answer)));
    });
    const answer = await upgrade({ "sec-websocket-protocol": "chat, other" });
    expect([answer.status, answer.headers.get("sec-websocket-protocol")]).toEqual([101, "chat"]);
    const client = new Line(answer);
    const target = await ends[0];
    if (target === undefined) throw new Error("The connector's end is missing.");
    await expectJoined(client, target);
    expect(await refusal(uplink, tickets[0] ?? "")).toEqual([409, "ticket.replayed"]);
    expect(await refusal(await publish(west), tickets[0] ?? "")).toEqual([403, "ticket.wrong_site"]);
    expect(await refusal(uplink, `${tickets[0]}x`)).toEqual([403, "ticket.invalid"]);
    client.socket.send("text");
    expect(await target.take("text", (data) => (typeof data === "string" ? data : null))).toBe("text");
    target.socket.close(4001, "done");
    expect(await client.closed).toEqual({ code: 4001, reason: "done" });
  });

  it("gets the target's refusal", async () => {
    const uplink = await publish(east);
    void DoorConnector.join(uplink, (exchange) => exchange.respond(403, [], "no"));
    const answer = await upgrade();
    expect([answer.status, await answer.text()]).toEqual([403, "no"]);
  });

  it("ends when the site is revoked", async () => {
    const uplink = await publish(east);
    const ends: Promise<Line>[] = [];
    void DoorConnector.join(uplink, async (exchange) => {
      const { fields } = await exchange.head;
      exchange.respond(101, [], null);
      const [ticket = ""] = fieldsOf(fields, "fairlead-door-ticket");
      ends.push(dialTicket(uplink, ticket).then((answer) => new Line(answer)));
    });
    const client = new Line(await upgrade());
    const target = await ends[0];
    if (target === undefined) throw new Error("The connector's end is missing.");
    await expectJoined(client, target);
    await call("POST", "/v1/networks/shop/sites/east/revoke");
    expect((await client.closed).code).toBe(1006);
    expect((await target.closed).code).toBe(1006);
  });
});
