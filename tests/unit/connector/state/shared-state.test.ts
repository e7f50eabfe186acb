import { describe, expect, it, onTestFinished } from "vitest";
import { SharedState, type SharedStateOptions } from "../../../../connector/state/shared-state.ts";
import { FairleadError } from "../../../../protocol/errors.ts";
import { eventually } from "../../../support/clock/eventually.ts";
import { MemoryLog } from "../../../support/connector/memory-log.ts";
import { SharedMemory } from "../../../support/connector/shared-memory.ts";
import { temporaryState } from "../../../support/process/directories.ts";

const AWAY = new FairleadError("kubernetes.unreachable");
const damaged = new FairleadError("state.corrupt", "The list is damaged.");
const list = (...items: readonly string[]) => `${JSON.stringify(items, null, 2)}\n`;

async function open(memory: SharedMemory, more: Partial<SharedStateOptions> = {}) {
  const stop = new AbortController();
  onTestFinished(() => stop.abort());
  const directory = more.directory ?? (await temporaryState());
  const refused: string[] = [];
  const log = new MemoryLog();
  const state = await SharedState.open({
    ...{ directory, shared: memory.view(), names: ["list", "key"], log, signal: stop.signal },
    check: async ({ list: theirs }) => {
      if (theirs === "nonsense") throw damaged;
    },
    refused: (error) => refused.push(error.code),
    retry: { base: 1, cap: 1 },
    ...more,
  });
  if (state === null) throw new Error("The state was not opened.");
  let changes = 0;
  state.onChange(() => {
    changes++;
  });
  const text = async (name: string) => (await directory.read(name))?.toString("utf8") ?? null;
  return { state, directory, refused, log, text, changes: () => changes };
}

describe("A shared state", () => {
  it("starts with what is stored, and keeps other files to itself", async () => {
    const memory = new SharedMemory();
    memory.put({ list: list("a") });
    const { state, text } = await open(memory);
    expect(await text("list")).toBe(list("a"));
    await state.writeAtomic("addresses", "mine");
    expect(memory.files).toEqual({ list: list("a") });
  });

  it("stores what only the directory has", async () => {
    const memory = new SharedMemory();
    const directory = await temporaryState();
    await directory.writeAtomic("list", list("a"));
    await open(memory, { directory });
    expect(memory.files).toEqual({ list: list("a") });
  });

  it("lets the first of two establish a file, and gives it to the second", async () => {
    const memory = new SharedMemory();
    const [first, second] = [await open(memory), await open(memory)];
    const keys = await Promise.all([first.state.establish("key", "1"), second.state.establish("key", "2")]);
    expect(new Set(keys)).toEqual(new Set([memory.files?.key]));
    expect(await first.text("key")).toBe(memory.files?.key);
    expect(await second.text("key")).toBe(memory.files?.key);
  });

  it("establishes nothing while the place is away", async () => {
    const memory = new SharedMemory();
    const { state, text } = await open(memory);
    memory.failure = AWAY;
    await expect(state.establish("key", "1")).rejects.toBe(AWAY);
    expect(await text("key")).toBe(null);
  });

  it("merges a change with one that another connector stored first, and says that it did", async () => {
    const memory = new SharedMemory();
    memory.put({ list: list("a") });
    const { state, text } = await open(memory);
    memory.beforeWrite = () => memory.put({ list: list("a", "theirs") });
    expect(await state.replace({ list: list("a", "mine") }, { list: list("a") })).toBe(false);
    expect(memory.files).toEqual({ list: list("a", "theirs", "mine") });
    expect(await text("list")).toBe(list("a", "theirs", "mine"));
    expect(await state.replace({ list: list("b") }, memory.files ?? {})).toBe(true);
  });

  it("takes over what another connector stored, and tells once", async () => {
    const memory = new SharedMemory();
    memory.put({ list: list("a") });
    const [first, second] = [await open(memory), await open(memory)];
    await first.state.replace({ list: list("a", "b") }, { list: list("a") });
    await second.state.synchronize();
    await second.state.synchronize();
    expect(await second.text("list")).toBe(list("a", "b"));
    expect([first.changes(), second.changes()]).toEqual([0, 1]);
  });

  it("stores a change in the directory while the place is away, and there later, with what others did", async () => {
    const memory = new SharedMemory();
    memory.put({ list: list("a", "b") });
    const { state, text, refused, changes } = await open(memory);
    memory.failure = AWAY;
    expect(await state.replace({ list: list("b", "mine") }, { list: list("a", "b") })).toBe(true);
    expect(await text("list")).toBe(list("b", "mine"));
    memory.put({ list: list("a", "b", "theirs") });
    memory.failure = null;
    await eventually("both changes", () => memory.files?.list === list("b", "theirs", "mine"));
    await eventually("the merged list here", async () => (await text("list")) === memory.files?.list);
    expect(refused).toEqual(["kubernetes.unreachable"]);
    await eventually("the change is told", () => changes() === 1);
  });

  it("is written again after it was deleted", async () => {
    const memory = new SharedMemory();
    memory.put({ list: list("a") });
    const { state } = await open(memory);
    memory.put(null);
    await state.synchronize();
    expect(memory.files).toEqual({ list: list("a") });
  });

  it("overwrites no damaged files, says so once, and goes on with what it has", async () => {
    const memory = new SharedMemory();
    memory.put({ list: list("a") });
    const { state, text, refused } = await open(memory);
    memory.put({ list: "nonsense" });
    await state.synchronize();
    await state.replace({ list: list("a", "b") }, { list: list("a") });
    expect(memory.files).toEqual({ list: "nonsense" });
    expect(await text("list")).toBe(list("a", "b"));
    expect(refused).toEqual(["state.corrupt"]);
    memory.put({ list: list("a") });
    await eventually("the change is stored", () => memory.files?.list === list("a", "b"));
  });

  it("waits at the start until the place answers and has no damaged files", async () => {
    const memory = new SharedMemory();
    memory.failure = AWAY;
    const log = new MemoryLog();
    const opened = open(memory, { log });
    await eventually("the first line", () => log.lines.length > 0);
    memory.put({ list: "nonsense" });
    memory.failure = null;
    await eventually("the second reason", () => log.find("damaged") !== undefined);
    memory.put({ list: list("a") });
    const { text, refused } = await opened;
    expect(await text("list")).toBe(list("a"));
    expect(refused).toEqual(["kubernetes.unreachable", "state.corrupt"]);
  });

  it("starts with the directory's files while the place is away, if they are enough", async () => {
    const memory = new SharedMemory();
    memory.put({ list: list("a") });
    memory.failure = AWAY;
    const directory = await temporaryState();
    await directory.writeAtomic("list", list("a", "b"));
    const { text, changes } = await open(memory, {
      directory,
      isEnough: (mine) => mine.list !== undefined,
    });
    expect(await text("list")).toBe(list("a", "b"));
    memory.failure = null;
    await eventually("what was stored since", () => changes() === 1);
    expect(await text("list")).toBe(list("a"));
  });

  it("does not start with the directory's files when those stored are damaged", async () => {
    const memory = new SharedMemory();
    memory.put({ list: "nonsense" });
    const directory = await temporaryState();
    await directory.writeAtomic("list", list("a"));
    const log = new MemoryLog();
    const opened = open(memory, { directory, log, isEnough: () => true });
    await eventually("the reason", () => log.find("cannot start without its state") !== undefined);
    memory.put({ list: list("b") });
    expect(await (await opened).text("list")).toBe(list("b"));
  });
});
