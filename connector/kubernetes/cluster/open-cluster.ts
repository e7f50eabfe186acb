/** The cluster of a connector: its copies, its writer, its Events and its election, made for one API server. */
import type { Log } from "../../log.ts";
import { ApiClient } from "../api/api-client.ts";
import { ApiError } from "../api/failure.ts";
import { KINDS } from "../api/kinds.ts";
import type { ApiLocation } from "../api/location.ts";
import type {
  Cluster,
  ClusterWriter,
  EventRecorder,
  Leadership,
  ObjectReference,
  OwnPod,
} from "./cluster.ts";
import { GuardedWriter, isMissingRight } from "./cluster-writer.ts";
import { EventSender, NO_EVENTS } from "./event-recorder.ts";
import { Leader } from "./leader.ts";
import type { ElectionTimes } from "./leader-election.ts";
import { LostPods } from "./lost-pods.ts";
import { connectorName } from "./names.ts";
import { Reachability, type ReachabilityState } from "./reachability.ts";
import { RefusedRights, type Right, rightOf, rightText } from "./refused-rights.ts";
import { OpenViews } from "./views.ts";

export interface ClusterOptions {
  readonly location: ApiLocation;
  /** The namespace of the connector's own objects. */
  readonly namespace: string;
  /** The namespaces whose objects may be exported; null for all. */
  readonly watched: readonly string[] | null;
  /** The namespaces in which Services for the network's services are made. */
  readonly imports: readonly string[];
  /** The first word of the names of the connector's own objects. */
  readonly name: string;
  readonly siteId: string;
  readonly siteName: () => string;
  readonly pod: OwnPod;
  /** Another text for each start: two processes in pods of one name are two. */
  readonly boot: string;
  /** Whether Kubernetes Events are recorded. */
  readonly recordsEvents: boolean;
  readonly log: Log;
  /** Times of the election; tests have shorter ones. */
  readonly electionTimes?: ElectionTimes;
  /** A clock that never goes back, ms. */
  readonly now?: () => number;
  /** 0 ≤ random() < 1. */
  readonly random?: () => number;
}

/** Between the name of a pod, which has no such character, and what tells its processes apart. */
const IDENTITY_SEPARATOR = "_";

/** What a connector tells of its cluster. */
export interface ClusterState {
  /** URL of the API server. */
  readonly server: string;
  readonly api: ReachabilityState;
  readonly isLeader: boolean;
  readonly refused: readonly Right[];
  /** Since the start. */
  readonly watchFailures: number;
  readonly writeFailures: number;
}

export class OpenCluster implements Cluster {
  readonly namespace: string;
  readonly watched: readonly string[] | null;
  readonly imports: readonly string[];
  readonly name: string;
  readonly siteId: string;
  readonly pod: OwnPod;
  readonly views: OpenViews;
  readonly writer: ClusterWriter;
  readonly events: EventRecorder;
  readonly leadership: Leadership;
  readonly log: Log;
  readonly siteName: () => string;
  readonly #server: string;
  readonly #client: ApiClient;
  readonly #reachability: Reachability;
  readonly #rights: RefusedRights;
  readonly #leader: Leader;
  readonly #lostPods: LostPods;
  readonly #sender: EventSender | undefined;
  #watchFailures = 0;
  #writeFailures = 0;

  constructor(options: ClusterOptions) {
    const { location, namespace, watched, imports, name, siteId, pod, boot, log } = options;
    const { now = () => performance.now(), random = Math.random } = options;
    this.namespace = namespace;
    this.watched = watched;
    this.imports = imports;
    this.name = name;
    this.siteId = siteId;
    this.siteName = options.siteName;
    this.pod = pod;
    this.log = log;
    this.#server = location.address.url;
    this.#reachability = new Reachability(log, () => this.views.hurry());
    this.#client = new ApiClient(location.address, location.tokens, this.#reachability);
    this.#rights = new RefusedRights(
      (right) => this.#missing(right),
      (right) => log.info({ ...right }, `The connector's account may ${rightText(right)} again.`),
    );
    const common = { client: this.#client, namespace, rights: this.#rights, now, random, log };
    this.#leader = new Leader({
      ...{ ...common, siteId, name: connectorName(name) },
      identity: `${pod.name}${IDENTITY_SEPARATOR}${boot}`,
      isLost: (identity) => this.#lostPods.has(identity.split(IDENTITY_SEPARATOR, 1)[0] ?? ""),
      times: options.electionTimes,
    });
    this.leadership = this.#leader;
    this.#sender = options.recordsEvents
      ? new EventSender({ ...common, reporter: { siteId, instance: pod.name } })
      : undefined;
    this.events = this.#sender ?? NO_EVENTS;
    this.writer = new GuardedWriter({
      client: this.#client,
      term: () => this.#leader.term,
      rights: this.#rights,
      failed: () => {
        this.#writeFailures++;
      },
    });
    this.views = new OpenViews({
      ...{ client: this.#client, namespace, name, random },
      watched,
      served: watched === null ? null : [...new Set([...watched, ...imports])],
      observer: {
        succeeded: (verb, kind, of) => this.#rights.granted(rightOf(verb, kind, of)),
        threw: (error, kind) =>
          log.error({ kind: kind.kind }, `A change of the cluster was not taken up: ${textOf(error)}`),
        failed: (failure, verb, kind, of) => {
          this.#watchFailures++;
          log.debug({ kind: kind.kind, namespace: of, ...failure }, `A ${verb} of the cluster failed.`);
          if (isMissingRight(new ApiError(failure))) this.#rights.refused(rightOf(verb, kind, of));
        },
      },
    });
    this.#lostPods = new LostPods(this.views.connectors, namespace, pod.name);
    this.views.connectors.onChange(() => this.#leader.review());
  }

  get state(): ClusterState {
    return {
      server: this.#server,
      api: this.#reachability.state,
      isLeader: this.#leader.isLeader,
      refused: this.#rights.list(),
      watchFailures: this.#watchFailures,
      writeFailures: this.#writeFailures,
    };
  }

  /** What Events about the connector itself tell of: its Deployment. */
  get self(): ObjectReference {
    const { namespace } = this;
    const name = connectorName(this.name);
    const deployment = this.views.deployments.get(namespace, name);
    const uid = deployment === undefined ? {} : { uid: deployment.meta.uid };
    return { kind: KINDS.deployments, namespace, name, ...uid };
  }

  /** Begins to read the cluster, and takes part in the election. An API server that is away is tried again and again. */
  start(): void {
    this.views.start();
    this.#leader.start();
  }

  /** Stops to write. Another connector of the site can write at once. */
  async release(): Promise<void> {
    await this.#leader.release();
  }

  async close(): Promise<void> {
    this.#reachability.close();
    await Promise.all([this.#leader.release(), this.#sender?.close(), this.views.close()]);
    await this.#client.close();
  }

  #missing(right: Right): void {
    const missing = `The connector's account may not ${rightText(right)}`;
    this.log.warn(
      { code: "kubernetes.forbidden", ...right },
      `${missing}; services and traffic go on as they are.`,
    );
    this.events.record({
      about: this.self,
      type: "Warning",
      reason: "MissingRight",
      action: "Access",
      note: `${missing}. Give the connector's ServiceAccount this right; what it already does goes on.`,
    });
  }
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
