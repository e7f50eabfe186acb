import { join } from "node:path";
import * as z from "zod";
import { FairleadError } from "../../../protocol/errors.ts";
import { HostnamePattern } from "../../../protocol/hostnames.ts";
import type { DeployedConsole, Deployment } from "../../operator/deploy/plan.ts";
import type { Context } from "../framework/context.ts";
import { stateHome } from "../framework/context.ts";
import { command, flag, value, values } from "../framework/definition.ts";
import { accepting, oneOf, someText } from "../framework/values.ts";

const DEFAULT_WORKER = "fairlead";

/** The name of a Worker, as Cloudflare allows it. */
const workerName = accepting(z.string().regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, "must be a DNS label"));

export const edgeDeploy = command({
  path: ["edge", "deploy"],
  summary: "Deploy the edge to Cloudflare.",
  details:
    "The command needs two hostnames in one of your zones and an API token in CLOUDFLARE_API_TOKEN; docs/deploy-cloudflare.md lists its permissions. The first deployment creates the deployment CA and the first admin key in the state directory. Later the same command updates the Worker, and resumes a deployment that stopped halfway. --dry-run needs no account and changes nothing.",
  options: {
    api: value(
      "--api <HOSTNAME>",
      "Hostname of the API, for people and joining sites. Required for the first deployment.",
      someText,
    ),
    gateway: value(
      "--gateway <HOSTNAME>",
      "Hostname that connectors dial with client certificates. Required for the first deployment.",
      someText,
    ),
    state: value(
      "--state <DIR>",
      "State directory. The default is `fairlead/deployment` in XDG_STATE_HOME or ~/.local/state.",
      someText,
    ),
    worker: value(
      "--worker <NAME>",
      `Name of the Worker. The default is the name of the last deployment, at first ${DEFAULT_WORKER}.`,
      workerName,
    ),
    account: value(
      "--account <ID>",
      "Account. The default is CLOUDFLARE_ACCOUNT_ID, or the account of the zone.",
      someText,
    ),
    oidc: value(
      "--oidc <FILE>",
      "YAML file that names the identity provider whose tokens the API accepts, as for `edge start`. Later deployments keep it.",
      someText,
    ),
    withoutOidc: flag("--without-oidc", "Stop accepting identity tokens."),
    console: value(
      "--console <MODE>",
      "How people sign in at the console: `internal` by user and password, `oidc` at the provider of --oidc; `none` serves none, as at first. Later deployments keep it.",
      oneOf("none", "internal", "oidc"),
    ),
    doorHostname: values(
      "--door-hostname <HOSTNAME>",
      "Hostname of the public door in one of your zones, such as shop.example.com, or a pattern such as *.example.com. Can be repeated; those given replace those of the last deployment, which later deployments keep.",
      accepting(HostnamePattern),
    ),
    withoutDoor: flag("--without-door", "Serve no hostname of the public door."),
    wrangler: value(
      "--wrangler <FILE>",
      "Program of wrangler. The default is the wrangler installed beside fairlead, or the one on the PATH.",
      someText,
    ),
    dryRun: flag("--dry-run", "Show the steps and let wrangler check the Worker, without an account."),
  },
  examples: [
    {
      command: "fairlead edge deploy --api edge.example.com --gateway gateway.example.com --dry-run",
      says: "Shows the steps of the next deployment.",
    },
    {
      command: "fairlead edge deploy --api edge.example.com --gateway gateway.example.com",
      says: "Deploys the edge and lists what remains to be done by hand.",
    },
    {
      command: "fairlead edge deploy --door-hostname shop.example.com",
      says: "Also leads shop.example.com to the public door.",
    },
    {
      command: "fairlead edge deploy --console internal",
      says: "Also serves the console; `fairlead console` opens it.",
    },
    { command: "fairlead edge deploy", says: "Updates the deployment of the default state directory." },
  ],
  async run(context, input) {
    const [plan, { deploy, dryRun }, { findWrangler }] = await Promise.all([
      import("../../operator/deploy/plan.ts"),
      import("../../operator/deploy/deploy.ts"),
      import("../../operator/deploy/wrangler.ts"),
    ]);
    if (input.oidc !== undefined && input.withoutOidc) {
      throw new FairleadError("request.invalid", "--oidc and --without-oidc exclude each other.");
    }
    if (input.doorHostname.length > 0 && input.withoutDoor) {
      throw new FairleadError("request.invalid", "--door-hostname and --without-door exclude each other.");
    }
    const { env } = context.io;
    const state = input.state ?? join(await stateHome(context.io), "deployment");
    const { deployment, secrets } = await describeDeployment(state, input);
    const did: string[] = [];
    const options = {
      deployment,
      secrets,
      wrangler: findWrangler(input.wrangler),
      env,
      now: context.io.now(),
      onStep: (what: string) => {
        did.push(what);
        if (!context.json) context.out.line(`${context.out.paint("green", "✓")} ${what}`);
      },
      onLine: (line: string) => {
        if (!context.json && line !== "") context.aside.verbatim(context.aside.paint("dim", `  ${line}`));
      },
    };
    const document = { ...deployment, dryRun: input.dryRun };
    if (input.dryRun) {
      await context.progress.during("Waiting for wrangler to check the Worker.", () => dryRun(options));
      const words = ["wrangler", ...plan.wranglerWords(deployment, false)];
      const [steps, byHand] = [plan.steps(deployment), plan.byHand(deployment, null)];
      context.answer({ ...document, did, wrangler: words, steps, byHand }, (out) => {
        out.line();
        out.line("The deployment would take these steps:");
        for (const [at, step] of steps.entries()) out.line(`  ${at + 1}. ${step}`);
        out.line();
        out.line("It would run this command in a directory of its own:");
        out.command(words.map(quote).join(" "));
        out.line();
        printByHand(context, "These steps would remain to be done by hand:", byHand);
      });
      return;
    }
    const { Cloudflare } = await import("../../operator/deploy/cloudflare.ts");
    const token = env.CLOUDFLARE_API_TOKEN;
    if (!token) {
      throw new FairleadError("deploy.missing", "CLOUDFLARE_API_TOKEN holds no API token of Cloudflare.", {
        action:
          "Create an API token with the permissions in docs/deploy-cloudflare.md and set CLOUDFLARE_API_TOKEN. To see what would be done without a token, give --dry-run.",
      });
    }
    const cloudflare = new Cloudflare({ token, url: env.CLOUDFLARE_API_BASE_URL || undefined });
    const account = input.account ?? (env.CLOUDFLARE_ACCOUNT_ID || undefined);
    const byHand = await context.progress.during("Waiting for Cloudflare.", () =>
      deploy(options, cloudflare, account),
    );
    context.answer({ ...document, did, byHand }, (out) => {
      out.line();
      out.line(`The edge is deployed: https://${deployment.api}, gateway at https://${deployment.gateway}.`);
      printByHand(context, "These steps remain to be done by hand:", byHand);
    });
  },
});

/** The deployment as the options say, with the last deployment's record in place of options that are not given. @throws FairleadError `request.invalid` */
async function describeDeployment(
  state: string,
  input: {
    readonly api: string | undefined;
    readonly gateway: string | undefined;
    readonly worker: string | undefined;
    readonly oidc: string | undefined;
    readonly withoutOidc: boolean;
    readonly doorHostname: readonly string[];
    readonly withoutDoor: boolean;
    readonly console: DeployedConsole | undefined;
  },
): Promise<Described> {
  const [{ checkDoors, parseHostnames }, { DEPLOYMENT_FILE, DeploymentRecord }, { readFile }] =
    await Promise.all([
      import("../../operator/deploy/hostnames.ts"),
      import("../../operator/deploy/deployment-record.ts"),
      import("node:fs/promises"),
    ]);
  const text = await readFile(join(state, DEPLOYMENT_FILE), "utf8").catch(() => null);
  // Opening the directory reports a damaged record.
  const last = text === null ? undefined : DeploymentRecord.safeParse(tryJson(text)).data;
  const [api, gateway] = [input.api ?? last?.api, input.gateway ?? last?.links];
  if (api === undefined || gateway === undefined) {
    throw new FairleadError("request.invalid", "The first deployment needs two hostnames.", {
      action:
        "Give both --api HOSTNAME and --gateway HOSTNAME; later deployments from this state directory need neither.",
    });
  }
  const hostnames = parseHostnames(api, gateway);
  const { variables: oidc, secrets } = input.withoutOidc ? {} : await readOidc(input.oidc, last?.oidc);
  const worker = input.worker ?? last?.worker ?? DEFAULT_WORKER;
  const named = input.doorHostname.length > 0 ? input.doorHostname : (last?.doors ?? []);
  const doors = input.withoutDoor ? [] : checkDoors(named, hostnames);
  const console = input.console ?? last?.console;
  if (console === "oidc" && oidc?.OIDC_CLIENT === undefined) {
    throw new FairleadError("request.invalid", "The console has no provider at which people sign in.", {
      action: "Give --oidc FILE with the field `door`, which names the client of the provider.",
    });
  }
  return { deployment: { state, worker, ...hostnames, doors, oidc, console }, secrets };
}

/** A deployment, and the secrets that it adds to those of the state directory. */
interface Described {
  readonly deployment: Deployment;
  readonly secrets: Readonly<Record<string, string>> | undefined;
}

interface OidcValues {
  readonly variables?: Readonly<Record<string, string>> | undefined;
  readonly secrets?: Readonly<Record<string, string>> | undefined;
}

/** The Worker's variables for identity tokens, and its secrets. @throws FairleadError `request.invalid` */
async function readOidc(
  path: string | undefined,
  last: Readonly<Record<string, string>> | undefined,
): Promise<OidcValues> {
  if (path === undefined) return { variables: last };
  const { readOidcFile } = await import("../../edge/workerd/oidc-file.ts");
  const { variables, secrets, authorities, onLoopback } = await readOidcFile(path);
  if (authorities.length === 0 && !onLoopback) return { variables, secrets };
  throw new FairleadError(
    "request.invalid",
    `--oidc ${path}: Cloudflare reaches providers on the internet alone, with public certificates (no \`ca\`).`,
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
