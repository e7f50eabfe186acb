/** Pino's readable lines, which only a terminal needs; see pino.ts. */
export { prettyFactory } from "pino-pretty";
