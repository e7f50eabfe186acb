/** h2spec's list, by number, against the HTTP/2 server of a listener. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { HttpListener } from "../../../../support/connector/http-listener.ts";
import { HTTP2_CASES, performHttp2Case } from "../../../../support/http/http2-cases/cases.ts";
import { ROOT } from "../../../../support/run/repository-files.ts";

let listener: HttpListener;
beforeAll(async () => {
  listener = await HttpListener.start();
});
afterAll(() => listener.close());

describe("the HTTP/2 server of a listener", () => {
  it.each(HTTP2_CASES)("passes h2spec's case $number: $title", async (each) => {
    const before = listener.peer.requests.length;
    await performHttp2Case(each, listener);
    if (each.requests === undefined) return;
    expect(listener.peer.requests.length - before).toBe(each.requests);
  });

  it("differs from h2spec where docs/conformance.md says so, and nowhere else", () => {
    const page = readFileSync(join(ROOT, "docs/conformance.md"), "utf8");
    const documented = [...page.matchAll(/`((?:generic|http2|hpack)\/[\d.]+\/\d+)`/g)].map(
      ([, number]) => number,
    );
    const differing = HTTP2_CASES.filter(({ difference }) => difference !== undefined);
    expect(documented).toEqual(differing.map(({ number }) => number));
  });

  it("has every number of h2spec once", () => {
    const numbers = HTTP2_CASES.map(({ number }) => number);
    expect(new Set(numbers).size).toBe(148);
    expect(numbers).toHaveLength(148);
  });
});
