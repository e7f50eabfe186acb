/** Pino, in a module of this project: an import of a CommonJS package at run time has no names in the bundle. */
export { pino, stdTimeFunctions } from "pino";
