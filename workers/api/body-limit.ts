/** The limit on the size of a request's body. */
import type { MiddlewareHandler } from "hono";
import { FairleadError } from "../../protocol/errors.ts";
import { readAtMost } from "../read-at-most.ts";
import type { ApiEnv } from "./context.ts";

/** Refuses a body that is too large before it is parsed, whether or not its length is announced. */
export function limitBody(limit: number): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    const { body } = c.req.raw;
    if (body !== null) {
      if (Number(c.req.header("content-length") ?? 0) > limit) throw tooLarge(limit);
      const bytes = await readAtMost(body, limit);
      if (bytes === null) throw tooLarge(limit);
      c.req.raw = new Request(c.req.raw, { body: bytes });
    }
    await next();
  };
}

function tooLarge(limit: number): FairleadError {
  return new FairleadError("request.too_large", `The body is larger than ${limit / 1024} KiB.`);
}
