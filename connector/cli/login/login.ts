import { resolve } from "node:path";
import { FairleadError } from "../../../protocol/errors.ts";
import { parseEdgeOrigin } from "../../../protocol/front/edge-origin.ts";
import type { Context } from "../framework/context.ts";
import { argument, command, value } from "../framework/definition.ts";
import { readSecretText } from "../framework/secret-input.ts";
import { someText } from "../framework/values.ts";

export const login = command({
  path: ["login"],
  summary: "Store the address of an edge and your key to it.",
  details:
    "The command tries the key or the identity token first, and stores it if the edge accepts it. For an identity token in a file, the path alone is stored: every command reads the file again, so a renewed token needs no new login. FAIRLEAD_URL, FAIRLEAD_KEY, FAIRLEAD_OIDC (a file) and FAIRLEAD_CA (a file) replace the stored login, or parts of it.",
  arguments: { url: argument("URL", "Address of the edge's API, https://HOST[:PORT].", someText) },
  options: {
    keyFile: value(
      "--key-file <FILE>",
      "File with the API key. `-` is standard input. The default is FAIRLEAD_KEY.",
      someText,
    ),
    key: value(
      "--key <KEY>",
      "API key. `ps` shows it to every user of this machine, and the shell's history keeps it.",
      someText,
    ),
    oidc: value(
      "--oidc <FILE>",
      "File with an identity token (OIDC), in place of a key. `-` reads the token from standard input and stores it.",
      someText,
    ),
    ca: value("--ca <FILE>", "Deployment CA (PEM), for an edge without a public certificate.", someText),
  },
  examples: [
    {
      command: "fairlead login https://edge.example --key-file admin-key",
      says: "Logs in to an edge with a public certificate.",
    },
    {
      command: "fairlead login https://10.0.0.5:8443 --key-file admin-key --ca ca.pem",
      says: "Logs in to your own edge; both files are in its state directory.",
    },
    {
      command: "fairlead login https://edge.example --oidc /var/run/secrets/tokens/fairlead",
      says: "Logs in with a token of your identity provider.",
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
      throw new FairleadError("request.invalid", `URL: "${input.url}" is not https://HOST[:PORT].`, {
        action: "Give the address of the edge's API, which `fairlead edge start` prints, without a path.",
      });
    const { key, kept: who } = await identify(context, input);
    const ca = input.ca === undefined ? undefined : await readCa(input.ca, "--ca");

    const edge = new EdgeClient({ url, key, ca, waiting: context.progress.during });
    const networks = await listNetworks(edge).finally(() => edge.close());
    // Logging in again repairs a damaged login.
    const before = await readLogin(env).catch(() => null);
    const kept = before?.url === url ? networks.find(({ name }) => name === before.network) : undefined;
    const file = await writeLogin(env, { url, ...who, ca, network: kept?.name });

    context.answer({ url, file, networks: networks.map(({ name }) => name) }, (out) => {
      out.line(`Logged in to ${url}. It is stored in ${file}.`);
      out.line(
        networks.length === 0
          ? "There is no network yet: `fairlead network create NAME` creates one."
          : `Networks: ${networks.map(({ name }) => name).join(", ")}.`,
      );
    });
  },
});

/** Where a file with an API key comes from. */
const KEY_SOURCE =
  "`fairlead key create -o FILE` writes a key, and `fairlead edge start` writes admin-key in its state directory.";

interface Given {
  readonly keyFile: string | undefined;
  readonly key: string | undefined;
  readonly oidc: string | undefined;
}

/** The key or token that authorises requests, and the part of the login that is stored. @throws FairleadError `request.invalid` */
async function identify(
  { io, aside }: Pick<Context, "io" | "aside">,
  given: Given,
): Promise<{ readonly key: string; readonly kept: { readonly key: string } | { readonly oidc: string } }> {
  const { checkKey, parseIdentityToken, readIdentityToken } = await import(
    "../../operator/login/identity-token.ts"
  );
  if ([given.keyFile, given.key, given.oidc].filter((each) => each !== undefined).length > 1) {
    throw new FairleadError("request.invalid", "--key-file, --key and --oidc exclude each other.");
  }
  if (given.keyFile !== undefined) {
    const text = await readSecretText(io, given.keyFile, "--key-file", KEY_SOURCE);
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
    const seen = "--key shows the key to every user of this machine (`ps`) and to the shell's history.";
    aside.line(`${aside.paint("yellow", "warning:")} ${seen} Use --key-file FILE instead.`);
  }
  const key = given.key ?? io.env.FAIRLEAD_KEY;
  if (key) return { key: checkKey(key, given.key === undefined ? "FAIRLEAD_KEY" : "--key"), kept: { key } };
  throw new FairleadError(
    "request.invalid",
    "The login has no credential: neither --key-file, --oidc nor FAIRLEAD_KEY is given.",
    { action: `Give --key-file FILE. ${KEY_SOURCE}` },
  );
}
