/** The two requests of a site to the edge's API. */
import type * as z from "zod";
import { Admission, type Redeem, RenewalResponse } from "../../protocol/api/admission.ts";
import { EdgeClient } from "../net/edge-client.ts";

/**
 * Longest answer that a site reads, bytes. It leaves room above the certificates of the most links that a
 * site may have.
 */
const MAX_ANSWER = 512 * 1024;

/** The edge's API for sites. `ca` are the roots to trust, PEM. */
export interface EdgeApi {
  /** @throws FairleadError `token.*`, `site.name_taken`, `csr.*`, `edge.*`, `proxy.failed` */
  redeem(api: string, ca: readonly string[], request: Redeem): Promise<Admission>;
  /**
   * @throws FairleadError `certificate.too_old`, `renewal.refused`, `site.revoked`, `edge.*`, `proxy.failed`
   */
  renew(api: string, ca: readonly string[], assertion: string): Promise<RenewalResponse>;
}

/** The API over HTTPS. It trusts only the given roots. */
export const edgeApi: EdgeApi = {
  redeem: (url, ca, request) => post(url, ca, "/v1/redeem", Admission, request),
  renew: (url, ca, assertion) => post(url, ca, "/v1/renew", RenewalResponse, { assertion }),
};

async function post<T>(
  url: string,
  ca: readonly string[],
  path: string,
  answer: z.ZodType<T>,
  body: unknown,
): Promise<T> {
  const client = new EdgeClient({ url, ca: [...ca], maxAnswer: MAX_ANSWER });
  try {
    return await client.request("POST", path, answer, body);
  } finally {
    await client.close();
  }
}
