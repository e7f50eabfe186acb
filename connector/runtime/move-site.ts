/** Moves the site of a state directory whose connector does not run to another address of its edge. */
import { randomBytes } from "node:crypto";
import { ID_BYTES, makeId } from "../../protocol/ids.ts";
import type { MovedSite } from "../control/schema.ts";
import type { Log } from "../log.ts";
import { edgeApi } from "../site/edge-api.ts";
import type { EdgeMove } from "../site/edge-move.ts";
import { Site } from "../site/site.ts";
import { readToken } from "../site/token.ts";
import { openStateDirectory } from "../state/directory.ts";
import { reachGateway } from "../uplink/dial.ts";

/** @throws FairleadError `state.*`, and as {@link Site.move}; the site keeps its address then */
export async function moveSite(stateDir: string, to: EdgeMove, log: Log): Promise<MovedSite> {
  const state = openStateDirectory(stateDir, { role: "connector" });
  try {
    const boot = makeId("boot", randomBytes(ID_BYTES));
    const read = (source: string) => readToken(source, process.stdin);
    const site = await Site.start({
      ...{ state, boot, site: undefined, tokens: [], api: edgeApi, readToken: read, log },
    });
    await site.move(to, reachGateway);
    return movedSite(site.membership);
  } finally {
    await state.close();
  }
}

/** The site and its address, as the command shows them. */
export function movedSite({ site, edge }: Site["membership"]): MovedSite {
  return { site: site.name, edge: edge.api, gateway: edge.gateway };
}
