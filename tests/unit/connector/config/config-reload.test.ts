import { describe, expect, it } from "vitest";
import { describeChange } from "../../../../connector/config/config-change.ts";
import { parseConfigFile } from "../../../../connector/config/config-file.ts";
import { ConfigReload } from "../../../../connector/config/config-reload.ts";
import { mergeConfig } from "../../../../connector/config/connector-config.ts";
import { targetsOf } from "../../../../connector/config/service-options.ts";
import { LeveledLog } from "../../../../connector/log.ts";
import { FairleadError } from "../../../../protocol/errors.ts";
import { MemoryLog } from "../../../support/connector/memory-log.ts";

/** A reload of a file that is a variable. */
async function setUp(first = "expose: [api=80]") {
  const file = { text: first, missing: false };
  const lines = new MemoryLog();
  const log = new LeveledLog(lines, "info");
  const applied: unknown[] = [];
  const refusal: { error: FairleadError | null } = { error: null };
  const hangup: { listener: () => void } = { listener: () => {} };
  const parse = async (text: string) => mergeConfig(await parseConfigFile(text, "west.yaml"), {});
  const clock = { now: 1000 };
  const reload = new ConfigReload({
    file: {
      path: "west.yaml",
      text: first,
      read: async () => {
        if (file.missing)
          throw new FairleadError("request.invalid", "The configuration file cannot be read: ENOENT.");
        return file.text;
      },
      parse,
      onHangup: (listener) => {
        hangup.listener = listener;
      },
    },
    running: await parse(first),
    apply: (_next, change) => {
      if (refusal.error) throw refusal.error;
      applied.push(describeChange(change));
    },
    log,
    now: () => clock.now,
  });
  const write = async (text: string) => {
    file.text = text;
    await reload.reload();
  };
  return { reload, write, file, lines, log, applied, refusal, hangup, clock };
}

describe("ConfigReload", () => {
  it("applies what differs, logs it, and shows when", async () => {
    const { write, applied, lines, reload, clock } = await setUp();
    clock.now = 2000;
    await write("expose: [api=81, db=5432]");
    const change = { exposures: { added: ["db"], changed: ["api"] } };
    expect(applied).toEqual([change]);
    expect(lines.lines).toEqual([
      { level: "info", text: "The configuration was reloaded.", fields: { file: "west.yaml", ...change } },
    ]);
    expect(reload.state).toEqual({ file: "west.yaml", loadedAt: 2000, restartNeeded: [] });
    expect(reload.running.exposures.flatMap(targetsOf).map(({ port }) => port)).toEqual([81, 5432]);
  });

  it("does nothing when the file has the same text, except at a hangup", async () => {
    const { reload, applied, lines } = await setUp();
    await reload.reload();
    expect(applied).toEqual([]);
    await reload.reload({ always: true });
    expect(lines.lines.map(({ text }) => text)).toEqual([
      "The configuration was read again: nothing to apply.",
    ]);
  });

  it("keeps the running configuration when the file is wrong, with the place in the log and the state", async () => {
    const { write, applied, lines, reload } = await setUp();
    const before = reload.running;
    await write("expose:\n  - api\n");
    await reload.reload();
    const message = expect.stringContaining("west.yaml:2:5: expose.0: ");
    expect(lines.lines).toEqual([
      { level: "error", text: message, fields: expect.objectContaining({ code: "config.rejected" }) },
    ]);
    expect(reload.state).toMatchObject({ loadedAt: 1000, error: { code: "config.rejected", message } });
    expect(reload.running).toBe(before);
    expect(applied).toEqual([]);
    await write("expose: [api=80]");
    expect(reload.state.error).toBeUndefined();
  });

  it("keeps the running configuration when the file is empty or gone, and takes {} for no options", async () => {
    const { write, file, applied, reload } = await setUp();
    await write("  \n");
    expect(reload.state.error?.message).toContain("west.yaml is empty");
    file.missing = true;
    await reload.reload();
    expect(reload.state.error?.message).toContain("ENOENT");
    expect(applied).toEqual([]);
    file.missing = false;
    await write("{}");
    expect(applied).toEqual([{ exposures: { removed: ["api"] } }]);
  });

  it("keeps the running configuration when the parts refuse the change", async () => {
    const { write, refusal, reload } = await setUp();
    const before = reload.running;
    refusal.error = new FairleadError("request.invalid", "A site offers 1000 services at the most.");
    await write("expose: [db=5432]");
    expect(reload.state.error?.message).toContain("1000 services");
    expect(reload.running).toBe(before);
  });

  it("logs in one line which fields take effect at the next start, and applies the others", async () => {
    const { write, lines, applied, reload } = await setUp();
    await write("lanes: 2\nmemory: 512M\nexpose: [db=5432]");
    expect(applied).toEqual([{ exposures: { added: ["db"], removed: ["api"] } }]);
    expect(lines.lines.filter(({ level }) => level === "warn")).toMatchObject([
      { fields: { code: "config.restart_needed", fields: ["lanes", "memory"] } },
    ]);
    expect(reload.state.restartNeeded).toEqual(["lanes", "memory"]);
    expect(reload.running.lanes).toBeUndefined();
    await write("expose: [db=5432]");
    expect(reload.state.restartNeeded).toEqual([]);
  });

  it("changes the levels of the log", async () => {
    const { write, log } = await setUp();
    await write("log-level: warn,session=debug");
    expect(log.levels).toEqual({ level: "warn", parts: { session: "debug" } });
  });

  it("reads the file at a hangup, also when nothing has changed, until it is closed", async () => {
    const { reload, hangup, lines } = await setUp();
    reload.start();
    hangup.listener();
    await reload.reload();
    expect(lines.lines).toHaveLength(1);
    reload.close();
    hangup.listener();
    await reload.reload();
    expect(lines.lines).toHaveLength(1);
  });
});
