/** Which edge a state directory belongs to, and how it is reached: pure decisions on files and a login. */
import type { z } from "zod";
import { FairleadError } from "../../../protocol/errors.ts";
import { EdgeRecord, FILES } from "../../edge/credentials/credentials.ts";
import { DEPLOYMENT_FILE, DeploymentRecord } from "../deploy/deployment-record.ts";
import type { Header } from "./backup.ts";

/** What a client of the edge's API needs. */
export interface Reach {
  readonly url: string;
  readonly key: string;
  readonly ca?: string;
}

export interface Origin {
  readonly reach: Reach;
  readonly urls: Header["urls"];
}

/**
 * Whose files these are. An edge that runs on workerd is asked with its own CA as the only one trusted, one on
 * Cloudflare only at its own hostname: so the files of one edge never go into a file with the networks of another.
 * @param login null when there is none; then the admin key among the files is used.
 * @throws FairleadError `request.invalid`, `state.corrupt`, `edge.not_logged_in`
 */
export function originOf(files: ReadonlyMap<string, string>, login: Reach | null, where: string): Origin {
  const running = read(files, FILES.edge, EdgeRecord, where);
  if (running !== null) {
    const reach = reachOf(login, running.urls?.api, files);
    const urls = running.urls ?? { api: reach.url, links: null };
    return { reach: { ...reach, ca: files.get(FILES.ca) ?? "" }, urls };
  }
  const deployed = read(files, DEPLOYMENT_FILE, DeploymentRecord, where);
  if (deployed === null) {
    const records = `${FILES.edge} nor ${DEPLOYMENT_FILE}`;
    throw new FairleadError(
      "request.invalid",
      `${where} is no state directory of an edge: it has neither ${records}`,
    );
  }
  const urls = { api: `https://${deployed.api}`, links: `https://${deployed.links}` };
  const reach = reachOf(login, urls.api, files);
  if (reach.url !== urls.api) {
    throw new FairleadError(
      "request.invalid",
      `the login is for ${reach.url}, while the edge of ${where} is ${urls.api}: log in there, or name another --state`,
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
  where: string,
): T | null {
  const text = files.get(name);
  if (text === undefined) return null;
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw new FairleadError("state.corrupt", `${name} in ${where} is damaged`, { cause });
  }
}
