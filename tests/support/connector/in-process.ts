/** Connectors in this process against a real edge, with clocks that the test controls. */
import { randomBytes } from "node:crypto";
import { mergeConfig } from "../../../connector/config/connector-config.ts";
import { parseBind, parseExpose } from "../../../connector/config/service-options.ts";
import { LeveledLog, silent } from "../../../connector/log.ts";
import { Connector, type ConnectorOptions } from "../../../connector/runtime/connector.ts";
import { edgeApi } from "../../../connector/site/edge-api.ts";
import { Site } from "../../../connector/site/site.ts";
import { readToken } from "../../../connector/site/token.ts";
import { openStateDirectory } from "../../../connector/state/directory.ts";
import { ID_BYTES, makeId } from "../../../protocol/ids.ts";
import { type Cluster, eventually } from "../process/cluster.ts";

const closing: (() => Promise<void>)[] = [];

export interface InProcessOptions {
  readonly site: string;
  /** Path of a token file. */
  readonly token: string;
  readonly bind: string;
  readonly expose?: readonly string[];
  /** Changes the state directory after the site has joined and before its connector starts. */
  readonly joined?: (stateDir: string) => Promise<void>;
  /** Options for the connector's clocks, given the joined site. */
  readonly clocks?: (site: Site) => Partial<Pick<ConnectorOptions, "renewal" | "keepalive">>;
}

/** Joins, starts a connector, and waits until the registry has welcomed it. */
export async function connectorHere(
  cluster: Cluster,
  { site: name, token, bind, expose = [], joined, clocks = () => ({}) }: InProcessOptions,
): Promise<{ site: Site; connector: Connector }> {
  const stateDir = cluster.fresh(name);
  const boot = makeId("boot", randomBytes(ID_BYTES));
  const open = async () => {
    const state = openStateDirectory(stateDir, { role: "connector" });
    const site = await Site.start({
      ...{ state, boot, site: name, tokens: [token], api: edgeApi, log: silent },
      readToken: (source) => readToken(source, process.stdin),
    });
    return { state, site };
  };
  if (joined) {
    await (await open()).state.close();
    await joined(stateDir);
  }
  const { state, site } = await open();
  closing.push(() => state.close());
  const connector = await Connector.load({
    ...{ state, site, boot, software: "test", log: new LeveledLog(silent, "info") },
    config: mergeConfig({}, { bind: parseBind(bind), expose: expose.map(parseExpose) }),
    readToken: (source) => readToken(source, process.stdin),
    ...clocks(site),
  });
  closing.push(() => connector.close());
  connector.start();
  await eventually(`${name} is welcomed`, () => connector.welcomed.then(() => true));
  return { site, connector };
}

/** Stops every connector that was started here. */
export async function closeConnectors(): Promise<void> {
  for (const close of closing.splice(0).reverse()) await close();
}
