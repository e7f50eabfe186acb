/** Writes docs/errors.md from the table in protocol/errors.ts: `npm run docs`. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ERRORS, type ErrorEntry } from "../protocol/errors.ts";
import { sentences } from "./sentences.ts";

const GROUPS: Record<string, string> = {
  request: "Requests",
  route: "Requests",
  file: "Files that a command names",
  key: "API keys",
  oidc: "Identity tokens",
  quota: "Quotas",
  link: "Links",
  network: "Networks",
  site: "Sites",
  token: "Tokens",
  csr: "Joining",
  certificate: "Certificates",
  assertion: "Assertions",
  renewal: "Renewal",
  live: "Live channels",
  telemetry: "Telemetry",
  traces: "Telemetry",
  metrics: "Telemetry",
  uplink: "Uplinks",
  ticket: "Lanes",
  lane: "Lanes",
  session: "Sessions",
  stream: "Streams",
  service: "Services",
  exchange: "Requests to services",
  listener: "Listeners",
  dns: "DNS at a site",
  console: "The console",
  hostname: "The public door",
  ingress: "The public door",
  door: "The public door",
  config: "The configuration file",
  kubernetes: "In a Kubernetes cluster",
  state: "State directories",
  connector: "The local connector",
  edge: "The edge",
  backup: "Backups",
  deploy: "Deploying",
  cli: "The command",
  output: "The command",
  host: "Services of a machine",
  proxy: "HTTP proxies",
};

const FAULTS: Record<ErrorEntry["fault"], string> = {
  caller: "the caller",
  site: "the site",
  peer: "the other site",
  edge: "the edge's operator",
};

/** The lines of one error. */
function section(code: string, entry: ErrorEntry): string[] {
  return [
    "",
    `### \`${code}\``,
    "",
    ...sentences(entry.meaning),
    ...sentences(entry.action),
    "",
    `HTTP ${entry.status} · Fix at: ${FAULTS[entry.fault]} · Retryable: ${entry.retry ? "yes" : "no"}`,
  ];
}

/** Makes the whole page as Markdown. */
export function errorsPage(): string {
  const lines = [
    "# Errors",
    "",
    "<!-- Made by `npm run docs` from protocol/errors.ts. -->",
    "",
    "Every error has a code that never changes its meaning.",
    "The code is the same in the API (`error.code`), the commands (`code:` and `--json`), the logs and the event log.",
    "Match on the code; the text may change.",
    "",
    'API responses have the form `{"error": {"code", "message", "action"}, "requestId"}` with the HTTP status below.',
    "An uplink or lane that is closed for an error has the close code 4000 + status, and the error code as its reason.",
    "The advice below is that of a code without its cause; an error has the advice of its cause where that differs.",
    "tests/unit/connector/cli/causes.txt shows message, code and advice for some eighty causes.",
    "*Fix at* says where the cause is; *Retryable* says whether the same request can succeed later by itself.",
  ];
  const groups = Map.groupBy(
    Object.entries(ERRORS) as [string, ErrorEntry][],
    ([code]) => GROUPS[code.slice(0, code.indexOf("."))] ?? "Other",
  );
  for (const [title, entries] of groups) {
    lines.push("", `## ${title}`);
    for (const [code, entry] of entries) lines.push(...section(code, entry));
  }
  return `${lines.join("\n")}\n`;
}

if (import.meta.main) {
  await writeFile(join(import.meta.dirname, "../docs/errors.md"), errorsPage());
}
