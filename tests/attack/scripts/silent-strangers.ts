/** A stranger opens more silent connections than the edge has descriptors, at each of its ports. */
import { networkStatus } from "../../../connector/operator/edge-api.ts";
import { HALF_HANDSHAKE, placeOf, Stranger } from "../../support/traffic/stranger.ts";
import type { AttackScript } from "../attack-script.ts";

const DESCRIPTORS = 1_024;
const CONNECTIONS = 1_100;

export const script: AttackScript = {
  name: "silent-strangers",
  ci: true,
  rule: "Silent connections end no process, and keep no site from the edge.",
  async run({ scene }) {
    const stage = await scene({ edge: { descriptors: DESCRIPTORS } });
    const { edge, network } = stage;
    // Before the attack: the front may close the kept connection of this process's client as a silent one, and a
    // request on it fails until this process, which dials thousands of times, has seen the end.
    const token = await network.token();
    const stranger = new Stranger();
    try {
      for (const url of [edge.localUrl, edge.localGatewayUrl]) {
        await stranger.hold(placeOf(url), CONNECTIONS);
        await stranger.hold(placeOf(url), CONNECTIONS, { words: HALF_HANDSHAKE });
      }
      await stage.cluster.connector({ site: "east", token, args: ["--drain", "0s"] });
      const status = await networkStatus(edge.client, network.id);
      const east = status.sites.find(({ name }) => name === "east")?.state;
      const ended = edge.process.lastLines(5_000).some((line) => line.includes("workerd ended"));
      return {
        held: east === "up" && !ended,
        tried: `${4 * CONNECTIONS} connections against ${DESCRIPTORS} descriptors, then a new site`,
        seen: `the site is ${east}; ${status.edge?.strangers.shed} connections shed; workerd ${ended ? "ended" : "ran on"}`,
      };
    } finally {
      await stranger.close();
    }
  },
};
