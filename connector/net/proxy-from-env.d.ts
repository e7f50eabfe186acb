/** The package ships no types. */
declare module "proxy-from-env" {
  /** The URL of the proxy that the environment names for `url`, or "". */
  export function getProxyForUrl(url: string | URL): string;
}
