/** The commands that the console shows: each exists, with its options, and names the network where it can. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseAst } from "vitest/node";
import { COMMANDS } from "../../../connector/cli/commands.ts";
import { networkOption } from "../../../connector/cli/framework/options.ts";
import { isNode, templateText } from "../../../scripts/actions.ts";
import { forNetwork, NETWORK_COMMANDS } from "../../../workers/console/app/format/command.ts";
import { ROOT } from "../../support/run/repository-files.ts";
import { problemOf, surplusOf } from "./shown-command.ts";

/** A command without `fairlead`. A word is NAME where it is known at run time only. */
type Words = readonly string[];

/** The words that an expression can stand for: one list for each way that its conditions can turn out. */
function wordsOf(value: unknown): Words[] {
  if (Array.isArray(value)) {
    return value.reduce<Words[]>(
      (heads, each) => heads.flatMap((head) => wordsOf(each).map((tail) => [...head, ...tail])),
      [[]],
    );
  }
  if (!isNode(value)) return [[]];
  switch (value.type) {
    case "Literal":
      return [[String(value.value)]];
    case "ArrayExpression":
      return wordsOf(value.elements);
    case "SpreadElement":
      return wordsOf(value.argument);
    case "ParenthesizedExpression":
      return wordsOf(value.expression);
    case "ConditionalExpression":
      return [...wordsOf(value.consequent), ...wordsOf(value.alternate)];
    default:
      return [["NAME"]];
  }
}

/** The words of a text that is a command. */
function wordsIn(text: string): Words[] {
  const [, command] = /^fairlead (.+)$/.exec(text.trim()) ?? [];
  return command === undefined ? [] : [command.replaceAll(/"[^"]*"|'[^']*'/g, "NAME").split(/\s+/)];
}

/** The commands in a source: calls of `fairlead`, and texts that begin with it. */
function commandsIn(source: string): Words[] {
  const found: Words[] = [];
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) for (const each of value) visit(each);
    if (!isNode(value)) return;
    if (value.type === "CallExpression" && isNode(value.callee) && value.callee.name === "fairlead")
      found.push(...wordsOf(value.arguments));
    if (value.type === "Literal" || value.type === "JSXText") found.push(...wordsIn(String(value.value)));
    // An expression may stand for an option with its value, or for nothing.
    if (value.type === "TemplateLiteral") found.push(...wordsIn(templateText(value, "")));
    for (const child of Object.values(value)) visit(child);
  };
  visit(parseAst(source, { lang: "tsx" }));
  return found;
}

const problemsIn = (source: string): string[] =>
  commandsIn(source).flatMap((words) => problemOf(words) ?? surplusOf(words) ?? []);

const sources = ["workers/console/app", "protocol/diagnosis"].flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => /\.tsx?$/.test(name))
    .map((name) => ({ file: join(folder, name), source: readFileSync(join(ROOT, folder, name), "utf8") })),
);

describe("the console", () => {
  it("shows only commands, options and arguments that exist", () => {
    const wrong = sources.flatMap(({ file, source }) => problemsIn(source).map((each) => `${file}: ${each}`));
    expect(wrong).toEqual([]);
  });

  it("shows commands on most of its pages", () => {
    const pages = sources.filter(
      ({ file, source }) => /-page\.tsx$/.test(file) && commandsIn(source).length > 0,
    );
    expect(pages.length).toBeGreaterThan(10);
  });

  it("leaves the network to the hint that shows a command", () => {
    const named = sources.filter(({ source }) =>
      commandsIn(source).some(
        (words) =>
          words.includes("--network") && forNetwork(["fairlead", ...words].join(" "), "x").endsWith(" x"),
      ),
    );
    expect(named.map(({ file }) => file)).toEqual([]);
  });
});

describe("the commands that name the network", () => {
  it("are those that take it, but for keys", () => {
    const taking = COMMANDS.filter(({ options }) => Object.values(options).includes(networkOption));
    const paths = taking.map(({ path }) => path.join(" ")).filter((path) => !path.startsWith("key "));
    expect([...NETWORK_COMMANDS].sort()).toEqual(paths.sort());
  });

  it("end with it, as a shell takes it", () => {
    expect(forNetwork("fairlead flows service:web", "prod")).toBe(
      "fairlead flows service:web --network prod",
    );
    expect(forNetwork("fairlead token create -o token.yaml", "it's")).toContain(" --network 'it'\\''s'");
    expect(forNetwork("fairlead expose web=127.0.0.1:80", "prod")).toBe("fairlead expose web=127.0.0.1:80");
    expect(forNetwork("fairlead status", "")).toBe("fairlead status");
  });
});

describe("the search for commands", () => {
  it("follows conditions, and finds texts in attributes and elements", () => {
    expect(commandsIn('fairlead("a", x ? "b" : "c", ...(y ? [] : ["--d", name]))')).toEqual([
      ["a", "b"],
      ["a", "b", "--d", "NAME"],
      ["a", "c"],
      ["a", "c", "--d", "NAME"],
    ]);
    const page = '<X command="fairlead a"><code>fairlead b</code>{`fairlead c`}</X>';
    expect(commandsIn(page)).toEqual([["a"], ["b"], ["c"]]);
  });

  it("refuses unknown commands, unknown options, and more words than there are arguments", () => {
    expect(problemsIn('fairlead("link", "stat")')).toEqual([expect.stringContaining("no command")]);
    expect(problemsIn('fairlead("status", "--net", "x")')).toEqual([expect.stringContaining("--net")]);
    expect(problemsIn('fairlead("status", "west")')).toEqual([expect.stringContaining("1 arguments of 0")]);
  });
});
