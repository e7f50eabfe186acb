/** The edge that a state directory belongs to, and how to reach it. Pure. */
import type * as z from "zod";
import { FairleadError } from "../../../protocol/errors.ts";
import { EdgeRecord, FILES, NEWEST_RECORD } from "../../edge/credentials/credentials.ts";
import { parseRecord } from "../../state/record.ts";
import { DEPLOYMENT_FILE, DeploymentRecord, NEWEST_DEPLOYMENT_RECORD } from "../deploy/deployment-record.ts";
import type { Header } from "./backup.ts";

/** How a client reaches the API of an edge. */
export interface Reach {
  readonly url: string;
  readonly key: string;
  readonly ca?: string;
}

/** The edge of a state directory. */
export interface Origin {
  readonly reach: Reach;
  readonly urls: Header["urls"];
}

/**
 * Finds the edge of some files. An embedded edge is reached with its own CA as the only root, an edge on
 * Cloudflare at its own hostname only, so that a backup never contains the files of one edge and the networks
 * of another.
 * @param login null without a login; then the admin key among the files is used
 * @throws FairleadError request.invalid, state.corrupt, edge.not_logged_in
 */
export function originOf(files: ReadonlyMap<string, string>, login: Reach | null, where: string): Origin {
  const running = read(files, FILES.edge, EdgeRecord, NEWEST_RECORD, where);
  if (running !== null) {
    const reach = reachOf(login, running.urls?.api, files);
    const urls = running.urls ?? { api: reach.url, links: null };
    return { reach: { ...reach, ca: files.get(FILES.ca) ?? "" }, urls };
  }
  const deployed = read(files, DEPLOYMENT_FILE, DeploymentRecord, NEWEST_DEPLOYMENT_RECORD, where);
  if (deployed === null) {
    const records = `${FILES.edge} nor ${DEPLOYMENT_FILE}`;
    throw new FairleadError(
      "request.invalid",
      `${where} is no state directory of an edge: it has neither ${records}.`,
      {
        action:
          "Give the state directory of the edge with --state, on the machine of the edge and as its user.",
      },
    );
  }
  const urls = { api: `https://${deployed.api}`, links: `https://${deployed.links}` };
  const reach = reachOf(login, urls.api, files);
  if (reach.url !== urls.api) {
    throw new FairleadError(
      "request.invalid",
      `The login is for ${reach.url}, but the edge of ${where} is ${urls.api}.`,
      {
        action:
          "Log in to the edge of the state directory with `fairlead login URL --key-file FILE`, or give the state directory of the other edge with --state.",
      },
    );
  }
  return { reach, urls };
}

function reachOf(login: Reach | null, url: string | undefined, files: ReadonlyMap<string, string>): Reach {
  if (login !== null) return login;
  const key = files.get(FILES.adminKey)?.trim();
  if (url === undefined || !key) throw new FairleadError("edge.not_logged_in");
  return { url, key };
}

function read<T>(
  files: ReadonlyMap<string, string>,
  name: string,
  schema: z.ZodType<T>,
  newest: number,
  where: string,
): T | null {
  const text = files.get(name);
  if (text === undefined) return null;
  return parseRecord(text, schema, { file: `${name} in ${where}`, newest, role: "edge" });
}
