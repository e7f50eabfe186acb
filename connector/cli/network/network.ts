import { asFairleadError, FairleadError } from "../../../protocol/errors.ts";
import { NetworkName } from "../../../protocol/names.ts";
import { nearName } from "../../../protocol/near-name.ts";
import { confirm, yesOption } from "../framework/confirmation.ts";
import type { Context } from "../framework/context.ts";
import { argument, command } from "../framework/definition.ts";
import { relativeTime } from "../framework/duration.ts";
import { accepting, someText } from "../framework/values.ts";
import { networkEnding } from "../views/endings.ts";

/**
 * Stores `network` as the default network of the login. Returns false if the login is not a stored one, or cannot be
 * written, which is a warning.
 */
async function keepDefault(context: Context, network: string | undefined): Promise<boolean> {
  const { readLogin, writeLogin } = await import("../../operator/login/stored-login.ts");
  if (!(await context.login()).stored) return false;
  const stored = await readLogin(context.io.env);
  if (stored === null) return false;
  try {
    await writeLogin(context.io.env, { ...stored, network });
    return true;
  } catch (thrown) {
    context.aside.line(`warning: ${asFairleadError(thrown, "cli.internal").message}`);
    return false;
  }
}

export const networkCreate = command({
  path: ["network", "create"],
  summary: "Create a network.",
  details: "Commands without --network use it from then on.",
  arguments: {
    name: argument("NAME", "Name of the network, a DNS label such as shop.", accepting(NetworkName)),
  },
  examples: [{ command: "fairlead network create shop", says: "Creates the network shop." }],
  async run(context, { name }) {
    const { createNetwork } = await import("../../operator/edge-api.ts");
    const network = await createNetwork(await context.edge(), name);
    const kept = await keepDefault(context, network.name);
    context.answer(network, (out) => {
      out.line(
        `Network "${network.name}" created.${kept ? " Commands without --network use it from now on." : ""}`,
      );
      out.line("Next: `fairlead token create -o token.yaml` invites a site.");
    });
  },
});

export const networkList = command({
  path: ["network", "list"],
  summary: "List the networks.",
  examples: [{ command: "fairlead network list", says: "Lists the networks that your key may see." }],
  async run(context) {
    const { listNetworks } = await import("../../operator/edge-api.ts");
    const networks = await listNetworks(await context.edge());
    const chosen = context.io.env.FAIRLEAD_NETWORK || (await context.login()).network;
    const now = context.io.now();
    context.answer(networks, (out) => {
      if (networks.length === 0)
        return out.line("There are no networks. `fairlead network create NAME` creates one.");
      out.table(
        ["NAME", "CREATED", "ID"],
        networks.map(({ id, name, createdAt }) => [
          name === chosen ? `${name} *` : name,
          relativeTime(createdAt, now),
          id,
        ]),
      );
      if (networks.some(({ name }) => name === chosen))
        out.line("* Commands without --network use this network.");
    });
  },
});

export const networkUse = command({
  path: ["network", "use"],
  summary: "Choose the network for commands without --network.",
  arguments: { name: argument("NAME", "Name of the network.", accepting(NetworkName)) },
  examples: [
    { command: "fairlead network use shop", says: "Makes shop the network of commands without --network." },
  ],
  async run(context, { name }) {
    const { listNetworks } = await import("../../operator/edge-api.ts");
    const networks = await listNetworks(await context.edge());
    if (!networks.some((network) => network.name === name)) {
      const near = nearName(
        name,
        networks.map((network) => network.name),
      );
      throw new FairleadError(
        "network.unknown",
        `There is no network "${name}", or your key may not see it.${near === null ? "" : ` Did you mean ${near}?`}`,
      );
    }
    if (!(await keepDefault(context, name))) {
      throw new FairleadError(
        "request.invalid",
        "The login comes from the environment, which stores no network.",
        { action: "Set FAIRLEAD_NETWORK to the name of the network." },
      );
    }
    context.answer({ network: name }, (out) =>
      out.line(`Commands without --network use network "${name}" from now on.`),
    );
  },
});

export const networkDelete = command({
  path: ["network", "delete"],
  summary: "Delete a network with everything in it.",
  details:
    "Its sites are disconnected at once and cannot reconnect. The command names them and asks first, unless --yes is given.",
  arguments: { name: argument("NAME", "Name or id of the network.", someText) },
  options: { yes: yesOption },
  examples: [
    { command: "fairlead network delete shop", says: "Deletes the network shop, after asking." },
    { command: "fairlead network delete shop --yes", says: "Deletes the network shop without asking." },
  ],
  async run(context, { name, yes }) {
    const { deleteNetwork, networkStatus } = await import("../../operator/edge-api.ts");
    const edge = await context.edge();
    await confirm(context, yes, async () => networkEnding(await networkStatus(edge, name)));
    const network = await deleteNetwork(edge, name);
    if ((await context.login()).network === network.name) await keepDefault(context, undefined);
    context.answer(network, (out) => out.line(`Network "${network.name}" deleted.`));
  },
});
