/**
 * A false edge on the path answers a site's redemption with addresses of its own, under a certificate that a public CA
 * issued wrongly. It would keep the site long after that certificate expired.
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { connectorArgs } from "../../support/connector/connector.ts";
import { FalseEdge } from "../../support/edge/false-edge.ts";
import type { AttackScript } from "../attack-script.ts";

type Json = Record<string, unknown>;

/** Changes that the false edge makes to `edge` of the answer. */
const ALTERATIONS: Record<string, (own: string, honest: Json) => Json> = {
  "uplinks at its own address": (own, honest) => ({ ...honest, links: own }),
  "uplinks without TLS": (own, honest) => ({ ...honest, links: own.replace("https", "http") }),
  "uplinks at its own address, under a user": (own, honest) => ({
    ...honest,
    links: own.replace("https://", "https://edge@"),
  }),
  "another audience": (own, honest) => ({ ...honest, audience: own }),
};

/** Output of a connector once it has judged an answer: a refusal, or the state of its uplink. */
const JUDGED = /edge\.(wrong_address|internal)|"to":"/;

export const script: AttackScript = {
  name: "false-edge",
  rule: "A site dials the addresses of its token file alone, and a false edge keeps no site.",
  async run({ scene }) {
    const { cluster, edge, network } = await scene();
    const falseEdge = await FalseEdge.start(edge);
    try {
      const roots = `${cluster.fresh("public-ca")}.pem`;
      await writeFile(roots, falseEdge.publicCa);
      const env = { ...falseEdge.env, NODE_EXTRA_CA_CERTS: roots };
      const stateDir = cluster.fresh("west");
      const token = await network.token();
      const file = parse(await readFile(token, "utf8"));
      await writeFile(token, stringify({ ...file, spec: { ...file.spec, tls: "public" } }));
      const options = { site: "west", token, args: ["--drain", "0s"], env };
      const seen: string[] = [];
      let held = true;
      for (const [what, alteration] of Object.entries(ALTERATIONS)) {
        falseEdge.alter = (answer) => ({
          ...answer,
          edge: alteration(falseEdge.url, answer.edge as Json),
        });
        const victim = cluster.run("west", connectorArgs(options, stateDir), env);
        await victim.output("a judgement", ({ stdout, stderr }) => JUDGED.test(stdout + stderr) || null);
        await victim.stop();
        const stored = await readFile(join(stateDir, "site.json"), "utf8").catch(() => null);
        const refused = stored === null && falseEdge.dialled === 0;
        held &&= refused;
        seen.push(`${what}: ${refused ? "refused" : `believed, ${falseEdge.dialled} connections`}`);
      }
      falseEdge.present = false;
      const west = await cluster.connector({ ...options, stateDir });
      const { edge: reached } = JSON.parse(await readFile(join(west.stateDir, "site.json"), "utf8"));
      const home = reached.links === edge.gatewayUrl && reached.audience === edge.apiUrl;
      seen.push(`with the edge back, the same token ${home ? "joined it" : `led to ${reached.links}`}`);
      return {
        held: held && home && falseEdge.dialled === 0,
        tried: `${seen.length - 1} altered answers to a redemption, over TLS that the site trusts`,
        seen: seen.join(" · "),
        figures: { "requests answered in the edge's place": falseEdge.answered },
      };
    } finally {
      falseEdge.close();
    }
  },
};
