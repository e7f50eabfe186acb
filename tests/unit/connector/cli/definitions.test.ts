import { describe, expect, test } from "vitest";
import { COMMANDS } from "../../../../connector/cli/commands.ts";
import type { CommandDefinition } from "../../../../connector/cli/framework/definition.ts";
import type { Io } from "../../../../connector/cli/framework/io.ts";
import { NOUNS } from "../../../../connector/cli/nouns.ts";
import { buildProgram } from "../../../../connector/cli/program.ts";

/** Parses a command line without running anything. */
async function parse(argv: readonly string[]) {
  let out = "";
  let ran: { definition: CommandDefinition; input: Readonly<Record<string, unknown>> } | undefined;
  const io: Io = {
    stdout: {
      write: (text) => {
        out += text;
      },
      isTTY: false,
      columns: undefined,
    },
    stderr: { write: () => undefined, isTTY: false, columns: undefined },
    env: {},
    interactive: false,
    ask: async () => "",
    readInput: async () => "",
    untilInterrupted: () => new AbortController().signal,
    onHangup: () => {},
    dropFailedOutput: () => {},
    now: () => 0,
  };
  const program = buildProgram({
    commands: COMMANDS,
    io,
    version: "1.2.3",
    invoke: async (definition, input) => {
      ran = { definition, input };
    },
  });
  const failure = await program.parseAsync([...argv], { from: "user" }).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  return { out, ran, failure };
}

const title = ({ path }: CommandDefinition) => path.join(" ");
/** The parts of a shell line that are fairlead commands. */
const commandsIn = (line: string) =>
  line.split("|").flatMap((part) => {
    const words = part
      .trim()
      .split(/\s+/)
      .map((word) => word.replace(/^'(.*)'$/, "$1"));
    const at = words.indexOf("fairlead");
    return at === -1 ? [] : [words.slice(at + 1)];
  });

describe.each(COMMANDS.map((definition) => [title(definition), definition] as const))(
  "%s",
  (name, definition) => {
    test("has help with its summary, its options and its examples", async () => {
      const { out, failure } = await parse([...definition.path, "--help"]);
      expect(failure).toMatchObject({ exitCode: 0 });
      // Help is wrapped; a command of several lines has backslashes at their ends.
      const text = out.replaceAll(/ \\\n|\s+/g, " ").replaceAll(/ +/g, " ");
      expect(text).toContain(definition.summary);
      for (const { flags } of Object.values(definition.options)) expect(out).toContain(flags);
      for (const { label } of Object.values(definition.arguments)) expect(out).toContain(label);
      for (const { command, says } of definition.examples) {
        expect(text).toContain(command);
        expect(text).toContain(says);
      }
      expect(await parse(["help", ...definition.path])).toMatchObject({ out, failure: null });
    });

    test("has examples that parse, the first as this command", async () => {
      for (const { command } of definition.examples) {
        const lines = commandsIn(command);
        expect(lines.length).toBeGreaterThan(0);
        for (const [at, argv] of lines.entries()) {
          const { ran, failure } = await parse(argv);
          expect(failure).toBeNull();
          if (at === 0) expect(ran && title(ran.definition)).toBe(name);
        }
      }
    });

    test("takes --json", async () => {
      const [argv] = commandsIn(definition.examples[0].command);
      expect((await parse([...(argv ?? []), "--json"])).failure).toBeNull();
    });

    test("is described in sentences", () => {
      const { summary, details, examples } = definition;
      const described = [...Object.values(definition.options), ...Object.values(definition.arguments)];
      const texts = [
        summary,
        ...described.map(({ description }) => description),
        ...examples.map(({ says }) => says),
      ];
      for (const text of details === undefined ? texts : [...texts, details]) {
        expect(text).toMatch(/^[A-Z`-].*\.$/);
      }
    });
  },
);

test("every noun has a line in the help", () => {
  const nouns = new Set(
    COMMANDS.flatMap(({ path }) => path.slice(0, -1).map((_, at) => path.slice(0, at + 1).join(" "))),
  );
  expect(Object.keys(NOUNS).sort()).toEqual([...nouns].sort());
});

test("option values reach the handler parsed, with their defaults", async () => {
  const { ran } = await parse(["token", "create", "--expiry", "2h"]);
  expect(ran?.input).toEqual({
    issuer: undefined,
    uses: 1,
    expiry: 7200,
    output: undefined,
    network: undefined,
  });
  const lists = await parse(
    "connector run --site west --token a --token b --expose api=[::1]:80/http2".split(" "),
  );
  expect(lists.ran?.input).toMatchObject({
    site: "west",
    tokens: ["a", "b"],
    expose: [{ name: "api", ports: [{ protocol: "http2", targets: [{ host: "::1", port: 80 }] }] }],
    listen: [],
  });
  expect((await parse(["edge", "start", "--no-login"])).ran?.input).toMatchObject({ login: false });
  expect((await parse(["edge", "start"])).ran?.input).toMatchObject({ login: true });
});

test.each([
  ["token create --uses 0", "--uses"],
  ["token create --uses 1e3", "--uses"],
  ["token create --expiry 31d", "--expiry"],
  ["token create --expiry soon", "--expiry"],
  ["network create Shop", "NAME"],
  ["connector run --expose api", "--expose"],
  ["connector run --expose api=0", "--expose"],
  ["connector run --expose api=9000/sctp", "--expose"],
  ["connector run --listen api=x:y", "--listen"],
  ["connector run --site -", "--site"],
  ["expose =80", "NAME"],
  ["edge start --api 8443", "--api"],
  ["edge start --log-level loud", "--log-level"],
  ["edge start --log-level info,session=debug", "--log-level"],
  ["connector run --log-level info,front=debug", "--log-level"],
  ["events --type site.exploded", "--type"],
  ["events --type exploded", "--type"],
  ["events --since yesterday", "--since"],
  ["events --since 2026-13-40", "--since"],
  ["events --since 2026-11-20T10:00", "--since"],
  ["site create West", "NAME"],
  ["site create west --may-offer Api", "--may-offer"],
  ["site create west --may-offer a*b", "--may-offer"],
  ["site create west --expiry 31d", "--expiry"],
  ["site update west --name We_st", "--name"],
  ["network quota shop --sites -1", "--sites"],
  ["network quota shop --sites many", "--sites"],
  ["network quota shop --events 99", "--events"],
  ["network quota shop --sessions 9999999999999", "--sessions"],
  ["edge deploy --worker No_Such", "--worker"],
  ["key create ci --role king", "--role"],
])("fairlead %s is refused, naming %s", async (line, name) => {
  const { failure, ran } = await parse(line.split(" "));
  expect(ran).toBeUndefined();
  expect(failure).toMatchObject({ code: "request.invalid" });
  expect(String(failure)).toContain(name);
});
