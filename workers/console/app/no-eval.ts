/** Zod compiles schemas with `new Function` where it may. The content security policy forbids it, and reports an attempt. */
import { config } from "zod";

config({ jitless: true });
