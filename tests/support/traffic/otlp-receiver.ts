/** A receiver of traces by OTLP over HTTP with JSON, which keeps the spans. */
import { createServer, type Server } from "node:http";
import { json } from "node:stream/consumers";
import * as z from "zod";

const Value = z.looseObject({
  stringValue: z.string().optional(),
  intValue: z.union([z.number(), z.string()]).optional(),
});
const Attributes = z.array(z.object({ key: z.string(), value: Value }));
const Span = z.looseObject({
  traceId: z.string(),
  spanId: z.string(),
  parentSpanId: z.string().optional(),
  name: z.string(),
  kind: z.number(),
  attributes: Attributes,
  status: z.looseObject({ code: z.number().optional(), message: z.string().optional() }),
});
const Export = z.object({
  resourceSpans: z.array(
    z.looseObject({
      resource: z.looseObject({ attributes: Attributes }),
      scopeSpans: z.array(z.looseObject({ spans: z.array(Span) })),
    }),
  ),
});

export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string | undefined;
  readonly name: string;
  readonly kind: number;
  readonly attributes: Readonly<Record<string, string | number | undefined>>;
  readonly resource: Readonly<Record<string, string | number | undefined>>;
  readonly error: string | null;
}

/** Code of a status in OTLP. */
const ERROR = 2;

export class OtlpReceiver {
  readonly spans: ReceivedSpan[] = [];
  readonly #server: Server;
  readonly endpoint: string;

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.endpoint = `http://127.0.0.1:${port}`;
  }

  static async start(): Promise<OtlpReceiver> {
    const server = createServer();
    const { promise, resolve } = Promise.withResolvers<void>();
    server.listen(0, "127.0.0.1", resolve);
    await promise;
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("The receiver has no port.");
    const receiver = new OtlpReceiver(server, address.port);
    server.on("request", (request, response) => {
      void json(request).then((body) => {
        receiver.#take(Export.parse(body));
        response.setHeader("content-type", "application/json");
        response.end("{}");
      });
    });
    return receiver;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #take({ resourceSpans }: z.infer<typeof Export>): void {
    for (const { resource, scopeSpans } of resourceSpans)
      for (const { traceId, spanId, parentSpanId, name, kind, attributes, status } of scopeSpans.flatMap(
        ({ spans }) => spans,
      ))
        this.spans.push({
          ...{ traceId, spanId, parentSpanId, name, kind },
          attributes: valuesOf(attributes),
          resource: valuesOf(resource.attributes),
          error: status.code === ERROR ? (status.message ?? "") : null,
        });
  }
}

function valuesOf(attributes: z.infer<typeof Attributes>) {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [
      key,
      value.stringValue ?? (value.intValue === undefined ? undefined : Number(value.intValue)),
    ]),
  );
}
