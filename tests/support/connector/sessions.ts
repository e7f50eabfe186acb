/** The sessions of a connector, by its status and log. */
import type { SessionLine } from "../../../connector/control/schema.ts";
import { type Connector, eventually } from "../process/cluster.ts";

/** Returns the only session of a connector. @throws Error when the connector has none or several */
export async function onlySession(connector: Connector): Promise<SessionLine> {
  const { sessions } = await connector.status();
  const [session] = sessions;
  if (session === undefined || sessions.length !== 1)
    throw new Error(`The connector has ${sessions.length} sessions.`);
  return session;
}

/** Returns the codes of ended sessions in a connector's log: of all sessions, or of one. */
export function endCodes(connector: Connector, session?: string): unknown[] {
  return connector.log().flatMap((line) => {
    if (line.session === undefined || line.to !== "closed") return [];
    return session === undefined || line.session === session ? [line.code] : [];
  });
}

/** Waits until the only session of a connector is as wanted, and returns it. */
export async function session(
  connector: Connector,
  what: string,
  wanted: (line: SessionLine) => boolean,
  within = 120_000,
): Promise<SessionLine> {
  return await eventually(
    `the session of ${connector.site} ${what}`,
    async () => {
      const line = await onlySession(connector);
      return wanted(line) ? line : null;
    },
    { within },
  );
}
