/** What pages read by calls, besides what is live. */
import { queryOptions } from "@tanstack/react-query";
import * as z from "zod";
import { ConsoleSession, ConsoleUser } from "../../../../protocol/api/console.ts";
import { ListedHostname } from "../../../../protocol/api/hostnames.ts";
import { ApiKey } from "../../../../protocol/api/keys.ts";
import { Network } from "../../../../protocol/api/networks.ts";
import { QuotaUse } from "../../../../protocol/api/quotas.ts";
import { Token } from "../../../../protocol/api/tokens.ts";
import { apiPath, call } from "./client.ts";

export const sessionQuery = queryOptions({
  queryKey: ["session"],
  queryFn: () => call("/v1/session", ConsoleSession),
  staleTime: 60_000,
});

export const networksQuery = queryOptions({
  queryKey: ["networks"],
  queryFn: () => call("/v1/networks", z.array(Network)),
  staleTime: 30_000,
});

export const tokensQuery = (network: string) =>
  queryOptions({
    queryKey: ["network", network, "tokens"],
    queryFn: () => call(apiPath`/v1/networks/${network}/tokens`, z.array(Token)),
  });

export const quotasQuery = (network: string) =>
  queryOptions({
    queryKey: ["network", network, "quotas"],
    queryFn: () => call(apiPath`/v1/networks/${network}/quotas`, QuotaUse),
  });

export const hostnamesQuery = (network: string) =>
  queryOptions({
    queryKey: ["network", network, "hostnames"],
    queryFn: () => call(apiPath`/v1/networks/${network}/hostnames`, z.array(ListedHostname)),
  });

export const keysQuery = queryOptions({
  queryKey: ["keys"],
  queryFn: () => call("/v1/keys", z.array(ApiKey)),
});

export const consoleUsersQuery = queryOptions({
  queryKey: ["console-users"],
  queryFn: () => call("/v1/console-users", z.array(ConsoleUser)),
});
