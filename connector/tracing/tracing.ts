/** Starts the tracing of a connector, if its environment names a backend. */
import type { Log } from "../log.ts";
import type { OtlpTracer } from "./otlp-tracer.ts";
import { type Environment, isTracingWanted } from "./tracing-variables.ts";

export interface TracingOptions {
  readonly environment: Environment;
  /** Ids and names of the site and its network, the boot id and the version. */
  readonly identity: {
    readonly network: { readonly id: string; readonly name: string };
    readonly site: { readonly id: string; readonly name: string };
    readonly boot: string;
    readonly version: string;
  };
  readonly log: Log;
}

/** Null where nothing is traced. Only a connector that traces loads OpenTelemetry. */
export async function startTracing(options: TracingOptions): Promise<OtlpTracer | null> {
  const { environment, identity, log } = options;
  if (!isTracingWanted(environment)) return null;
  const { OtlpTracer } = await import("./otlp-tracer.ts");
  const { network, site, boot, version } = identity;
  const endpoint = environment.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? environment.OTEL_EXPORTER_OTLP_ENDPOINT;
  log.info({ endpoint: withoutSecrets(endpoint ?? "") }, "Streams and requests are traced.");
  return new OtlpTracer({
    ...{ environment, log },
    resource: {
      "service.version": version,
      "service.instance.id": boot,
      "fairlead.network.id": network.id,
      "fairlead.network.name": network.name,
      "fairlead.site.id": site.id,
      "fairlead.site.name": site.name,
    },
  });
}

/** The address without user, password and query. */
function withoutSecrets(endpoint: string): string {
  const url = URL.parse(endpoint);
  return url === null ? "" : `${url.origin}${url.pathname}`;
}
