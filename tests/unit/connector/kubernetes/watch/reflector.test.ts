import { beforeEach, describe, expect, it } from "vitest";
import {
  type Page,
  Reflector,
  type WatchEvent,
} from "../../../../../connector/kubernetes/watch/reflector.ts";

const object = (name: string, resourceVersion: string) => ({
  metadata: { name, namespace: "shop", resourceVersion },
});

const page = (
  items: readonly ReturnType<typeof object>[],
  resourceVersion: string,
  token?: string,
): Page => ({
  metadata: { resourceVersion, ...(token === undefined ? {} : { continue: token }) },
  items: [...items],
});

const event = (type: WatchEvent["type"], name: string, resourceVersion: string): WatchEvent => ({
  type,
  object: object(name, resourceVersion),
});

const gone: WatchEvent = { type: "ERROR", object: { code: 410, message: "too old resource version" } };

describe("A reflector", () => {
  let reflector: Reflector<string>;
  const names = () => [...reflector.entries()].map(([key]) => key);

  beforeEach(() => {
    const keep = ({ metadata }: Record<string, unknown>) => JSON.stringify(metadata);
    reflector = new Reflector({ keep, random: () => 0.5 });
  });

  /** A reflector that watches from version 10, with a and b. */
  const watching = () => {
    reflector.page(page([object("a", "1"), object("b", "2")], "10"));
  };

  it("lists in pages, and has a copy once the last one is there", () => {
    expect(reflector.next()).toEqual({ kind: "list", limit: 500, continue: undefined });
    expect(reflector.page(page([object("a", "1")], "10", "token"))).toEqual([]);
    expect([reflector.synced, reflector.size]).toEqual([false, 0]);
    expect(reflector.next()).toEqual({ kind: "list", limit: 500, continue: "token" });
    expect(reflector.page(page([object("b", "2")], "10", ""))).toMatchObject([
      { kind: "put", key: "shop/a" },
      { kind: "put", key: "shop/b" },
    ]);
    expect([reflector.synced, names()]).toEqual([true, ["shop/a", "shop/b"]]);
  });

  it("watches from the list's version for five to ten minutes, and after a bookmark from its version", () => {
    watching();
    expect(reflector.next()).toEqual({ kind: "watch", resourceVersion: "10", timeoutSeconds: 450 });
    expect(reflector.event({ type: "BOOKMARK", object: { metadata: { resourceVersion: "20" } } })).toBeNull();
    expect(reflector.next()).toMatchObject({ kind: "watch", resourceVersion: "20" });
  });

  it("follows events", () => {
    watching();
    expect(reflector.event(event("ADDED", "c", "11"))).toMatchObject({ kind: "put", key: "shop/c" });
    expect(reflector.event(event("MODIFIED", "a", "12"))).toMatchObject({ kind: "put", key: "shop/a" });
    expect(reflector.event(event("DELETED", "b", "13"))).toEqual({ kind: "remove", key: "shop/b" });
    expect(reflector.event(event("DELETED", "b", "13"))).toBeNull();
    expect(names()).toEqual(["shop/a", "shop/c"]);
  });

  it.each([
    ["in an ERROR event", () => reflector.event(gone)],
    ["as an answer", () => ({ status: 410, message: "too old resource version" })],
    ["from a server that was restored to an older state", () => ({ status: 504, message: "Too large" })],
  ])("lists again without an empty moment after its version is refused %s", (_how, refused) => {
    watching();
    const failure = refused();
    if (failure === null || !("status" in failure)) throw new Error("It was no failure.");
    reflector.failed(failure);
    expect(reflector.next()).toMatchObject({ kind: "wait" });
    expect(reflector.next()).toEqual({ kind: "list", limit: 500, continue: undefined });
    expect(names()).toEqual(["shop/a", "shop/b"]);
    expect(reflector.page(page([object("a", "1")], "30", "token"))).toEqual([]);
    expect(names()).toEqual(["shop/a", "shop/b"]);
    expect(reflector.page(page([object("c", "25")], "30"))).toMatchObject([
      { kind: "remove", key: "shop/b" },
      { kind: "put", key: "shop/c" },
    ]);
  });

  it("lists whole after a page's token expired", () => {
    reflector.page(page([object("a", "1")], "10", "token"));
    reflector.failed({ status: 410, message: "The provided continue parameter is too old" });
    reflector.next();
    expect(reflector.next()).toEqual({ kind: "list", limit: 0, continue: undefined });
    reflector.page(page([object("a", "1")], "11"));
    reflector.failed({ status: 410, message: "" });
    reflector.next();
    expect(reflector.next()).toMatchObject({ kind: "list", limit: 500 });
  });

  it("keeps its copy and its version while no answer comes, and waits longer each time", () => {
    watching();
    const waits = Array.from({ length: 8 }, () => {
      reflector.failed({ status: null, message: "ECONNREFUSED" });
      const step = reflector.next();
      expect(reflector.next()).toMatchObject({ kind: "watch", resourceVersion: "10" });
      return step.kind === "wait" ? step.ms : 0;
    });
    expect(waits).toEqual([400, 800, 1600, 3200, 6400, 12_800, 15_000, 15_000]);
    expect(names()).toEqual(["shop/a", "shop/b"]);
    reflector.event(event("ADDED", "c", "11"));
    reflector.failed({ status: null, message: "ECONNRESET" });
    expect(reflector.next()).toEqual({ kind: "wait", ms: 400 });
  });

  it("goes on with the next page after a page that no answer came to", () => {
    reflector.page(page([object("a", "1")], "10", "token"));
    reflector.failed({ status: null, message: "ECONNRESET" });
    reflector.next();
    expect(reflector.next()).toMatchObject({ kind: "list", continue: "token" });
  });

  it("waits as long as the server says", () => {
    watching();
    reflector.failed({ status: 429, message: "", retryAfter: 7000 });
    expect(reflector.next()).toEqual({ kind: "wait", ms: 7000 });
  });

  it.each([403, 404])("keeps its copy when it is refused with %d, and asks seldom", (status) => {
    watching();
    reflector.failed({ status, message: "" });
    expect(reflector.next()).toEqual({ kind: "wait", ms: 22_500 });
    expect(names()).toEqual(["shop/a", "shop/b"]);
  });

  it("watches on at once after the end of a watch that brought something, and later after one that did not", () => {
    watching();
    reflector.ended(false);
    expect(reflector.next()).toMatchObject({ kind: "watch" });
    reflector.ended(true);
    expect(reflector.next()).toMatchObject({ kind: "wait" });
  });
});
