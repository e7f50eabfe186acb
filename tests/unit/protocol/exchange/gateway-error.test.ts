import { describe, expect, it } from "vitest";
import { ERRORS, type ErrorCode, FairleadError, isErrorCode } from "../../../../protocol/errors.ts";
import { gatewayError, proxyStatus, retryAfter } from "../../../../protocol/exchange/gateway-error.ts";

/** Families of codes that can reach the client of a request. */
const REACHING = /^(door|key|oidc|request|service|stream|session|exchange|lane|ticket|connector|edge)\./;
const CODES = Object.keys(ERRORS)
  .filter(isErrorCode)
  .filter((code) => REACHING.test(code));

/** The types of RFC 9209 §2.3, with the statuses that it recommends or that the type allows. */
const STATUSES: Readonly<Record<string, readonly number[]>> = {
  connection_limit_reached: [503],
  connection_read_timeout: [504],
  connection_refused: [502],
  connection_terminated: [502],
  connection_timeout: [504],
  destination_ip_unroutable: [502],
  destination_not_found: [421, 500],
  destination_unavailable: [502, 503],
  http_protocol_error: [502],
  http_request_denied: [401, 403],
  http_request_error: [400, 404, 408, 409, 413, 429, 431, 501],
  http_response_header_section_size: [502],
  proxy_configuration_error: [500],
  proxy_internal_error: [500, 502, 503],
  proxy_loop_detected: [508],
  tls_protocol_error: [502],
};

describe("the response to an error", () => {
  it.each(CODES)("has a status that fits its type: %s", (code) => {
    const { status, type } = gatewayError(code);
    expect(STATUSES[type], type).toContain(status);
    expect(proxyStatus("fairlead", code)).toBe(`fairlead; error=${type}; details="${code}"`);
  });

  it.each([
    ["service.unavailable", 503, "destination_unavailable"],
    ["service.not_exported", 503, "destination_unavailable"],
    ["service.refused", 502, "connection_refused"],
    ["service.timeout", 504, "connection_timeout"],
    ["service.loop", 508, "proxy_loop_detected"],
    ["exchange.refused", 503, "destination_unavailable"],
    ["exchange.failed", 502, "connection_terminated"],
    ["exchange.timeout", 504, "connection_read_timeout"],
    ["session.timeout", 503, "destination_unavailable"],
    ["session.lost", 502, "connection_terminated"],
    ["door.unauthorized", 401, "http_request_denied"],
    ["door.limited", 429, "http_request_error"],
    ["door.too_large", 431, "http_request_error"],
    ["door.stalled", 408, "http_request_error"],
    ["door.timeout", 504, "connection_read_timeout"],
    ["oidc.unreachable", 503, "proxy_internal_error"],
    ["edge.restarting", 503, "proxy_internal_error"],
    ["edge.untrusted", 503, "destination_unavailable"],
    ["certificate.expired", 503, "destination_unavailable"],
  ] as const)("is as RFC 9209 recommends: %s", (code, status, type) => {
    expect(gatewayError(code)).toEqual({ status, type });
  });

  it("asks to try again only where the code says that it helps", () => {
    const wait = (code: ErrorCode, retryAfterMs?: number) =>
      retryAfter(new FairleadError(code, undefined, retryAfterMs === undefined ? {} : { retryAfterMs }));
    expect([wait("door.unavailable"), wait("door.limited"), wait("door.limited", 2500)]).toEqual([1, 1, 3]);
    expect([wait("service.forbidden"), wait("service.refused"), wait("door.unauthorized")]).toEqual([
      null,
      null,
      null,
    ]);
  });
});
