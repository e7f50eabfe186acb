/** The state of a site in a Secret: opened before the site starts, and followed as long as the connector runs. */
import type { FairleadError } from "../../../protocol/errors.ts";
import { OutageLog } from "../../outage-log.ts";
import type { FilesPlace } from "../../state/files-reader.ts";
import { SharedState, type SharedStateOptions } from "../../state/shared-state.ts";
import type { Files } from "../../state/store.ts";
import type { ApiClient } from "../api/api-client.ts";
import { KINDS } from "../api/kinds.ts";
import type { EventRecorder, ObjectReference } from "../cluster/cluster.ts";
import { isMissingRight } from "../cluster/cluster-writer.ts";
import { watchSecret } from "./secret-watch.ts";
import { stateFailure } from "./state-failure.ts";
import { StateSecret, type StateSecretOptions } from "./state-secret.ts";

export interface SecretStateOptions
  extends Pick<SharedStateOptions, "directory" | "log" | "signal">,
    Pick<StateSecretOptions, "files" | "siteOf" | "namespace"> {
  readonly client: ApiClient;
  readonly events: EventRecorder;
  /** The first word of the names of the connector's own objects. */
  readonly name: string;
  /** @throws FairleadError `state.corrupt` for files that cannot be taken over */
  readonly check: (theirs: Files, mine: Files, place: FilesPlace) => Promise<void>;
}

/**
 * Opens the state, and tries until the API server answers, unless the directory has a site already. Null if the signal
 * aborted first.
 */
export async function openSecretState(options: SecretStateOptions): Promise<SharedState | null> {
  const { client, events, namespace, files, check, directory, log, signal } = options;
  const secret: ObjectReference = { kind: KINDS.secrets, namespace, name: `${options.name}-state` };
  const { name } = secret;
  const shared = new StateSecret({ ...options, name });
  const place = {
    place: shared.label,
    action: `Restore ${shared.label} from a copy. Without one, delete it: a connector of the site that still runs writes it again, and without any the site joins again with a new token under another name, or after \`fairlead site delete\`.`,
  };
  const refused = (error: FairleadError) => recordTrouble(events, secret, error);
  const state = await SharedState.open({
    ...{ directory, shared, names: files, refused, log, signal },
    check: (theirs, mine) => check(theirs, mine, place),
    isEnough: (mine) => options.siteOf(mine) !== null,
  });
  if (state === null) return null;
  const outage = new OutageLog(log);
  void watchSecret({
    ...{ client, namespace, name, signal },
    changed: () => void state.synchronize(),
    opened: () => outage.ended({}, (length) => `Changes of ${shared.label} are seen again, after ${length}.`),
    // Whatever else is wrong, a synchronization meets it as well and says so.
    failed: (thrown) => {
      if (!isMissingRight(thrown)) return;
      const error = stateFailure(thrown, { verb: "watch", namespace, label: shared.label });
      if (!outage.isOn) refused(error);
      outage.failed({ code: error.code, action: error.action }, error.message);
    },
  });
  return state;
}

/** An API server that does not answer takes no Event either, so that none is recorded about it. */
function recordTrouble(events: EventRecorder, about: ObjectReference, error: FairleadError): void {
  if (error.code === "kubernetes.unreachable") return;
  events.record({
    ...{ about, type: "Warning", reason: "StateRefused", action: "UseState" },
    note: `${error.message} ${error.action}`,
  });
}
