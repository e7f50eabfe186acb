/**
 * The common parts of requests and responses of the API under /v1.
 *
 * This folder has the schemas of the API, one file for each resource. The Worker parses requests by them and
 * makes the OpenAPI document from them. The CLI parses responses by them.
 */
import * as z from "zod";
import { ErrorBody } from "../errors.ts";

/** The largest request body, bytes. Backups have a limit of their own. */
export const MAX_BODY = 64 * 1024;

/** The body of every response with an error. */
export const ErrorResponse = z.object({ error: ErrorBody, requestId: z.string() }).meta({ id: "Error" });
