/** What a connector asks the registry over its uplink, and how it reads the answers. */
import { FairleadError } from "../../protocol/errors.ts";
import type { InstanceId } from "../../protocol/instance-id.ts";
import type {
  EdgeFeature,
  Encryption,
  Invitation,
  Renewal,
  SiteView,
} from "../../protocol/uplink/messages.ts";
import type { Answer, Question } from "./connection.ts";

/** What the edge must know to be asked, and how it fails when it does not. */
export interface Needs {
  readonly feature: EdgeFeature;
  readonly error: () => FairleadError;
}

export abstract class Requests {
  /** How long a request waits for an uplink and its answer together, ms. */
  protected abstract readonly requestMs: number;

  /** Sends a question and waits for its answer. @throws FairleadError the registry's code; uplink.lost. */
  protected abstract ask(question: Question, timeoutMs: number, needs?: Needs): Promise<Answer>;

  /** @throws FairleadError session.*, service.unknown; uplink.lost. */
  async requestSession(
    service: string,
    peer: InstanceId,
    lanes = 1,
    encryption?: Encryption,
  ): Promise<Invitation> {
    const mode = encryption === undefined ? {} : { encryption };
    const question: Question = { type: "session.request", service, peer, lanes, ...mode };
    const answer = await this.ask(question, this.requestMs);
    if (answer.type !== "session.grant") throw unexpected(answer);
    return answer.invitation;
  }

  /**
   * Asks for lanes of a higher generation than the last that this side used.
   * @throws FairleadError session.unknown, session.peer_offline, session.revoked, session.forbidden; uplink.lost;
   * session.lost from an edge that is too old to know: it would take the question for a malformed message.
   */
  async requestResume(session: string, generation: number, lanes = 1): Promise<Invitation> {
    const question: Question = { type: "session.resume", session, generation, lanes };
    const answer = await this.ask(question, this.requestMs, {
      feature: "resume",
      error: () => new FairleadError("session.lost", "the edge is too old to resume sessions"),
    });
    if (answer.type !== "session.grant") throw unexpected(answer);
    return answer.invitation;
  }

  /** @throws FairleadError the registry's code; uplink.lost. */
  async requestRenewal(): Promise<Renewal> {
    const answer = await this.ask({ type: "renew" }, this.requestMs);
    if (answer.type !== "renewed") throw unexpected(answer);
    return answer.renewal;
  }

  /** The network as this site sees it. @throws FairleadError uplink.lost. */
  async requestStatus(timeoutMs = this.requestMs): Promise<SiteView> {
    const answer = await this.ask({ type: "status.request" }, timeoutMs);
    if (answer.type !== "status") throw unexpected(answer);
    return answer.view;
  }

  /** Deletes one of this site's links. @throws FairleadError link.unknown; uplink.lost; uplink.version from an edge that is too old. */
  async deleteLink(link: string): Promise<void> {
    const answer = await this.ask({ type: "link.delete", link }, this.requestMs, {
      feature: "links",
      error: () => new FairleadError("uplink.version", "the edge is too old to delete links: update it"),
    });
    if (answer.type !== "done") throw unexpected(answer);
  }
}

function unexpected(answer: Answer): FairleadError {
  return new FairleadError("uplink.malformed", `the edge answered with ${answer.type}`);
}
