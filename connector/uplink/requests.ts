/** The requests that a connector sends to the registry over its uplink. */
import { FairleadError } from "../../protocol/errors.ts";
import type { InstanceId } from "../../protocol/instance-id.ts";
import type {
  EdgeFeature,
  Encryption,
  Invitation,
  Renewal,
  SiteView,
} from "../../protocol/uplink/messages.ts";
import type { UplinkRequest, UplinkResponse } from "./connection.ts";

/** A feature without which the edge cannot answer a request, and the error for an edge without it. */
export interface RequiredFeature {
  readonly feature: EdgeFeature;
  readonly error: () => FairleadError;
}

export abstract class UplinkRequests {
  /** Time limit of a request, including the wait for an uplink, ms. */
  protected abstract readonly requestMs: number;

  /** Sends a request and waits for its response. @throws FairleadError the registry's code; `uplink.lost`. */
  protected abstract exchange(
    request: UplinkRequest,
    timeoutMs: number,
    required?: RequiredFeature,
  ): Promise<UplinkResponse>;

  /** @throws FairleadError `session.*`, `service.unknown`; `uplink.lost`. */
  async requestSession(
    service: string,
    peer: InstanceId,
    lanes = 1,
    encryption?: Encryption,
  ): Promise<Invitation> {
    const mode = encryption === undefined ? {} : { encryption };
    const request: UplinkRequest = { type: "session.request", service, peer, lanes, ...mode };
    const response = await this.exchange(request, this.requestMs);
    if (response.type !== "session.grant") throw unexpected(response);
    return response.invitation;
  }

  /**
   * Requests lanes of a generation above the last one that this side used.
   * @throws FairleadError `session.unknown`, `session.peer_offline`, `session.revoked`, `session.forbidden`;
   * `uplink.lost`; `session.lost` for an edge that is too old, which would refuse the request as malformed.
   */
  async requestResume(session: string, generation: number, lanes = 1): Promise<Invitation> {
    const request: UplinkRequest = { type: "session.resume", session, generation, lanes };
    const response = await this.exchange(request, this.requestMs, {
      feature: "resume",
      error: () =>
        new FairleadError("session.lost", "The edge is too old to resume sessions.", {
          action:
            "Connect again; the connector opens a new session. Update the edge; `fairlead version` compares the versions.",
        }),
    });
    if (response.type !== "session.grant") throw unexpected(response);
    return response.invitation;
  }

  /** @throws FairleadError the registry's code; `uplink.lost`. */
  async requestRenewal(): Promise<Renewal> {
    const response = await this.exchange({ type: "renew" }, this.requestMs);
    if (response.type !== "renewed") throw unexpected(response);
    return response.renewal;
  }

  /**
   * Requests a certificate for the listener of a service. Returns base64 DER.
   * @param csr base64 DER
   * @param domain of the network's services in DNS; the edge's default unless given
   * @throws FairleadError `service.unknown`, `certificate.domain`; `uplink.lost`; `uplink.version` for an edge that is
   * too old, which would refuse the request as malformed.
   */
  async requestCertificate(service: string, csr: string, domain?: string): Promise<string> {
    const request: UplinkRequest = {
      ...{ type: "certificate.request", service, csr },
      ...(domain === undefined ? {} : { domain }),
    };
    const response = await this.exchange(request, this.requestMs, {
      feature: "service-certificates",
      error: () =>
        new FairleadError("uplink.version", "The edge is too old to issue certificates for services.", {
          action:
            "Update the edge, or give the listener a certificate from a file: --listen-tls NAME=CERT.pem,KEY.pem.",
        }),
    });
    if (response.type !== "certificate") throw unexpected(response);
    return response.certificate;
  }

  /** Requests the network as this site sees it. @throws FairleadError `uplink.lost`. */
  async requestStatus(timeoutMs = this.requestMs): Promise<SiteView> {
    const response = await this.exchange({ type: "status.request" }, timeoutMs);
    if (response.type !== "status") throw unexpected(response);
    return response.view;
  }

  /**
   * Deletes one of this site's links.
   * @throws FairleadError `link.unknown`; `uplink.lost`; `uplink.version` for an edge that is too old.
   */
  async deleteLink(link: string): Promise<void> {
    const response = await this.exchange({ type: "link.delete", link }, this.requestMs, {
      feature: "links",
      error: () =>
        new FairleadError("uplink.version", "The edge is too old to delete links.", {
          action: "Update the edge; `fairlead version` compares the versions.",
        }),
    });
    if (response.type !== "done") throw unexpected(response);
  }
}

function unexpected(response: UplinkResponse): FairleadError {
  return new FairleadError("uplink.malformed", `The edge answered with ${response.type}.`);
}
