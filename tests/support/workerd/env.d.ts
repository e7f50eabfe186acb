/** The type of `env` of cloudflare:workers in these tests. */
declare namespace Cloudflare {
  interface Env extends Omit<import("../../../workers/config.ts").Env, "REGISTRY" | "ROUTER"> {
    readonly REGISTRY: DurableObjectNamespace<import("../../../workers/registry/registry.ts").Registry>;
    readonly ROUTER: DurableObjectNamespace<import("../../../workers/router/router.ts").Router>;
  }
  interface GlobalProps {
    mainModule: typeof import("../../../workers/worker/index.ts");
  }
}

declare module "*.md?raw" {
  const text: string;
  export default text;
}
