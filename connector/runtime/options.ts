/** The options of a connector. */
import type { TokenFile } from "../../protocol/tokens.ts";
import type { FollowedFile } from "../config/config-reload.ts";
import type { ConnectorConfig } from "../config/connector-config.ts";
import type { LeveledLog, Log } from "../log.ts";
import type { FlowTracer } from "../relay/flow-trace.ts";
import type { RequestSink } from "../relay/request-report.ts";
import type { SessionLimits } from "../session/limits.ts";
import type { RenewerOptions } from "../site/renewer.ts";
import type { Site } from "../site/site.ts";
import type { StateStore } from "../state/store.ts";
import type { UplinkOptions } from "../uplink/uplink.ts";

export interface ConnectorOptions {
  readonly config: ConnectorConfig;
  /** The file that the configuration follows. */
  readonly file?: FollowedFile | undefined;
  readonly state: StateStore;
  readonly site: Site;
  readonly boot: string;
  readonly software: string;
  readonly readToken: (source: string) => Promise<TokenFile>;
  readonly log: LeveledLog;
  /** Traces streams and requests; nothing is traced unless given. */
  readonly tracer?: (FlowTracer & RequestSink) | undefined;
  /** The last lines of the log; none unless given. */
  readonly recentLines?: (() => readonly string[]) | undefined;
  /** Session limits that no option sets; tests have others. */
  readonly limits?: Partial<SessionLimits> | undefined;
  /** The variables of the process, which name a pod and its API server; none unless given. */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined;
  /** Clocks and intervals; tests have others. */
  readonly renewal?: Partial<Pick<RenewerOptions, "now" | "random">> | undefined;
  readonly keepalive?: UplinkOptions["keepalive"];
}

/** The options that parts of a connector use. Their log need not have a level. */
export type PartOptions = Omit<ConnectorOptions, "log"> & { readonly log: Log };
