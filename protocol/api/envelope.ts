/**
 * What the requests and answers of the API under /v1 have in common.
 *
 * The files of this folder hold its schemas, one file for each resource. The Worker validates requests by them and
 * makes the OpenAPI document from them. The CLI reads answers by them.
 */
import { z } from "zod";
import { ErrorBody } from "../errors.ts";

/** Largest request body, in bytes. */
export const MAX_BODY = 64 * 1024;

export const ErrorAnswer = z.object({ error: ErrorBody, requestId: z.string() }).meta({ id: "Error" });
