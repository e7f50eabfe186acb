import { join } from "node:path";
import { z } from "zod";
import { FairleadError } from "../../../protocol/errors.ts";
import type { Deployment } from "../../operator/deploy/plan.ts";
import type { Context } from "../framework/context.ts";
import { stateHome } from "../framework/context.ts";
import { command, flag, value } from "../framework/definition.ts";
import { accepting, someText } from "../framework/values.ts";

const DEFAULT_WORKER = "fairlead";

/** What Cloudflare allows as a Worker's name. */
const workerName = accepting(z.string().regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, "must be a DNS label"));

export const edgeDeploy = command({
  path: ["edge", "deploy"],
  summary: "put the edge on Cloudflare",
  details:
    "Needs two hostnames in a zone of yours and an API token in CLOUDFLARE_API_TOKEN (docs/deploy-cloudflare.md has its permissions). The first time makes the deployment CA and the first admin key in the state directory; after that, the same command updates the Worker, and goes on where a deployment stopped. --dry-run shows everything without an account and changes nothing.",
  options: {
    api: value(
      "--api <HOSTNAME>",
      "where people and joining sites reach the API; needed the first time",
      someText,
    ),
    gateway: value(
      "--gateway <HOSTNAME>",
      "where connectors dial, with client certificates; needed the first time",
      someText,
    ),
    state: value(
      "--state <DIR>",
      "state directory; else `fairlead/deployment` in XDG_STATE_HOME or ~/.local/state",
      someText,
    ),
    worker: value(
      "--worker <NAME>",
      `name of the Worker; else the last one, at first ${DEFAULT_WORKER}`,
      workerName,
    ),
    account: value(
      "--account <ID>",
      "the account; else CLOUDFLARE_ACCOUNT_ID, or that of the zone",
      someText,
    ),
    oidc: value(
      "--oidc <FILE>",
      "YAML: whose identity tokens are good for the API, as for `edge start`; kept for later deployments",
      someText,
    ),
    withoutOidc: flag("--without-oidc", "identity tokens are good for nothing any more"),
    wrangler: value(
      "--wrangler <FILE>",
      "wrangler's program; else the one installed beside fairlead, or that on the PATH",
      someText,
    ),
    dryRun: flag(
      "--dry-run",
      "show what would be done, and have wrangler check the Worker; needs no account",
    ),
  },
  examples: [
    {
      command: "fairlead edge deploy --api edge.example.com --gateway gateway.example.com --dry-run",
      says: "shows what the next would do",
    },
    {
      command: "fairlead edge deploy --api edge.example.com --gateway gateway.example.com",
      says: "deploys, and says what remains to be done by hand",
    },
    { command: "fairlead edge deploy", says: "updates what was deployed from the usual state directory" },
  ],
  async run(context, input) {
    const [plan, { deploy, dryRun }, { findWrangler }] = await Promise.all([
      import("../../operator/deploy/plan.ts"),
      import("../../operator/deploy/deploy.ts"),
      import("../../operator/deploy/wrangler.ts"),
    ]);
    if (input.oidc !== undefined && input.withoutOidc) {
      throw new FairleadError("request.invalid", "--oidc and --without-oidc exclude each other");
    }
    const { env } = context.io;
    const state = input.state ?? join(await stateHome(context.io), "deployment");
    const deployment = await describeDeployment(state, input);
    const did: string[] = [];
    const options = {
      deployment,
      wrangler: findWrangler(input.wrangler),
      env,
      now: context.io.now(),
      onStep: (what: string) => {
        did.push(what);
        if (!context.json) context.out.line(`${context.out.paint("green", "✓")} ${what}`);
      },
      onLine: (line: string) => {
        if (!context.json && line !== "") context.aside.line(context.aside.paint("dim", `  ${line}`));
      },
    };
    const document = { ...deployment, dryRun: input.dryRun };
    if (input.dryRun) {
      await dryRun(options);
      const words = ["wrangler", ...plan.wranglerWords(deployment, false)];
      const [steps, byHand] = [plan.steps(deployment), plan.byHand(deployment, null)];
      context.answer({ ...document, did, wrangler: words, steps, byHand }, (out) => {
        out.line();
        out.line("It would:");
        for (const [at, step] of steps.entries()) out.line(`  ${at + 1}. ${step}`);
        out.line();
        out.line("with this command, in a directory of its own:");
        out.line(`  ${words.map(quote).join(" ")}`);
        out.line();
        printByHand(context, "Then there would remain to be done by hand:", byHand);
      });
      return;
    }
    const { Cloudflare } = await import("../../operator/deploy/cloudflare.ts");
    const token = env.CLOUDFLARE_API_TOKEN;
    if (!token) {
      throw new FairleadError(
        "deploy.missing",
        "there is no API token of Cloudflare in CLOUDFLARE_API_TOKEN",
      );
    }
    const cloudflare = new Cloudflare({ token, url: env.CLOUDFLARE_API_BASE_URL || undefined });
    const byHand = await deploy(
      options,
      cloudflare,
      input.account ?? (env.CLOUDFLARE_ACCOUNT_ID || undefined),
    );
    context.answer({ ...document, did, byHand }, (out) => {
      out.line();
      out.line(`The edge is deployed: https://${deployment.api}, gateway at https://${deployment.gateway}.`);
      printByHand(context, "What remains to be done by hand:", byHand);
    });
  },
});

/** What is to be deployed: what was said, and what was said the last time. @throws FairleadError `request.invalid` */
async function describeDeployment(
  state: string,
  input: {
    readonly api: string | undefined;
    readonly gateway: string | undefined;
    readonly worker: string | undefined;
    readonly oidc: string | undefined;
    readonly withoutOidc: boolean;
  },
): Promise<Deployment> {
  const [{ parseHostnames }, { DEPLOYMENT_FILE, DeploymentRecord }, { readFile }] = await Promise.all([
    import("../../operator/deploy/hostnames.ts"),
    import("../../operator/deploy/deployment-record.ts"),
    import("node:fs/promises"),
  ]);
  const text = await readFile(join(state, DEPLOYMENT_FILE), "utf8").catch(() => null);
  // A damaged record is told when the directory is opened.
  const last = text === null ? undefined : DeploymentRecord.safeParse(tryJson(text)).data;
  const [api, gateway] = [input.api ?? last?.api, input.gateway ?? last?.links];
  if (api === undefined || gateway === undefined) {
    throw new FairleadError(
      "request.invalid",
      "the first deployment needs --api HOSTNAME and --gateway HOSTNAME",
    );
  }
  const hostnames = parseHostnames(api, gateway);
  const oidc = input.withoutOidc ? undefined : await readOidc(input.oidc, last?.oidc);
  return { state, worker: input.worker ?? last?.worker ?? DEFAULT_WORKER, ...hostnames, oidc };
}

/** The Worker's variables for identity tokens. @throws FairleadError `request.invalid` */
async function readOidc(
  path: string | undefined,
  last: Readonly<Record<string, string>> | undefined,
): Promise<Readonly<Record<string, string>> | undefined> {
  if (path === undefined) return last;
  const { readOidcFile } = await import("../../edge/workerd/oidc-file.ts");
  const { variables, authorities, onLoopback } = await readOidcFile(path);
  if (authorities.length === 0 && !onLoopback) return variables;
  throw new FairleadError(
    "request.invalid",
    `--oidc ${path}: Cloudflare reaches a provider on the internet only, with a public certificate (no \`ca\`)`,
  );
}

function tryJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function printByHand({ out }: Context, title: string, sentences: readonly string[]): void {
  out.line(title);
  for (const sentence of sentences) out.line(`  - ${sentence}`);
}

/** A word as a shell reads it. */
const quote = (word: string) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);
