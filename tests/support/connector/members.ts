/** A network whose sites are created by name and linked with tokens of each other. */
import { writeFile } from "node:fs/promises";
import type { Links } from "../../../connector/control/schema.ts";
import { createSite, createToken } from "../../../connector/operator/edge-api.ts";
import type { LinkWishes } from "../../../connector/site/site.ts";
import type { CreateToken } from "../../../protocol/api/tokens.ts";
import type { Connector, ConnectorOptions } from "../process/cluster.ts";
import { eventually, type TestNetwork } from "../process/cluster.ts";
import type { Suite } from "../run/suite.ts";

export class Members {
  readonly network: TestNetwork;
  readonly #suite: Suite;

  private constructor(suite: Suite, network: TestNetwork) {
    this.#suite = suite;
    this.network = network;
  }

  static async create(suite: Suite): Promise<Members> {
    return new Members(suite, await suite.cluster.network(suite.edge));
  }

  /** Creates a token file that admits exactly that site, without a link. */
  async invitation(site: string): Promise<string> {
    const wanted = { name: site, mayOffer: null, expirySeconds: 900 };
    const { token } = await createSite(this.#suite.edge.client, this.network.id, wanted);
    return await this.#file(token.file);
  }

  /** Creates a token file of a site, or of the network without `issuer`. */
  async token(issuer?: string, uses = 1): Promise<string> {
    const wanted: CreateToken = { uses, expirySeconds: 900, issuer };
    return await this.#file((await createToken(this.#suite.edge.client, this.network.id, wanted)).file);
  }

  /** Creates a member without links and starts its connector. */
  async site(site: string, options: Omit<ConnectorOptions, "site" | "token"> = {}): Promise<Connector> {
    return await this.#suite.cluster.connector({
      ...{ site, token: await this.invitation(site), args: ["--drain", "0s"] },
      ...options,
    });
  }

  /** Links a site to another with a new token of that one, and waits until the link is up. */
  async link(joiner: Connector, issuer: string, wishes: LinkWishes = {}): Promise<string> {
    const { file } = await createToken(this.#suite.edge.client, this.network.id, {
      ...{ issuer, uses: 1, expirySeconds: 900 },
    });
    const { name } = await joiner.control.link({ token: file, ...wishes });
    await linkOf(joiner, name, ({ state }) => state === "up");
    return name;
  }

  async #file(content: string): Promise<string> {
    const path = `${this.#suite.cluster.fresh("token")}.yaml`;
    await writeFile(path, content, { mode: 0o600 });
    return path;
  }
}

type LinkLine = Links["links"][number];

/** Waits until a link of a site is as wanted. */
export async function linkOf(
  site: Connector,
  name: string,
  wanted: (link: LinkLine) => boolean,
): Promise<LinkLine> {
  return await eventually(`link ${name} of ${site.site} is as wanted`, async () =>
    (await site.control.links()).links.find((link) => link.name === name && wanted(link)),
  );
}
