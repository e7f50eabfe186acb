/** The type of `env` of cloudflare:workers in these tests. */
declare namespace Cloudflare {
  interface Env extends Omit<import("../../../workers/config.ts").Env, "REGISTRY" | "ROUTER" | "CONSOLE"> {
    readonly REGISTRY: DurableObjectNamespace<import("../../../workers/registry/registry.ts").Registry>;
    readonly ROUTER: DurableObjectNamespace<import("../../../workers/router/router.ts").Router>;
    readonly CONSOLE: DurableObjectNamespace<import("../../../workers/console/console.ts").Console>;
  }
  interface GlobalProps {
    mainModule: typeof import("../../../workers/worker/index.ts");
  }
}

declare module "*.md?raw" {
  const text: string;
  export default text;
}
