import { resolve } from "node:path";
import { FairleadError } from "../../../protocol/errors.ts";
import { parseEdgeOrigin } from "../../../protocol/front/edge-origin.ts";
import type { Context } from "../framework/context.ts";
import { argument, command, value } from "../framework/definition.ts";
import { readSecretText } from "../framework/secret-input.ts";
import { someText } from "../framework/values.ts";

export const login = command({
  path: ["login"],
  summary: "store where the edge is and who you are",
  details:
    "The key or identity token is tried first and stored only if the edge accepts it. Of an identity token in a file, only where the file is is stored: it is read again by each command, so that whatever renews it there is enough. FAIRLEAD_URL, FAIRLEAD_KEY, FAIRLEAD_OIDC (a file) and FAIRLEAD_CA (a file) take the place of a stored login, or of parts of it.",
  arguments: { url: argument("URL", "the edge's API, https://HOST[:PORT]", someText) },
  options: {
    keyFile: value(
      "--key-file <FILE>",
      "file with the API key; - is standard input; else FAIRLEAD_KEY",
      someText,
    ),
    key: value(
      "--key <KEY>",
      "the API key itself, which `ps` shows to every user of this machine and the shell's history keeps",
      someText,
    ),
    oidc: value(
      "--oidc <FILE>",
      "identity token (OIDC) in place of a key; - reads it from standard input and stores it",
      someText,
    ),
    ca: value("--ca <FILE>", "deployment CA (PEM), for an edge without a public certificate", someText),
  },
  examples: [
    {
      command: "fairlead login https://edge.example --key-file admin-key",
      says: "logs in to an edge with a public certificate",
    },
    {
      command: "fairlead login https://10.0.0.5:8443 --key-file admin-key --ca ca.pem",
      says: "logs in to an edge of your own; both files are in its state directory",
    },
    {
      command: "fairlead login https://edge.example --oidc /var/run/secrets/tokens/fairlead",
      says: "logs in with what your identity provider says of you",
    },
  ],
  async run(context, input) {
    const [{ readCa }, { readLogin, writeLogin }, { EdgeClient }, { listNetworks }] = await Promise.all([
      import("../../operator/login/login.ts"),
      import("../../operator/login/stored-login.ts"),
      import("../../net/edge-client.ts"),
      import("../../operator/edge-api.ts"),
    ]);
    const { env } = context.io;
    const url = parseEdgeOrigin(input.url);
    if (url === null)
      throw new FairleadError("request.invalid", `URL: "${input.url}" is not https://HOST[:PORT]`);
    const { key, kept: who } = await identify(context, input);
    const ca = input.ca === undefined ? {} : { ca: await readCa(input.ca, "--ca") };

    const edge = new EdgeClient({ url, key, ...ca });
    const networks = await listNetworks(edge).finally(() => edge.close());
    // A login that is damaged is what logging in again repairs.
    const before = await readLogin(env).catch(() => null);
    const kept = before?.url === url ? networks.find(({ name }) => name === before.network) : undefined;
    const file = await writeLogin(env, { url, ...who, ...ca, ...(kept && { network: kept.name }) });

    context.answer({ url, file, networks: networks.map(({ name }) => name) }, (out) => {
      out.line(`Logged in to ${url}. It is stored in ${file}.`);
      out.line(
        networks.length === 0
          ? "There is no network yet: `fairlead network create NAME` makes one."
          : `Networks: ${networks.map(({ name }) => name).join(", ")}.`,
      );
    });
  },
});

interface Given {
  readonly keyFile: string | undefined;
  readonly key: string | undefined;
  readonly oidc: string | undefined;
}

/** What authorises requests, and what of it is stored. @throws FairleadError `request.invalid` */
async function identify(
  { io, aside }: Pick<Context, "io" | "aside">,
  given: Given,
): Promise<{ readonly key: string; readonly kept: { readonly key: string } | { readonly oidc: string } }> {
  const { checkKey, parseIdentityToken, readIdentityToken } = await import(
    "../../operator/login/identity-token.ts"
  );
  if ([given.keyFile, given.key, given.oidc].filter((each) => each !== undefined).length > 1) {
    throw new FairleadError("request.invalid", "--key-file, --key and --oidc exclude each other");
  }
  if (given.keyFile !== undefined) {
    const text = await readSecretText(io, given.keyFile, "--key-file");
    const key = checkKey(text.trim(), "--key-file");
    return { key, kept: { key } };
  }
  if (given.oidc === "-") {
    const token = parseIdentityToken(await io.readInput(), "--oidc");
    return { key: token, kept: { key: token } };
  }
  if (given.oidc !== undefined) {
    const file = resolve(given.oidc);
    return { key: await readIdentityToken(file, "--oidc"), kept: { oidc: file } };
  }
  if (given.key === undefined && !io.env.FAIRLEAD_KEY && io.env.FAIRLEAD_OIDC) {
    return identify({ io, aside }, { keyFile: undefined, key: undefined, oidc: io.env.FAIRLEAD_OIDC });
  }
  if (given.key !== undefined) {
    const seen = "--key shows the key to every user of this machine (`ps`) and to the shell's history";
    aside.line(`${aside.paint("yellow", "warning:")} ${seen}: give it with --key-file FILE`);
  }
  const key = given.key ?? io.env.FAIRLEAD_KEY;
  if (key) return { key: checkKey(key, given.key === undefined ? "FAIRLEAD_KEY" : "--key"), kept: { key } };
  throw new FairleadError(
    "request.invalid",
    "give the API key with --key-file or FAIRLEAD_KEY, or an identity token with --oidc",
  );
}
