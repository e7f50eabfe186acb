/** The pages of the door for browsers: plain HTML without scripts, which nothing may frame. */
import { encodeBase64 } from "../../protocol/encoding.ts";

const STYLE = `
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 26rem; margin: 15vh auto 0; padding: 0 1rem; }
h1 { font-size: 1.25rem; }
label, input, button { display: block; font: inherit; }
input { box-sizing: border-box; width: 100%; margin: 0.25rem 0 1rem; padding: 0.5rem; }
button { padding: 0.5rem 1rem; }
.error { border-left: 0.25rem solid; padding-left: 0.75rem; }
`;

export interface PageOptions {
  readonly status: number;
  readonly title: string;
  /** HTML, whose texts are escaped. */
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** A page. */
export async function page({ status, title, body, headers }: PageOptions): Promise<Response> {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(STYLE));
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${escapeHtml(title)}</h1>
${body}
</main>
</body>
</html>
`;
  return new Response(html, {
    status,
    headers: {
      "content-type": "text/html; charset=utf-8",
      "cache-control": "no-store",
      "content-security-policy": [
        "default-src 'none'",
        `style-src 'sha256-${encodeBase64(new Uint8Array(hash))}'`,
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
      ].join("; "),
      "x-content-type-options": "nosniff",
      // With "no-referrer", browsers would send the form with `Origin: null` (Fetch, "append a request Origin header").
      "referrer-policy": "same-origin",
      ...headers,
    },
  });
}

/** A text as HTML shows it, also in attributes in double quotes. */
export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (special) => `&#${special.charCodeAt(0)};`);
}

/** A form that asks for a key. @param to path after the sign-in */
export function keyForm(action: string, to: string): string {
  return `<form method="post" action="${escapeHtml(action)}">
<label for="key">Key</label>
<input id="key" name="key" type="password" autocomplete="current-password" maxlength="200" required autofocus>
<input name="to" type="hidden" value="${escapeHtml(to)}">
<button>Sign in</button>
</form>`;
}

/** A form with a button alone. */
export function buttonForm(action: string, label: string): string {
  return `<form method="post" action="${escapeHtml(action)}"><button>${escapeHtml(label)}</button></form>`;
}
