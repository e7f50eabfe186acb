/**
 * A stand-in for wrangler where the real one would upload. It checks its arguments, environment and files, records them
 * in TMPDIR, and fails when a file there asks for it.
 *
 *     node fake-wrangler.ts --version | deploy …
 */
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";

const [verb = "", ...words] = process.argv.slice(2);
const place = process.env.TMPDIR ?? "";
const plan = join(place, "wrangler-fails");

function fail(why: string): never {
  console.error(`✘ [ERROR] ${why}`);
  process.exit(1);
}

if (verb === "--version") {
  const version = join(place, "wrangler-version");
  console.log(existsSync(version) ? readFileSync(version, "utf8") : "4.164.0");
  process.exit(0);
}
if (verb !== "deploy") fail(`Unknown argument: ${verb}`);
const { values, positionals } = parseArgs({
  args: words,
  allowPositionals: true,
  strict: true,
  options: {
    "no-bundle": { type: "boolean" },
    config: { type: "string" },
    name: { type: "string" },
    var: { type: "string", multiple: true },
    domain: { type: "string", multiple: true },
    "secrets-file": { type: "string" },
  },
});
const { CLOUDFLARE_API_TOKEN: token, CLOUDFLARE_ACCOUNT_ID: account, CI, ...environment } = process.env;
if (!token || !account)
  fail("In a non-interactive environment, it's necessary to set a CLOUDFLARE_API_TOKEN");
if (CI !== "1") fail("would ask a person");
const [script, ...others] = positionals;
if (!script || others.length > 0 || !values["no-bundle"]) fail("one built script is deployed");
if (!readFileSync(script, "utf8").includes("export")) fail(`${script} is no module`);
const config = readFileSync(values.config ?? "", "utf8");
const secrets: Record<string, string> = JSON.parse(readFileSync(values["secrets-file"] ?? "", "utf8"));
const required = /required = \[([^\]]*)\]/.exec(config)?.[1]?.match(/\w+/g) ?? [];
for (const name of required) if (!secrets[name]) fail(`The following required secret is missing: ${name}`);
/** The routes in the configuration, which wrangler 4 validates before it uploads. */
const routes = config
  .split(/^\[\[routes\]\]$/m)
  .slice(1)
  .map((table) => {
    const lines = table.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
    return Object.fromEntries(
      lines.map((line) => {
        const [key = "", text = ""] = line.split(" = ");
        return [key, JSON.parse(text)];
      }),
    );
  });
for (const { pattern, custom_domain: isDomain, zone_name: zone, ...more } of routes) {
  if (Object.keys(more).length > 0) fail("Expected routes of pattern, custom_domain and zone_name");
  if (isDomain && /[*/]/.test(pattern)) fail(`Cannot use "${pattern}" as a Custom Domain`);
  if (!isDomain && !zone) fail(`Could not find zone for \`${pattern}\``);
}
if (existsSync(plan)) fail(readFileSync(plan, "utf8"));
const note = {
  cwd: process.cwd(),
  token,
  account,
  values,
  routes,
  secrets,
  environment: Object.keys(environment).sort(),
};
appendFileSync(join(place, "wrangler-deployed"), `${JSON.stringify(note)}\n`);
console.log(`Uploaded ${values.name} (1.00 sec)`);
