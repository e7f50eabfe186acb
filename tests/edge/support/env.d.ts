/** What `env` of cloudflare:workers holds in these tests. */
declare namespace Cloudflare {
  interface Env extends Omit<import("../../../workers/config.ts").Env, never> {}
  interface GlobalProps {
    mainModule: typeof import("../../../workers/index.ts");
  }
}

declare module "*.md?raw" {
  const text: string;
  export default text;
}
