/** @peculiar/x509, loaded after the polyfill that it needs. Import it from here. */
import "reflect-metadata";

export * from "@peculiar/x509";
